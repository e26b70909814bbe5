"""Pointing numbers at this service: decide first, act second.

`survey` asks the provider what is; `plan`, a pure function, decides what is to be done and what it costs;
`apply` does it step by step and reads back. There is no journal of our own: the provider's list of numbers
held is the journal, and both `plan` and `apply` look there first. So a run that was stopped anywhere is
continued by the next one, and a number is never bought twice or given up.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

import requests

from receiver.hoiio.client import (
    Balance,
    Capability,
    Country,
    Duration,
    Mode,
    NumberClient,
    SubscribedNumber,
    Subscription,
)
from receiver.hoiio.errors import HoiioError, OutcomeUnknown, Refused, UnexpectedAnswer
from receiver.hoiio.notifications import Kind
from receiver.offers import NotForSale, Offer, any_offer, area_of, can, country_of, find_country, offer_of

_LOOKS = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Pauses in seconds before looking again for something the provider may take a moment to show."""
_PROBE_TIMEOUT = (5.0, 10.0)


class Target(StrEnum):
    """Where a number's URL leads."""

    UNSET = "not set"
    HERE = "this service"
    OLDER_KEY = "this service, older key"
    DEAD_KEY = "this service, dead key"
    """Our address, with a key that is no longer accepted: what arrives is turned away right now."""
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True)
class CallbackUrls:
    """This service's callback URLs; `accepted` has the same with older keys that still work."""

    voice: str
    fax: str
    sms: str
    accepted: tuple[CallbackUrls, ...] = ()

    def of(self, kind: Kind) -> str:
        """The URL for one kind."""
        return {Kind.VOICE: self.voice, Kind.FAX: self.fax, Kind.SMS: self.sms}[kind]

    def target(self, url: str) -> Target:
        """Where a URL leads."""
        if not url:
            return Target.UNSET
        if url in (self.voice, self.fax, self.sms):
            return Target.HERE
        if any(older.target(url) is Target.HERE for older in self.accepted):
            return Target.OLDER_KEY
        # Ours end in <key>/<kind>; whatever else begins like ours was made by this service, too.
        address = self.voice.rpartition("/")[0].rpartition("/")[0]
        return Target.DEAD_KEY if url.startswith(f"{address}/") else Target.ELSEWHERE


@dataclass(frozen=True)
class Wish:
    """A number that should point here: this very one, or any of a country and state.

    No kinds means all that the number can do, voice rather than fax.
    """

    kinds: frozenset[Kind] = frozenset()
    number: str = ""
    country: str = ""
    state: str = ""

    @property
    def subject(self) -> str:
        """What to call it."""
        return self.number or " ".join(part for part in ("a number of", self.country, self.state) if part)


@dataclass(frozen=True)
class Survey:
    """What the provider said: the numbers held, and what is for sale for the wishes they do not fulfil."""

    active: tuple[SubscribedNumber, ...]
    offers: Mapping[Wish, Offer | NotForSale]
    balance: Balance | None = None


@dataclass(frozen=True)
class Subscribe:
    """Buy a number. `price` is due at once."""

    number: str
    country: str
    state: str
    duration: Duration
    price: Decimal
    currency: str


@dataclass(frozen=True)
class Configure:
    """Give a number these settings, all of them; the provider forgets what is not sent."""

    number: str
    forward_to: str
    forward_sms_to: str
    mode: str
    kinds: frozenset[Kind]
    """What is to point here. The other URL is kept as it was."""
    was: SubscribedNumber

    def holds(self, number: SubscribedNumber) -> bool:
        """Whether a number already has these settings. A mode that the provider does not tell agrees."""
        return (
            number.forward_to == self.forward_to
            and number.forward_sms_to == self.forward_sms_to
            and (not self.mode or number.mode in ("", self.mode))
        )


Step = Subscribe | Configure


@dataclass(frozen=True)
class Refusal:
    """Something wished for that will not be done, and why."""

    subject: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """What is to be done, in order; what is already as wished; and what is refused."""

    steps: tuple[Step, ...]
    ready: tuple[SubscribedNumber, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    left_alone: tuple[SubscribedNumber, ...] = ()
    """Numbers held that would do instead of a purchase, but point elsewhere."""
    balance: Balance | None = None
    max_cost: Decimal | None = None

    @property
    def purchases(self) -> tuple[Subscribe, ...]:
        return tuple(step for step in self.steps if isinstance(step, Subscribe))

    @property
    def cost(self) -> Decimal:
        """What is due at once."""
        return sum((step.price for step in self.purchases), Decimal(0))

    @property
    def currency(self) -> str:
        return next((step.currency for step in self.purchases), "")


class Outcome(StrEnum):
    """What became of a step."""

    DONE = "done"
    FOUND = "found done"
    """Nothing was sent, or its answer was lost, and looking showed that it is as wanted."""
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Progress:
    """A step with its outcome; a sentence says what was paid or what went wrong."""

    step: Step
    outcome: Outcome
    detail: str = ""
    number: SubscribedNumber | None = None
    """The number as read back, after a successful Configure."""


def survey(
    client: NumberClient, wanted: Sequence[Wish], urls: CallbackUrls, countries: Sequence[Country] = ()
) -> Survey:
    """Ask the provider all that `plan` needs. Changes nothing."""
    active = client.subscribed_numbers()
    missing = [wish for wish in wanted if held(wish, active, urls) is None]
    if not missing:
        return Survey(active, {})
    countries = countries or client.available_countries()
    found = {
        wish: offer_of(client, wish.number, countries, wish.state)
        if wish.number
        else any_offer(client, find_country(countries, wish.country), wish.state, wish.kinds)
        for wish in missing
    }
    return Survey(active, found, balance_if_told(client))


def balance_if_told(client: NumberClient) -> Balance | None:
    """The balance, or None if the provider does not tell: a purchase does not depend on it."""
    try:
        return client.balance()
    except (Refused, UnexpectedAnswer):
        return None


def plan(
    wanted: Sequence[Wish],
    active: Sequence[SubscribedNumber],
    *,
    urls: CallbackUrls,
    offers: Mapping[Wish, Offer | NotForSale] | None = None,
    duration: Duration = Duration.ONE_MONTH,
    balance: Balance | None = None,
    take_over: bool = False,
    max_cost: Decimal | None = None,
) -> Plan:
    """What is to be done for these wishes. Pure: asks nobody, changes nothing.

    Never buys what is held, never touches a number nobody wished for, and leaves a number that points
    elsewhere alone unless `take_over`.
    """
    steps: list[Step] = []
    ready: list[SubscribedNumber] = []
    refusals: list[Refusal] = []
    left_alone: list[SubscribedNumber] = []
    for wish in dict.fromkeys(wanted):
        number = held(wish, active, urls)
        try:
            if number is None:
                left_alone += [other for other in active if _points_elsewhere(other, wish, urls)]
                bought, number = _purchase(wish, (offers or {}).get(wish), duration)
                steps += [bought, _configure(wish, number, urls, take_over=False)]
            elif (step := _configure(wish, number, urls, take_over=take_over)).holds(number):
                ready.append(number)
            else:
                steps.append(step)
        except _ImpossibleError as impossible:
            refusals.append(Refusal(number.number if number else wish.subject, str(impossible)))
    made = Plan(tuple(steps), tuple(ready), tuple(refusals), tuple(left_alone), balance, max_cost)
    reason = _too_dear(made)
    return _without_purchases(made, reason) if reason else made


def held(wish: Wish, active: Sequence[SubscribedNumber], urls: CallbackUrls) -> SubscribedNumber | None:
    """The number held that fulfils a wish or will, once it is configured.

    For a country that is one which can do what is wanted and which nobody uses for anything else. Of several
    it is the one with the least to change.
    """
    if wish.number:
        return next((number for number in active if number.number == wish.number), None)
    fitting: list[tuple[int, SubscribedNumber]] = []
    for number in active:
        if not _lies_in(number, wish):
            continue
        try:
            kinds = _kinds(wish.kinds, number)
        except _ImpossibleError:
            if number.capabilities:
                continue
            kinds = frozenset()  # nothing is told about it: better to ask than to buy another one
        targets = [urls.target(_present(number, kind)) for kind in kinds]
        if Target.ELSEWHERE in targets or not all(_serves(number, kind) for kind in kinds):
            continue
        fitting.append((sum(target is not Target.HERE for target in targets), number))
    return min(fitting, key=lambda one: (one[0], one[1].number))[1] if fitting else None


def apply(
    decided: Plan, client: NumberClient, *, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Progress]:
    """Do the steps one by one, saying what became of each, and read back every number that was configured.

    A refusal concerns one number, and the others go on. After any other failure the rest is skipped: it
    would fail as well, or nobody can tell what it would do.
    """
    try:
        ours = {number.number for number in client.subscribed_numbers()}
    except HoiioError as error:
        yield from _skipped(decided.steps, str(error))
        return
    failed: set[str] = set()
    spent = Decimal(0)
    for at, step in enumerate(decided.steps):
        if step.number in failed:
            yield Progress(step, Outcome.SKIPPED, "the number was not bought")
            continue
        if isinstance(step, Subscribe) and step.number in ours:
            yield Progress(step, Outcome.FOUND, "already held, so nothing was paid")
            continue
        try:
            if isinstance(step, Configure):
                yield _configured(step, client, sleep)
                continue
            if decided.max_cost is not None and spent + step.price > decided.max_cost:
                # The provider charged more than it quoted.
                yield Progress(step, Outcome.FAILED, f"{spent:f} were paid, so it would exceed --max-cost")
                failed.add(step.number)
                continue
            done = buy(client, step.number, step.duration, sleep=sleep)
        except HoiioError as error:
            yield Progress(step, Outcome.FAILED, error.reason)
            if not isinstance(error, Refused):
                yield from _skipped(decided.steps[at + 1 :], "not tried after the failure above")
                return
            failed.add(step.number)
        else:
            spent += step.price if done.debit is None else done.debit
            yield Progress(step, *_receipt(step, done))


def buy(
    client: NumberClient,
    number: str,
    duration: Duration,
    *,
    before: SubscribedNumber | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Subscription:
    """Subscribe a number, or extend the one held as `before`; sent once, whatever happens.

    If the answer gets lost, looks whether the number is now held, or was extended, and returns that without
    a `debit`. Raises `OutcomeUnknown` if that does not show: nothing is ever sent again to find out.
    """
    try:
        return client.subscribe(number, duration)
    except OutcomeUnknown:
        with suppress(HoiioError):  # that looking failed, too, says nothing about the money
            for now in _looking(client, number, sleep):
                if before is None or _term(now) != _term(before):
                    return Subscription(number, "", None, now.expiry)
        raise


def unreachable(urls: CallbackUrls, kinds: frozenset[Kind]) -> dict[Kind, str]:
    """Which callback URLs do not answer as this service does, and how, tried from this machine."""
    return {kind: problem for kind in sorted(kinds) if (problem := _probe(urls.of(kind)))}


def masked_url(url: str) -> str:
    """A URL without the callback key, if it is one of the kind this service has."""
    return re.sub(r"/callbacks/[^/?#]+/(voice|fax|sms)\b", r"/callbacks/•••/\1", url)


def shown_url(url: str) -> str:
    """Host and path of any URL, without what may be secret: callback key, password, query."""
    return re.sub(r"^[a-zA-Z]+://([^/?#]*@)?|[?#].*", "", masked_url(url), flags=re.DOTALL)


class _ImpossibleError(Exception):
    """A wish that cannot be fulfilled; becomes a `Refusal`."""


def _purchase(
    wish: Wish, offer: Offer | NotForSale | None, duration: Duration
) -> tuple[Subscribe, SubscribedNumber]:
    """The purchase for a wish, and the number as it will be afterwards."""
    if not isinstance(offer, Offer):
        raise _ImpossibleError(offer.reason if offer else "it is not held, and nothing was offered")
    price = offer.rates.price(duration)
    if price is None:
        terms = ", ".join(str(rate.months) for rate in offer.rates.entries) or "none"
        raise _ImpossibleError(f"the provider quotes no price for this term; it does for months: {terms}")
    number = SubscribedNumber(
        offer.number.number,
        country=offer.country,
        state=offer.state,
        capabilities=offer.number.capabilities,
    )
    _kinds(wish.kinds, number)  # before a price is even mentioned
    step = Subscribe(number.number, offer.country, offer.state, duration, price, offer.rates.currency)
    return step, number


def _configure(wish: Wish, number: SubscribedNumber, urls: CallbackUrls, *, take_over: bool) -> Configure:
    """The settings that fulfil a wish, with everything else on the number as it is."""
    kinds = _kinds(wish.kinds, number)
    elsewhere = sorted(kind for kind in kinds if urls.target(_present(number, kind)) is Target.ELSEWHERE)
    if elsewhere and not take_over:
        hosts = {kind: shown_url(_present(number, kind)).partition("/")[0] for kind in elsewhere}
        uses = " and ".join(f"{kind} to {host}" for kind, host in hosts.items())
        raise _ImpossibleError(f"it sends {uses}, so it is left alone; --take-over points it here")
    forward_to, mode = number.forward_to, number.mode
    for kind, its_mode in ((Kind.VOICE, Mode.VOICE), (Kind.FAX, Mode.FAX)):
        if kind in kinds:
            forward_to, mode = urls.of(kind), its_mode
    if mode and number.capabilities and mode.upper() not in number.capabilities:
        mode = ""  # the provider shows one for numbers that have neither, and refuses to be sent it
    return Configure(
        number.number,
        forward_to=forward_to,
        forward_sms_to=urls.sms if Kind.SMS in kinds else number.forward_sms_to,
        mode=mode,
        kinds=kinds,
        was=number,
    )


def _kinds(asked: frozenset[Kind], number: SubscribedNumber) -> frozenset[Kind]:
    """What is to point here, of what was asked for and what the number can do."""
    capabilities = number.capabilities
    if {Kind.VOICE, Kind.FAX} <= asked:
        raise _ImpossibleError("a number takes voice or fax, never both: choose one")
    if asked:
        # A number of which nothing is told may do it: the provider refuses what it cannot.
        if capabilities and not can(capabilities, asked):
            lacking = " and ".join(sorted(kind for kind in asked if not can(capabilities, (kind,))))
            raise _ImpossibleError(f"it cannot receive {lacking}; {able(capabilities)}")
        return asked
    if not capabilities and (number.forward_to or number.forward_sms_to):
        # Nothing is told about it, but somebody has set it up for something.
        calls = Kind.FAX if number.mode == Mode.FAX else Kind.VOICE
        return frozenset(kind for kind in (calls, Kind.SMS) if _present(number, kind))
    is_fax = number.mode == Mode.FAX and bool(number.forward_to)
    calls = Kind.FAX if is_fax or Capability.VOICE not in capabilities else Kind.VOICE
    kinds = frozenset(kind for kind in (calls, Kind.SMS) if can(capabilities, (kind,)))
    if not kinds:
        raise _ImpossibleError("the provider does not tell what it can do: name it with --number and --kind")
    return kinds


def able(capabilities: frozenset[str]) -> str:
    """What a number can do, as half a sentence."""
    calls = [word.lower() for word in (Capability.VOICE, Capability.FAX) if word in capabilities]
    words = [" or ".join(calls), "sms" if Capability.SMS in capabilities else ""]
    return f"it can receive {' and '.join(word for word in words if word) or 'nothing this service knows'}"


def _present(number: SubscribedNumber, kind: Kind) -> str:
    return number.forward_sms_to if kind is Kind.SMS else number.forward_to


def _serves(number: SubscribedNumber, kind: Kind) -> bool:
    """Whether a number is free for this kind: not in use for fax if it is voice, or the other way round."""
    if kind is Kind.SMS or not number.forward_to:
        return True
    last = number.forward_to.rpartition("/")[2]
    return (number.mode or (last if last in (Kind.VOICE, Kind.FAX) else kind)) == kind


def _term(number: SubscribedNumber) -> tuple[date | None, bool | None]:
    return number.expiry, number.auto_extend


def _lies_in(number: SubscribedNumber, wish: Wish) -> bool:
    """Whether a number belongs to the wish's country and state, by its digits if the provider is silent."""
    country = number.country or country_of(number.number)
    if country != wish.country:
        return False
    # A number whose state nobody can tell counts: better to ask too little than to buy a second one.
    area = number.state or area_of(number.number)
    return not wish.state or len(area) != 2 or area == wish.state


def _points_elsewhere(number: SubscribedNumber, wish: Wish, urls: CallbackUrls) -> bool:
    """Whether a number held is what a wish for a country looks for, but for where it points."""
    if wish.number or not _lies_in(number, wish):
        return False
    try:
        kinds = _kinds(wish.kinds, number)
    except _ImpossibleError:
        return False
    return any(urls.target(_present(number, kind)) is Target.ELSEWHERE for kind in kinds)


def _too_dear(made: Plan) -> str:
    """Why the purchases cannot be afforded, or nothing."""
    price = f"{made.currency} {made.cost:f}"
    if made.max_cost is not None and made.cost > made.max_cost:
        return f"all purchases together cost {price}, which is more than --max-cost {made.max_cost:f}"
    balance = made.balance
    if balance and balance.currency == made.currency and made.cost > balance.balance:
        has = f"{balance.currency} {balance.balance:f}"
        return f"all purchases together cost {price}, and the account has {has}: top it up first"
    return ""


def _without_purchases(made: Plan, reason: str) -> Plan:
    bought = [step.number for step in made.purchases]
    return replace(
        made,
        steps=tuple(step for step in made.steps if step.number not in bought),
        refusals=made.refusals + tuple(Refusal(number, reason) for number in bought),
    )


def _skipped(steps: Sequence[Step], reason: str) -> Iterator[Progress]:
    for step in steps:
        yield Progress(step, Outcome.SKIPPED, reason)


def _receipt(step: Subscribe, done: Subscription) -> tuple[Outcome, str]:
    if done.debit is None:
        return Outcome.FOUND, "the answer was lost, but the number is held now: it was bought"
    paid = f"{done.currency} {done.debit:f} paid"
    return Outcome.DONE, paid if done.debit == step.price else f"{paid}, not {step.price:f} as quoted"


def _configured(step: Configure, client: NumberClient, sleep: Callable[[float], None]) -> Progress:
    """Configure, read back and compare. If the answer gets lost, look, and send it once more at most."""
    for _ in range(2):
        lost: OutcomeUnknown | None = None
        try:
            client.configure(
                step.number, forward_to=step.forward_to, forward_sms_to=step.forward_sms_to, mode=step.mode
            )
        except OutcomeUnknown as error:
            lost = error
        with suppress(HoiioError):
            for number in _looking(client, step.number, sleep):
                if step.holds(number):
                    detail = "the answer was lost, but it reads back as wanted" if lost else ""
                    return Progress(step, Outcome.FOUND if lost else Outcome.DONE, detail, number)
        if lost is None:
            break
    detail = lost.reason if lost else "accepted, but it does not read back so: look with `flask numbers list`"
    return Progress(step, Outcome.FAILED, detail)


def _looking(client: NumberClient, number: str, sleep: Callable[[float], None]) -> Iterator[SubscribedNumber]:
    """A number as the provider shows it, again and again for a while; nothing while it is not held."""
    for pause in _LOOKS:
        sleep(pause)
        yield from (entry for entry in client.subscribed_numbers() if entry.number == number)


def _probe(url: str) -> str:
    try:
        # A GET without parameters is how this service lets its URLs be checked; it logs nothing.
        response = requests.get(url, timeout=_PROBE_TIMEOUT, allow_redirects=False, stream=True)
    except requests.Timeout:
        return "it does not answer in time"
    except requests.RequestException:
        return "it cannot be reached"
    response.close()
    return "" if response.status_code == 200 else f"it answers HTTP {response.status_code}"
