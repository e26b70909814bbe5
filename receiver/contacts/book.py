"""The contacts in the database: looked up, listed, put in and removed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from receiver.contacts.entry import ContactError, Entry, entry_of, name_of, number_of
from receiver.db.engine import writing
from receiver.models import CONTACTS
from receiver.numbers.home import home_of
from receiver.vocabulary.folded import folded

MOST = 50_000
"""Contacts in all: a firm's address book, not a country's."""
LARGEST_LIST = 500
"""How many a page of people's shows; they look for the others by name."""
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """A contact that is in the database."""

    id: int
    number: str
    name: str
    made_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Done:
    """What putting entries in did, or would do."""

    added: int = 0
    renamed: int = 0
    same: int = 0


class Book:
    """The contacts of one log."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def home(self) -> str | None:
        """The calling code by which national numbers are read."""
        with self._engine.connect() as connection:
            return home_of(connection)

    def names(self, numbers: Iterable[str | None]) -> Mapping[str, str]:
        """The names of these numbers, as far as they have one, in one query."""
        asked = {number for number in numbers if number}
        if not asked:
            return {}
        with self._engine.connect() as connection:
            query = select(CONTACTS.c.number, CONTACTS.c.name).where(CONTACTS.c.number.in_(asked))
            return {row.number: row.name for row in connection.execute(query)}

    def named(self, name: str = "", *, limit: int = MOST) -> Sequence[Kept]:
        """Those with this in their name or number, by name."""
        query = select(CONTACTS).order_by(CONTACTS.c.folded, CONTACTS.c.number).limit(limit)
        if name.strip():
            part = f"%{_escaped(folded(name.strip()))}%"
            like = [column.like(part, escape="\\") for column in (CONTACTS.c.folded, CONTACTS.c.number)]
            query = query.where(like[0] | like[1])
        with self._engine.connect() as connection:
            return [_kept(row) for row in connection.execute(query)]

    def page(self, before: int | None, limit: int) -> tuple[Sequence[Kept], int | None]:
        """Those below an id, newest first, and where the next page begins."""
        query = select(CONTACTS).order_by(CONTACTS.c.id.desc()).limit(limit + 1)
        if before is not None:
            query = query.where(CONTACTS.c.id < before)
        with self._engine.connect() as connection:
            found = [_kept(row) for row in connection.execute(query)]
        return found[:limit], found[limit - 1].id if len(found) > limit else None

    def count(self) -> int:
        """How many there are."""
        with self._engine.connect() as connection:
            return _count(connection)

    def with_id(self, contact_id: int) -> Kept | None:
        """One by its id."""
        with self._engine.connect() as connection:
            row = connection.execute(select(CONTACTS).where(CONTACTS.c.id == contact_id)).one_or_none()
        return None if row is None else _kept(row)

    def put(self, number: str, name: str) -> tuple[Kept, bool]:
        """Give a number this name, whether it has one or not; and whether it is new. `ContactError` if either
        cannot be read."""
        entry = entry_of(number, name, self.home())
        with writing(self._engine) as connection:
            done = _put(connection, [entry])
            kept = _kept(connection.execute(select(CONTACTS).where(CONTACTS.c.number == entry.number)).one())
        # Somebody else may have added it after it was looked for.
        return kept, bool(done.added) and kept.made_at == kept.changed_at

    def rename(self, contact_id: int, name: str) -> None:
        """Another name for a contact; `ContactError` if it is gone."""
        changed = {"name": name_of(name), "folded": folded(name_of(name)), "changed_at": datetime.now(UTC)}
        with writing(self._engine) as connection:
            there = connection.execute(update(CONTACTS).where(CONTACTS.c.id == contact_id).values(changed))
        if not there.rowcount:
            raise ContactError("this contact was removed in the meantime: add it again")

    def remove(self, number: str) -> bool:
        """Take a number's name away; False if it had none."""
        with writing(self._engine) as connection:
            spelling = number_of(number, home_of(connection))
            return bool(connection.execute(delete(CONTACTS).where(CONTACTS.c.number == spelling)).rowcount)

    def put_all(self, entries: Sequence[Entry], *, dry_run: bool = False) -> Done:
        """All of them in one transaction, each number once; with `dry_run`, only what it would do."""
        if dry_run:
            with self._engine.connect() as connection:
                return _weighed(connection, entries)[0]
        with writing(self._engine) as connection:
            return _put(connection, entries)


def numbers_named(connection: Connection, name: str, limit: int) -> Sequence[str]:
    """The numbers whose name has this in it."""
    part = f"%{_escaped(folded(name))}%"
    query = select(CONTACTS.c.number).where(CONTACTS.c.folded.like(part, escape="\\"))
    return connection.scalars(query.order_by(CONTACTS.c.id).limit(limit)).all()


def is_named(name: str, contact: str | None) -> bool:
    """The same question about the name of one contact."""
    return contact is not None and folded(name) in folded(contact)


def contact_json(contact: Kept) -> dict[str, Any]:
    """The form of a contact in the API and on the command line."""
    made, changed = (f"{at:%Y-%m-%dT%H:%M:%S}Z" for at in (contact.made_at, contact.changed_at))
    return {"number": contact.number, "name": contact.name, "made_at": made, "changed_at": changed}


def _put(connection: Connection, entries: Sequence[Entry]) -> Done:
    done, new, other = _weighed(connection, entries)
    if _count(connection) + len(new) > MOST:
        raise ContactError(f"there would be more than {MOST:,} contacts: remove some first")
    now = datetime.now(UTC)
    times = {"made_at": now, "changed_at": now}
    rows = [
        {"number": one.number, "name": one.name, "folded": folded(one.name)} | times
        # In one order, so that two who put in the same numbers at once do not wait for each other.
        for one in sorted((*new, *other), key=lambda one: one.number)
    ]
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(CONTACTS)
    given = {name: statement.excluded[name] for name in ("name", "folded", "changed_at")}
    statement = statement.on_conflict_do_update(index_elements=["number"], set_=given)
    for start in range(0, len(rows), _AT_ONCE):
        connection.execute(statement, rows[start : start + _AT_ONCE])
    return done


def _weighed(connection: Connection, entries: Sequence[Entry]) -> tuple[Done, list[Entry], list[Entry]]:
    """What putting them in does: the counts, which are new, and which get another name."""
    known: dict[str, str] = {}
    for start in range(0, len(entries), _AT_ONCE):
        asked = [one.number for one in entries[start : start + _AT_ONCE]]
        query = select(CONTACTS.c.number, CONTACTS.c.name).where(CONTACTS.c.number.in_(asked))
        known |= {row.number: row.name for row in connection.execute(query)}
    new = [one for one in entries if one.number not in known]
    other = [one for one in entries if known.get(one.number, one.name) != one.name]
    return Done(len(new), len(other), len(entries) - len(new) - len(other)), new, other


def _count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(CONTACTS)) or 0


def _escaped(part: str) -> str:
    return part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _kept(row: Row[Any]) -> Kept:
    return Kept(row.id, row.number, row.name, row.made_at, row.changed_at)
