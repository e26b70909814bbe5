"""The targets that there are: made, changed, paused and removed, by whichever surface a person uses."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from receiver.access.record import Action, note
from receiver.db.engine import writing
from receiver.models import EVENTS, DeliveryRow, TargetRow
from receiver.relay.options import TargetError, require_known
from receiver.relay.sender import Surroundings
from receiver.relay.sorts import SORTS
from receiver.relay.target import Target, TargetSort, TargetState, all_targets, paused_by
from receiver.search.mistakes import SearchError
from receiver.search.query import Search

LONGEST_NAME = 60
_PORTION = 500
"""Deliveries that are deleted in one transaction."""
_CLOSED = {"failures": 0, "failing_since": None, "failure": None, "blocked_until": None}
"""A breaker that lets everything through."""
_NAME = re.compile(r"[^\W_][\w .@+-]*", re.UNICODE)


class UnknownTarget(TargetError):
    """There is no target of this name."""


class Targets:
    """Reads and changes targets. Workers notice a change within a second or so."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._engine: Engine = around.engine

    def all(self) -> list[Target]:
        """All of them, by name."""
        return all_targets(self._engine)

    def get(self, name: str) -> Target:
        """The one with this name, or with this id as a number; `UnknownTarget`."""
        same = TargetRow.name == name
        with self._engine.connect() as connection:
            row = connection.execute(select(TargetRow.__table__).where(same)).one_or_none()
            if row is None and name.isascii() and name.isdigit() and len(name) < 18:
                row = connection.execute(
                    select(TargetRow.__table__).where(TargetRow.id == int(name))
                ).one_or_none()
        if row is None:
            raise UnknownTarget(f"there is no target {name[:LONGEST_NAME]!r}: see `receiver targets list`")
        return Target.of(row)

    def add(
        self,
        name: str,
        sort: TargetSort,
        given: Mapping[str, Any],
        *,
        settings: Mapping[str, Any] | None = None,
        search: str = "",
        ordered: bool = False,
        by: str,
    ) -> Target:
        """A new target for what arrives from now on. `TargetError` if it cannot be as it is wished.

        `settings` are those of a target that our own code makes: they are stored as they are.
        """
        name = read_name(name)
        if sort not in SORTS:
            raise TargetError(f"there are no targets of the sort {sort} here, but of {', '.join(SORTS)}")
        if settings is None:
            settings = self._read(sort, given, {})
        values = {
            "name": name,
            "sort": sort,
            "search": read_search(search),
            "settings": json.dumps(settings),
            "ordered": ordered,
            "created_at": datetime.now(UTC),
            "created_by": by,
        }
        try:
            with writing(self._engine) as connection:
                newest = connection.scalar(select(func.max(EVENTS.c.id))) or 0
                connection.execute(insert(TargetRow).values(after_id=newest, **values))
                note(connection, Action.ADD_TARGET, by, name, sort.value)
        except IntegrityError:
            raise _taken(name) from None
        return self.get(name)

    def change(
        self,
        name: str,
        *,
        given: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        new_name: str | None = None,
        search: str | None = None,
        ordered: bool | None = None,
        by: str,
    ) -> Target:
        """Change what is given. A change of search concerns what arrives from now on; one of the address also
        what waits. The breaker is closed, since the reason may be gone."""
        target = self.get(name)
        values: dict[str, Any] = dict(_CLOSED)
        if given is not None:
            settings = self._read(target.sort, given, target.settings)
        if settings is not None:
            values["settings"] = json.dumps(settings)
        if new_name is not None:
            values["name"] = read_name(new_name)
        if search is not None:
            values["search"] = read_search(search)
        if ordered is not None:
            values["ordered"] = ordered
        try:
            with writing(self._engine) as connection:
                if given is not None:
                    _require_unchanged(connection, target)
                _set(connection, target, values)
                if changed := _changed(target, values):
                    note(connection, Action.CHANGE_TARGET, by, target.name, changed)
        except IntegrityError:
            raise _taken(values["name"]) from None
        return self.get(str(target.id))

    def pause(self, name: str, *, by: str, why: str = "") -> Target:
        """Send it nothing more. What arrives waits, and goes out when it is resumed."""
        target = self.get(name)
        return self._pause(target, paused_by(by, why), by=by, why=why)

    def withhold(self, name: str, why: str, *, by: str) -> Target:
        """The same for a reason of our own, and not because a person wants it."""
        return self._pause(self.get(name), why, by=by, why=why)

    def resume(self, name: str, *, by: str) -> Target:
        """Send again, at once: also closes an open breaker."""
        target = self.get(name)
        with writing(self._engine) as connection:
            _set(connection, target, {"paused_at": None, "paused_why": None, **_CLOSED})
            if target.state is not TargetState.ACTIVE:
                note(connection, Action.RESUME_TARGET, by, target.name)
        return self.get(str(target.id))

    def rotate(self, name: str, *, by: str) -> Target:
        """Give it a new secret; for a while deliveries are signed with the one before as well."""
        target = self.get(name)
        sort = SORTS[target.sort]
        if sort.secret(target.settings) is None:
            raise TargetError(f"a target of the sort {target.sort} has no secret to rotate")
        settings = sort.read({"rotate": True}, target.settings, self._around)
        with writing(self._engine) as connection:
            _require_unchanged(connection, target)
            _set(connection, target, {"settings": json.dumps(settings)})
            note(connection, Action.ROTATE_SECRET, by, target.name)
        return self.get(str(target.id))

    def remove(self, name: str, *, by: str) -> Target:
        """Delete it with all its deliveries."""
        target = self.get(name)
        with writing(self._engine) as connection:  # so that nothing is sent while its deliveries go
            _set(connection, target, _paused(paused_by(by, "being removed")))
        mine = select(DeliveryRow.id).where(DeliveryRow.target_id == target.id).limit(_PORTION)
        gone = 1
        while gone:  # in steps, since each holds SQLite's only lock
            with writing(self._engine) as connection:
                gone = connection.execute(delete(DeliveryRow).where(DeliveryRow.id.in_(mine))).rowcount
        with writing(self._engine) as connection:
            if connection.execute(delete(TargetRow).where(TargetRow.id == target.id)).rowcount:
                note(connection, Action.REMOVE_TARGET, by, target.name)
        return target

    def _pause(self, target: Target, said: str, *, by: str, why: str) -> Target:
        if target.paused_at is None:
            with writing(self._engine) as connection:
                _set(connection, target, _paused(said))
                note(connection, Action.PAUSE_TARGET, by, target.name, why=why or None)
        return self.get(str(target.id))

    def _read(self, sort: TargetSort, given: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        require_known(SORTS[sort].options, given)
        return SORTS[sort].read(given, known, self._around)


def read_name(name: str) -> str:
    """The name as it is kept; `TargetError` if it is none."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not _NAME.fullmatch(name) or name.isdigit():
        raise TargetError(
            f"a target's name has 1 to {LONGEST_NAME} letters, digits, spaces or . @ + -, begins with a"
            " letter or digit, and is not a number"
        )
    return name


def read_search(search: str) -> str:
    """The search as it is kept; `TargetError` if it is none, or cannot be about what is yet to arrive."""
    try:
        wanted = Search.parse(search)
    except SearchError as error:
        raise TargetError(str(error)) from None
    if wanted.since is not None or wanted.until is not None:
        raise TargetError("since: and until: have no meaning for what is yet to arrive; leave them out")
    if wanted.open is not None or wanted.handled is not None:
        raise TargetError(
            "is: nobody can have handled what is yet to arrive; leave is:open and is:handled out"
        )
    return str(wanted)


def _require_unchanged(connection: Connection, target: Target) -> None:
    """Settings are read, and an address is looked up, before there is a lock; all of them are written
    afterwards. `TargetError` if that would undo what somebody else has written in between."""
    query = select(TargetRow.settings).where(TargetRow.id == target.id)
    found = connection.scalar(query.with_for_update(key_share=True))
    if found is None or json.loads(found) != target.settings:
        raise TargetError(f"{target.name!r} was changed at the same moment: look at it, and do this again")


def _set(connection: Connection, target: Target, values: Mapping[str, Any]) -> None:
    connection.execute(update(TargetRow).where(TargetRow.id == target.id).values(**values))


def _paused(said: str) -> dict[str, Any]:
    return {"paused_at": datetime.now(UTC), "paused_why": said}


def _changed(target: Target, values: Mapping[str, Any]) -> str:
    """What a change changes, by name: a search names people, and a setting may be a secret."""
    before = {"search": str(target.search), "ordered": target.ordered}
    names = [name for name, value in before.items() if values.get(name, value) != value]
    if "settings" in values:
        settings = json.loads(values["settings"])
        both = sorted({*settings, *target.settings})
        names += [name for name in both if settings.get(name) != target.settings.get(name)]
    if (name := values.get("name", target.name)) != target.name:
        names.insert(0, f"now named {name}")
    return ", ".join(names)


def _taken(name: str) -> TargetError:
    return TargetError(f"there is a target {name!r} already: choose another name, or change that one")
