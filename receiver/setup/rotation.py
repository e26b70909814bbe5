"""Key rotation without losing a call: a new key is accepted everywhere before any number uses it.

Make a key; wait until every serving process accepts it, and the second machine; prove it through all URLs
that numbers get; move the numbers; read back; let the older keys retire after a grace time. Each step is in
the database before the next begins, so a rotation that stopped anywhere goes on when it is run again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from receiver.keys import presence, stored
from receiver.keys.doors import FALLBACK, Door, addresses, doors, named, no_second
from receiver.keys.hops import Hop, Proof
from receiver.keys.key import Key, KeyState, short
from receiver.keys.proof import prove, reach
from receiver.keys.ring import KeyRing
from receiver.keys.route import uses_key
from receiver.keys.urls import CallbackUrls
from receiver.providers.base import Provider
from receiver.providers.numbers import NumberClient, SubscribedNumber, only_in_console, untold
from receiver.setup.apply import Progress, StepOutcome, repoint
from receiver.setup.configuring import repointed
from receiver.setup.journal import Journal
from receiver.vocabulary.errors import OperatorError
from receiver.vocabulary.mask import masked_number
from receiver.vocabulary.printable import count_of

GRACE = timedelta(days=7)
LOOK_EVERY = 1.0
"""Seconds between looks at whether all processes accept a key."""
_PATIENCE = 60.0
"""Seconds for all processes to accept a new key; each looks every few."""
_IN_A_ROW = 10
"""So many times in a row, each over a new connection, each address must accept it: there may be a process
behind it that cannot reach the database, and so cannot say that it serves."""

_AGAIN = (
    "No call is lost: the older key is still accepted. Put it right and run `receiver keys rotate` again: it"
    " goes on from here."
)
_AT_ANOTHER = (
    "What leads to another address than PUBLIC_URL does not move with a key: `receiver setup --number NUMBER"
    " --take-over` points it here."
)
_IN_ITS_PLACE = (
    "What the provider uses in place of a number's URL does not move with a key: let it use the number's own"
    " URL, by `receiver setup --number NUMBER --take-over`."
)
_ONLY_IN_CONSOLE = (
    "What the provider uses in place of a number's URL does not move with a key. Set the number's own URL, by"
    " `receiver numbers configure NUMBER --forward-sms-to here`, and then let it use the number's own URL in"
    " the provider's console."
)


class RotationError(OperatorError):
    """A rotation that cannot go on, or a key that cannot go. The message says why, and what to do."""


@dataclass(frozen=True)
class Rotated:
    """A rotation that is complete."""

    key: str
    """The fingerprint of the new key."""
    moved: tuple[Progress, ...]
    older: tuple[Key, ...]
    retires_at: datetime


@dataclass(frozen=True)
class Owner:
    """An account with a provider whose numbers have callback URLs. `urls` gives them for a key."""

    provider: Provider
    urls: Callable[[str], CallbackUrls]
    secret: str
    """What the provider signs with."""
    client: NumberClient
    journal: Journal


@dataclass(frozen=True)
class Rotator:
    """What a rotation works with. `say` talks to a person."""

    engine: Engine
    ring: KeyRing
    owners: Sequence[Owner]
    say: Callable[[str], None]
    sleep: Callable[[float], None] = time.sleep

    def unfinished(self) -> Key | None:
        """A key to which not all numbers were moved yet, because a rotation stopped."""
        return next(
            (
                key
                for key in self.ring.list()
                if key.moved_at is None
                and (key.state is KeyState.NEW or (key.state is KeyState.CURRENT and key.current_since))
            ),
            None,
        )

    def rotate(self, grace: timedelta = GRACE) -> Rotated:
        """Rotate to a new key, or go on with a rotation that stopped. `RotationError` if it cannot go on."""
        self.owners[0].urls(self.ring.current)  # raises without PUBLIC_URL: then no key is made
        begun = self.unfinished()
        fingerprint = begun.fingerprint if begun else stored.make(self.engine)
        self.ring.refresh()
        name, secret = short(fingerprint), self.ring.secret_of(fingerprint)
        if secret is None:
            raise RotationError(f"the key {name} is gone from the database: run `receiver keys rotate` again")
        self.say(f"{'Going on with' if begun else 'Made'} the key {name}.")
        self.say("Waiting until every process accepts it …")
        urls = self.owners[0].urls(secret)
        self._wait(fingerprint, urls)
        if why := no_second(self.engine, urls):
            self.say(f"Warning: {why}")
        proved = [self._prove(owner, owner.urls(secret)) for owner in self.owners]
        self.say(f"Each does, and a test with it arrived for {'; '.join(proved)}.")
        stored.make_current(self.engine, fingerprint)
        self.ring.refresh()
        moved = self._move(secret)
        older = tuple(
            key
            for key in self.ring.list()
            if key.state in (KeyState.OLDER, KeyState.RETIRING, KeyState.NEW)
            and key.fingerprint != fingerprint
        )
        until = stored.complete(self.engine, fingerprint, [key.fingerprint for key in older], grace)
        return Rotated(fingerprint, moved, older, until)

    def retire(self, key: Key) -> None:
        """Accept a key no longer. `RotationError` if it is needed, or not ours to retire."""
        if key.state is KeyState.CURRENT:
            raise RotationError(f"{key.name} is the current key. Run `receiver keys rotate` first.")
        if key.state is KeyState.RETIRED:
            raise RotationError(f"{key.name} has been retired already")
        if key.in_settings:
            raise RotationError(
                f"{key.name} stands in CALLBACK_KEYS, where only you can take it out: edit that setting and"
                " restart the service"
            )
        secret = self.ring.secret_of(key.fingerprint) or ""
        held = [(owner, number) for owner in self.owners for number in owner.client.subscribed_numbers()]
        users = [
            (masked_number(number.number), _why_it_stays(number, owner.urls(self.ring.current)))
            for owner, number in held
            if uses_key(number, secret)
        ]
        if users:
            shown = ", ".join(number for number, _ in users)
            mends = dict.fromkeys(why or "Run `receiver keys rotate` first." for _, why in users)
            raise RotationError(
                f"{key.name} is still used by {shown}, whose calls would be turned away. {' '.join(mends)}"
            )
        if unknown := [masked_number(number.number) for _, number in held if untold(number)]:
            self.say(
                f"Warning: the provider does not tell all that is used in place of the URLs of"
                f" {', '.join(unknown)}: what comes by that with {key.name} is turned away now."
            )
        stored.retire(self.engine, key.fingerprint)
        self.ring.refresh()

    def _wait(self, fingerprint: str, urls: CallbackUrls) -> None:
        until = time.monotonic() + _PATIENCE
        problem = ""
        while True:
            serving = presence.alive(self.engine)
            unaware = [name for name, accepted in serving.items() if fingerprint not in accepted]
            if not serving:
                problem = "no serving process can be seen in the database. Start `receiver serve`."
            elif unaware:
                names = ", ".join(name.rpartition(":")[0] for name in unaware)
                problem = f"a process does not accept the new key yet: {names}."
            else:
                problem = self._refused(fingerprint, urls)
            if not problem:
                return
            if time.monotonic() > until:
                raise RotationError(f"{problem} {_AGAIN}")
            self.sleep(LOOK_EVERY)

    def _refused(self, fingerprint: str, urls: CallbackUrls) -> str:
        for door in addresses(urls):
            for _ in range(_IN_A_ROW):
                found = reach(door.url).about(door.setting)
                if not found.holds:
                    why = f"{door.setting} does not accept the new key: {found.sentence} {found.mend}"
                    return why + self._by_hand(fingerprint, door, found)
        return ""

    def _by_hand(self, fingerprint: str, door: Door, found: Proof) -> str:
        """How a key is changed where the second machine never learns one of a rotation."""
        current = next(key for key in self.ring.list() if key.state is KeyState.CURRENT)
        if door.setting != FALLBACK or found.failed is not Hop.ANSWER or not current.in_settings:
            return ""
        return (
            " If it is to have a database of its own, write a fresh key in front of the others in"
            " CALLBACK_KEYS on both machines, restart them, and run `receiver doctor --fix` and"
            f" `receiver keys retire {short(fingerprint)}`."
        )

    def _prove(self, owner: Owner, urls: CallbackUrls) -> str:
        """Prove the URLs of a provider, and say of what."""
        of = f" of {owner.provider.title}" if len(self.owners) > 1 else ""
        asked = tuple(doors(urls))
        for door in asked:
            found = prove(self.engine, door.url, door.kind, owner.secret, provider=owner.provider)
            if not found.holds:
                found = found.about(door.setting)
                raise RotationError(
                    f"a test for {door.name}{of} did not arrive ({found.failed}): {found.sentence}"
                    f" {found.mend} {_AGAIN}"
                )
        return f"{named(asked)}{of}"

    def _move(self, secret: str) -> tuple[Progress, ...]:
        done: list[Progress] = []
        for owner in self.owners:
            self._move_those_of(owner, owner.urls(secret), done)
        left = [each for each in done if each.outcome in (StepOutcome.FAILED, StepOutcome.SKIPPED)]
        if left:
            were = count_of(len(done), "number was", "numbers were")
            raise RotationError(f"{len(left)} of {were} not moved. {_AGAIN}")
        return tuple(done)

    def _move_those_of(self, owner: Owner, urls: CallbackUrls, done: list[Progress]) -> None:
        with owner.journal.lease(sleep=self.sleep, say=self.say):
            active = owner.client.subscribed_numbers()
            for progress in repoint(active, urls, owner.client, owner.journal, sleep=self.sleep):
                detail = f" ({progress.detail})" if progress.detail else ""
                self.say(f"move {masked_number(progress.step.number)}: {progress.outcome}{detail}")
                done.append(progress)
        for number in active:
            if why := _why_it_stays(number, urls):
                self.say(f"{masked_number(number.number)} still has an older key. {why}")


def _why_it_stays(number: SubscribedNumber, urls: CallbackUrls) -> str:
    """Why something of a number still has an older key once it was moved; empty if nothing has."""
    own = SubscribedNumber(number.number, (repointed(number, urls) or number).routes)
    in_its_place = SubscribedNumber(number.number, overruled=number.overruled)
    beyond = SubscribedNumber(number.number, overruled=only_in_console(number.overruled, number.routes))
    stays = {_AT_ANOTHER: own, _ONLY_IN_CONSOLE: beyond, _IN_ITS_PLACE: in_its_place}
    return next((why for why, part in stays.items() if any(uses_key(part, key) for key in urls.older)), "")
