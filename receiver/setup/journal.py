"""The journal: what is sent to the provider, written before it is sent and again when its outcome is known.

A run that dies, or whose answer is lost, leaves behind which number it tried to pay for. The next run settles
that before it pays for another one. Only one run at a time may pay: it holds a lease on the account, and no
step can begin without it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from receiver.db.engine import writing
from receiver.models import SetupLease, SetupStep
from receiver.providers.numbers import SubscribedNumber
from receiver.providers.registry import DEFAULT
from receiver.setup.plan import Configure, Extend, Step
from receiver.vocabulary.errors import OperatorError

LEASE_SECONDS = 30.0
"""How long a run that died keeps others out. A live one renews its lease three times in that time."""


class SetupError(OperatorError):
    """Setup cannot go on. The message says why, and what to do."""


class SetupAction(StrEnum):
    """What a journalled call does."""

    SUBSCRIBE = "subscribe"
    EXTEND = "extend"
    CONFIGURE = "configure"


class Ending(StrEnum):
    """What became of a call. Nothing is written while it is unknown."""

    BOUGHT = "bought"
    """The provider said so; its list of numbers held has not shown it yet."""
    HELD = "held"
    """The provider lists it: settled."""
    NOT_DONE = "not done"
    DONE = "done"


@dataclass(frozen=True)
class Attempt:
    """A payment that is not settled: its outcome is unknown, or the provider does not list it yet."""

    id: int
    action: SetupAction
    number: str
    country: str
    state: str
    before: str
    begun_at: datetime
    confirmed: bool

    def shows_in(self, active: Mapping[str, SubscribedNumber]) -> bool:
        """Whether the numbers held show that it was made."""
        now = active.get(self.number)
        return now is not None and (self.action is SetupAction.SUBSCRIBE or term_of(now) != self.before)


def account_of(api_url: str, app_id: str) -> str:
    """What an account is called in the journal; it does not reveal the credentials."""
    return hashlib.sha256(f"{api_url} {app_id}".encode()).hexdigest()[:16]


def term_of(number: SubscribedNumber) -> str:
    """A number's term, as it changes when the number is extended."""
    return f"{number.expiry} {number.auto_extend}"


class Journal:
    """The journal of one account. Steps begin only inside `lease`."""

    def __init__(
        self,
        engine: Engine,
        account: str,
        *,
        provider: str = DEFAULT.name,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self._engine = engine
        self._provider = provider
        self._account = account
        self._clock = clock or (lambda: datetime.now(UTC))
        self._holder = secrets.token_hex(8)

    @property
    def now(self) -> datetime:
        """The time, as the journal writes it."""
        return self._clock()

    @contextmanager
    def lease(
        self, *, sleep: Callable[[float], None] = time.sleep, say: Callable[[str], None] = lambda _: None
    ) -> Iterator[None]:
        """Be the only one to spend and change at this account, for as long as the block lasts.

        If somebody has the lease, waits for once until it would run out, which it does if they died, and
        raises `SetupError` if they have renewed it by then.
        """
        if other := self._take():
            wait = max(0.0, (other.until - self.now).total_seconds()) + 0.1
            say(f"{_who(other)} is at work on this account or died. Waiting {wait:.0f} s to see which …")
            sleep(wait)
            if other := self._take():
                raise SetupError(
                    f"{_who(other)} is at work on this account, so nothing was done. Wait until it is done,"
                    " then run this again."
                )
        over = threading.Event()
        renewing = threading.Thread(target=self._renew, args=(over,), name="setup-lease", daemon=True)
        renewing.start()
        try:
            yield
        finally:
            over.set()
            renewing.join()
            with suppress(SQLAlchemyError):  # it runs out by itself
                self._release()

    def begin(self, step: Step) -> int:
        """Write down what is about to be sent. Raises `SetupError` without the lease: then send nothing."""
        values: dict[str, Any] = {"action": SetupAction.CONFIGURE, "country": "", "state": ""}
        if not isinstance(step, Configure):
            values = {
                "action": SetupAction.EXTEND if isinstance(step, Extend) else SetupAction.SUBSCRIBE,
                "country": step.country,
                "state": step.state,
                "duration": step.duration,
                "price": step.price,
                "currency": step.currency,
                "before": term_of(step.was) if isinstance(step, Extend) else None,
            }
        with writing(self._engine) as connection:
            lease = self._lease(connection)
            if lease is None or lease.holder != self._holder:
                raise SetupError(
                    "this run was away for too long and another one took over, so nothing more was sent. Run"
                    " it again."
                )
            written = connection.execute(
                insert(SetupStep)
                .values(
                    provider=self._provider,
                    account=self._account,
                    number=step.number,
                    begun_at=self.now,
                    **values,
                )
                .returning(SetupStep.id)
            )
            return int(written.scalar_one())

    def end(self, attempt: int, ending: Ending, detail: str = "") -> None:
        """Write down what became of it."""
        with writing(self._engine) as connection:
            connection.execute(
                update(SetupStep)
                .where(SetupStep.id == attempt)
                .values(ended_at=self.now, outcome=ending, detail=detail or None)
            )

    def seen(self, numbers: Collection[str]) -> None:
        """Write down that the provider lists these numbers as held, whoever bought them and when."""
        table = SetupStep
        with writing(self._engine) as connection:
            connection.execute(
                update(table)
                .where(table.account == self._account, table.action == SetupAction.SUBSCRIBE)
                .where(table.outcome == Ending.BOUGHT, table.number.in_(numbers))
                .values(outcome=Ending.HELD)
            )

    def unsettled(self) -> tuple[Attempt, ...]:
        """The payments whose outcome is unknown, and those that the provider does not list yet."""
        query = (
            select(SetupStep)
            .where(
                SetupStep.account == self._account,
                SetupStep.action != SetupAction.CONFIGURE,
                SetupStep.outcome.is_(None) | (SetupStep.outcome == Ending.BOUGHT),
            )
            .order_by(SetupStep.id)
        )
        with self._engine.connect() as connection:
            return tuple(
                Attempt(
                    row.id,
                    SetupAction(row.action),
                    row.number,
                    row.country,
                    row.state,
                    row.before or "",
                    row.begun_at,
                    row.outcome == Ending.BOUGHT,
                )
                for row in connection.execute(query)
            )

    def places(self) -> dict[str, tuple[str, str]]:
        """As of which country and state each number was bought, if it was bought here."""
        table = SetupStep
        bought = (
            select(table.number, table.country, table.state)
            .where(table.account == self._account, table.action == SetupAction.SUBSCRIBE)
            .where(table.outcome.in_([Ending.BOUGHT, Ending.HELD]))
            .order_by(table.id)
        )
        with self._engine.connect() as connection:
            return {row.number: (row.country, row.state) for row in connection.execute(bought)}

    def _take(self) -> Row[Any] | None:
        """Take the lease, or return that of its holder."""
        while True:
            with suppress(IntegrityError):  # somebody else came first by a moment: look again
                return self._take_or_see()

    def _take_or_see(self) -> Row[Any] | None:
        now = self.now
        values = {
            "holder": self._holder,
            "who": f"process {os.getpid()} on {socket.gethostname()}",
            "since": now,
            "until": now + timedelta(seconds=LEASE_SECONDS),
        }
        with writing(self._engine) as connection:
            other = self._lease(connection)
            if other is None:
                connection.execute(insert(SetupLease).values(account=self._account, **values))
            elif other.until > now:
                return other
            else:
                ours = update(SetupLease).where(SetupLease.account == self._account)
                connection.execute(ours.values(**values))
        return None

    def _renew(self, over: threading.Event) -> None:
        while not over.wait(LEASE_SECONDS / 3):
            with suppress(SQLAlchemyError), writing(self._engine) as connection:
                until = self.now + timedelta(seconds=LEASE_SECONDS)
                connection.execute(update(SetupLease).where(*self._ours()).values(until=until))

    def _release(self) -> None:
        with writing(self._engine) as connection:
            connection.execute(delete(SetupLease).where(*self._ours()))

    def _ours(self) -> tuple[Any, ...]:
        return SetupLease.account == self._account, SetupLease.holder == self._holder

    def _lease(self, connection: Connection) -> Row[Any] | None:
        query = select(SetupLease).where(SetupLease.account == self._account).with_for_update()
        return connection.execute(query).one_or_none()


def _who(lease: Row[Any]) -> str:
    return f"Another run ({lease.who}, since {lease.since:%H:%M:%S} UTC)"
