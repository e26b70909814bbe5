"""Who handled what, and what they noted. Whoever is first has it; nobody's word is overwritten unseen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from receiver.db.engine import writing
from receiver.db.insert import COUNTED
from receiver.duty.things import Item, Thing, item_of
from receiver.models import DUTY, Event
from receiver.vocabulary.errors import OperatorError

LONGEST_NOTE = 2_000


class DutyError(OperatorError, ValueError):
    """It cannot be done. The message says why and what to do."""


class Overtaken(DutyError):
    """Somebody else was first. The message says who, and when."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one thing stands."""

    handled_by: str | None = None
    handled_at: datetime | None = None
    up_to: int | None = None
    note: str | None = None
    changed_by: str | None = None
    changed_at: datetime | None = None

    def handled(self, up_to: int | None = None) -> bool:
        """Whether somebody handled it, and of a conversation also what came up to this event."""
        return self.handled_at is not None and (up_to is None or (self.up_to or 0) >= up_to)


NOTHING = Standing()


class Duty:
    """What was done about the things of one log."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._insert = (sqlite if engine.dialect.name == "sqlite" else postgresql).insert

    def of(self, items: Iterable[Item]) -> Mapping[tuple[Thing, str], Standing]:
        """How these stand, as far as anything was done, in one query."""
        with self._engine.connect() as connection:
            return standings(connection, items)

    def one(self, item: Item) -> Standing:
        """How this stands."""
        return self.of([item]).get(item.place, NOTHING)

    def of_events(self, events: Iterable[Event]) -> Mapping[int, dict[str, Any]]:
        """What documents say of the thing that each belongs to, by the ids of the events."""
        items = {event.id: item_of(event) for event in events}
        known = self.of(item for item in items.values() if item is not None)
        nothing = duty_json(NOTHING)
        return {
            event_id: nothing if item is None else duty_json(known.get(item.place, NOTHING), item.up_to)
            for event_id, item in items.items()
        }

    def handle(self, item: Item, who: str) -> Standing:
        """Say that `who` handled it; `Overtaken` if somebody else did before. Again it changes nothing."""
        now = datetime.now(UTC)
        given = {"handled_by": who, "handled_at": now, "up_to": item.up_to}
        # What came to a conversation later is everybody's again.
        free = or_(DUTY.c.handled_at.is_(None), DUTY.c.up_to < (item.up_to or 0))
        with writing(self._engine) as connection:
            statement = self._insert(DUTY).values(_named(item) | given | _noted(who, now))
            statement = statement.on_conflict_do_update(
                index_elements=["thing", "key"], set_=given, where=free
            )
            mine = connection.execute(statement, execution_options=COUNTED).rowcount
            found = _read(connection, item)
        if not mine and found.handled_by != who:
            ago = _ago(now - (found.handled_at or now))
            raise Overtaken(f"{found.handled_by} has already handled this, {ago}")
        return found

    def take_back(self, item: Item) -> Standing:
        """It is open again. The note stays."""
        gone = {"handled_by": None, "handled_at": None, "up_to": None}
        with writing(self._engine) as connection:
            there = and_(DUTY.c.thing == item.thing, DUTY.c.key == item.key)
            connection.execute(update(DUTY).where(there, DUTY.c.handled_at.is_not(None)).values(gone))
            return _read(connection, item)

    def note(self, item: Item, text: str, who: str, *, before: str | None = None) -> Standing:
        """Write a note about it, or with an empty text remove it. `before` is the note that the writer saw:
        `Overtaken` if it is another one by now. Who does not say replaces only a note of one's own."""
        written = _note_of(text)
        given = {"note": written} | _noted(who, datetime.now(UTC))
        seen = DUTY.c.changed_by == who if before is None else DUTY.c.note == before
        free = or_(DUTY.c.note.is_(None), DUTY.c.note == (written or ""), seen)
        with writing(self._engine) as connection:
            statement = self._insert(DUTY).values(_named(item) | given)
            statement = statement.on_conflict_do_update(
                index_elements=["thing", "key"], set_=given, where=free
            )
            mine = connection.execute(statement, execution_options=COUNTED).rowcount
            found = _read(connection, item)
        if not mine:
            if before is None:
                raise Overtaken(
                    f"{found.changed_by} wrote a note: read it, and send it with yours as `before`"
                )
            other = found.changed_by
            raise Overtaken(f"{other} changed the note in the meantime: read it, and write yours again")
        return found


def standings(connection: Connection, items: Iterable[Item]) -> Mapping[tuple[Thing, str], Standing]:
    """How these stand, as far as anything was done, in one query."""
    places = list({item.place for item in items})
    if not places:
        return {}
    query = select(DUTY).where(tuple_(DUTY.c.thing, DUTY.c.key).in_(places))
    return {(Thing(row.thing), row.key): _standing(row) for row in connection.execute(query)}


def duty_json(standing: Standing, up_to: int | None = None) -> dict[str, Any]:
    """What documents of calls, conversations and faxes say of it; each null without."""
    handled = standing.handled(up_to)
    return {
        "handled_by": standing.handled_by if handled else None,
        "handled_at": _iso(standing.handled_at) if handled else None,
        "note": standing.note,
    }


def _iso(when: datetime | None) -> str | None:
    return None if when is None else f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"


def _note_of(text: str) -> str | None:
    note = text.replace("\r\n", "\n").replace("\x00", "").encode("utf-8", "replace").decode().strip()
    if len(note) > LONGEST_NOTE:
        raise DutyError(f"a note has at most {LONGEST_NOTE:,} characters, and this one {len(note):,}")
    return note or None


def _named(item: Item) -> dict[str, Any]:
    return {"thing": item.thing.value, "key": item.key, "sender": item.sender}


def _noted(who: str, now: datetime) -> dict[str, Any]:
    return {"changed_by": who, "changed_at": now}


def _ago(age: Any) -> str:
    minutes = int(age.total_seconds() // 60)
    for size, word in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            count = minutes // size
            return f"{count} {word}{'' if count == 1 else 's'} ago"
    return "just now"


def _read(connection: Connection, item: Item) -> Standing:
    query = select(DUTY).where(DUTY.c.thing == item.thing, DUTY.c.key == item.key)
    row = connection.execute(query).one_or_none()
    return NOTHING if row is None else _standing(row)


def _standing(row: Row[Any]) -> Standing:
    return Standing(row.handled_by, row.handled_at, row.up_to, row.note, row.changed_by, row.changed_at)
