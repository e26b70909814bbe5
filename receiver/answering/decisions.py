"""What was decided about calls and SMS, as the log keeps it: written in batches, read by call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, and_, delete, exists, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased

from receiver.answering.state import State
from receiver.answering.why import Why
from receiver.db.engine import writing_lazily
from receiver.models import DECISIONS, EVENTS, Decision
from receiver.vocabulary.answering import Gather, Instruction

LEASE = timedelta(seconds=30)
"""How long a process has a call to itself that is at a loss."""
GIVEN_UP = timedelta(hours=1)
"""After this long nobody looks after it any more."""
ORPHANED = timedelta(days=1)
"""After this long the events of a call are in the log, or gone from it."""
_PAGE = 500
_NEWEST = 1000
"""Decisions that are looked at for failures: a busy hour's."""
_INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision."""

    provider: str
    session: str
    decided_at: datetime
    why: tuple[Why, ...]
    instruction: Instruction | None = None
    state: State | None = None
    identity: str | None = None
    open_until: datetime | None = None
    reply: str | None = None
    ends: tuple[str, str] | None = None
    """The number and the sender of an SMS that was answered, or was to be."""
    instead: bool = False
    """Whether it takes the place of what was noted of the same event before."""

    @property
    def told(self) -> str | None:
        """What was to be done, in words."""
        from receiver.answering import words  # noqa: PLC0415  # most commands decide nothing

        if self.reply is not None:
            return f'reply "{self.reply}"'
        return None if self.instruction is None else words.of_instruction(self.instruction)


@dataclass(frozen=True, slots=True)
class Noted:
    """A decision as it is read again. Several processes note those of one call, so its time orders them."""

    decided_at: datetime
    identity: str | None
    """Of the event that led to it, None if none did."""
    why: tuple[Why, ...]
    told: str | None
    state: State | None


@dataclass(frozen=True, slots=True)
class Overdue:
    """A call of which nothing was heard in time, and whom nobody else looks after."""

    provider: str
    session: str
    state: State


def write(engine: Engine, batch: Sequence[Decided]) -> None:
    """Note what was decided. What one event led to is noted once, however often the event came, unless it
    turns out otherwise."""
    insert = _INSERT[engine.dialect.name](DECISIONS)
    changed = {name: insert.excluded[name] for name in ("decided_at", "why", "told", "asks_keys")}
    once = insert.on_conflict_do_nothing(index_elements=["identity"])
    instead = insert.on_conflict_do_update(index_elements=["identity"], set_=changed)
    with writing_lazily(engine) as connection:
        for statement, ones in (
            (once, [one for one in batch if not one.instead]),
            (instead, [one for one in batch if one.instead]),
        ):
            if ones:
                connection.execute(statement, [_row(one) for one in ones])


def _row(one: Decided) -> dict[str, Any]:
    return {
        "provider": one.provider,
        "session": one.session,
        "identity": one.identity,
        "decided_at": one.decided_at,
        "why": [why.as_json() for why in one.why],
        "told": one.told,
        "asks_keys": None if one.told is None else isinstance(one.instruction, Gather),
        "state": None if one.state is None else one.state.dumps(),
        "is_over": None if one.state is None else one.state.over,
        "number": one.ends and one.ends[0],
        "sender": one.ends and one.ends[1],
        "open_until": one.open_until,
    }


def of_session(engine: Engine, provider: str, session: str) -> list[Noted]:
    """What was decided about a call, or about an SMS by its reference, in the order in which it was."""
    query = (
        select(DECISIONS)
        .where(DECISIONS.c.session == session, DECISIONS.c.provider == provider)
        .order_by(DECISIONS.c.decided_at, DECISIONS.c.id)
    )
    with engine.connect() as connection:
        return [_noted(row) for row in connection.execute(query)]


def _noted(row: Any) -> Noted:
    return Noted(
        row.decided_at,
        row.identity,
        tuple(Why.from_json(why) for why in row.why),
        row.told,
        None if row.state is None else State.loads(row.state),
    )


def of_events(engine: Engine, identities: Sequence[str]) -> dict[str, Noted]:
    """What each of these events led to, by its identity."""
    query = select(DECISIONS).where(DECISIONS.c.identity.in_(identities))
    with engine.connect() as connection:
        return {row.identity: _noted(row) for row in connection.execute(query)}


def newest(engine: Engine, provider: str, session: str) -> State | None:
    """Where a call is, as far as that is noted."""
    query = (
        select(DECISIONS.c.state)
        .where(
            DECISIONS.c.session == session, DECISIONS.c.provider == provider, DECISIONS.c.state.is_not(None)
        )
        .order_by(DECISIONS.c.decided_at.desc(), DECISIONS.c.id.desc())
        .limit(1)
    )
    with engine.connect() as connection:
        found = connection.scalar(query)
    return None if found is None else State.loads(found)


def failed_since(engine: Engine, moment: datetime, failed: Callable[[Why], bool]) -> int:
    """How many of the newest decisions were made since then for a reason that is a failure."""
    query = select(DECISIONS.c.decided_at, DECISIONS.c.why).order_by(DECISIONS.c.id.desc()).limit(_NEWEST)
    with engine.connect() as connection:
        return sum(
            row.decided_at >= moment and any(failed(Why.from_json(why)) for why in row.why)
            for row in connection.execute(query)
        )


def replies_since(engine: Engine, moment: datetime) -> list[tuple[str, str, datetime, str, bool]]:
    """Who was to be answered since then: number, sender, when, the reference of the SMS, and whether it was
    answered, as far as that is known."""
    query = select(
        DECISIONS.c.number,
        DECISIONS.c.sender,
        DECISIONS.c.decided_at,
        DECISIONS.c.session,
        DECISIONS.c.told.is_not(None),
    ).where(DECISIONS.c.sender.is_not(None), DECISIONS.c.decided_at >= moment)
    with engine.connect() as connection:
        rows = connection.execute(query)
        return [(number, sender, at, reference, told) for number, sender, at, reference, told in rows]


def claim_overdue(engine: Engine, before: datetime, now: datetime) -> Iterator[Overdue]:
    """The calls that waited until `before` at the latest, and whose newest decision that is. For a while no
    other process gets them."""
    newer = aliased(Decision)
    free = or_(DECISIONS.c.lease_until.is_(None), DECISIONS.c.lease_until < now)
    query = select(DECISIONS.c.id, DECISIONS.c.provider, DECISIONS.c.session, DECISIONS.c.state).where(
        DECISIONS.c.open_until.is_not(None),
        DECISIONS.c.open_until < before,
        DECISIONS.c.open_until > before - GIVEN_UP,
        free,
        ~exists().where(
            newer.session == DECISIONS.c.session,
            newer.provider == DECISIONS.c.provider,
            newer.state.is_not(None),
            or_(
                newer.decided_at > DECISIONS.c.decided_at,
                and_(newer.decided_at == DECISIONS.c.decided_at, newer.id > DECISIONS.c.id),
            ),
        ),
    )
    with engine.connect() as connection:
        found = connection.execute(query).all()
    for row in found:
        claim = update(DECISIONS).where(DECISIONS.c.id == row.id, free).values(lease_until=now + LEASE)
        with writing_lazily(engine) as connection:
            claimed = connection.execute(claim).rowcount
        if claimed and row.state is not None:
            yield Overdue(row.provider, row.session, State.loads(row.state))


def wait_longer(engine: Engine, provider: str, session: str, until: datetime) -> None:
    """Look after a call later than was thought."""
    with writing_lazily(engine) as connection:
        connection.execute(
            update(DECISIONS)
            .where(
                DECISIONS.c.session == session,
                DECISIONS.c.provider == provider,
                DECISIONS.c.open_until.is_not(None),
                DECISIONS.c.open_until < until,
            )
            .values(open_until=until)
        )


def sweep(engine: Engine, now: datetime) -> None:
    """Delete what was decided about calls of which the log has no event any more, page by page."""
    last = 0
    of_call = and_(EVENTS.c.session == DECISIONS.c.session, EVENTS.c.provider == DECISIONS.c.provider)
    of_sms = EVENTS.c.identity == DECISIONS.c.identity  # no index holds its reference
    # OFFSET keeps PostgreSQL from reading the whole log once for what is asked of a few decisions.
    any_call, any_sms = (exists(select(EVENTS.c.id).where(of).limit(1).offset(0)) for of in (of_call, of_sms))
    while True:
        page = (
            select(DECISIONS.c.id, or_(any_call, any_sms).label("has_events"))
            .where(DECISIONS.c.id > last, DECISIONS.c.decided_at < now - ORPHANED)
            .order_by(DECISIONS.c.id)
            .limit(_PAGE)
        )
        with engine.connect() as connection:
            rows = connection.execute(page).all()
        orphans = [row.id for row in rows if not row.has_events]
        if orphans:
            with writing_lazily(engine) as connection:
                connection.execute(delete(DECISIONS).where(DECISIONS.c.id.in_(orphans)))
        if len(rows) < _PAGE:
            return
        last = rows[-1].id
