"""Finding ids along the indexes of events that already have the wanted order.

A search becomes a few walks, one for each end and each type that is asked for. Each stops at the limit, and
they are merged. So the time for a page depends neither on how long the log is nor on how deep the page lies.
"""

# ruff: noqa: S608  # statements are put together from our own words; values are always bound

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from receiver.search.conditions import ALL_TYPES, conditions, prepared, types_of
from receiver.search.duty import IDS_OF_HANDLED
from receiver.search.over import UNDER_WAY
from receiver.search.query import Search
from receiver.search.span import Span
from receiver.search.without_end import IDS_WITHOUT_END
from receiver.vocabulary.kinds import OF_WHOLE_CALLS, EventType, Kind


def ids_by_walks(connection: Connection, wanted: Search, span: Span, limit: int, oldest: bool) -> list[int]:
    """Ids in `span` of what matches in all but its words, newest first or oldest first."""
    dialect = connection.dialect.name
    walks, every_type = _walks(wanted, dialect)
    if not walks:
        return []
    rest = conditions(wanted, types=every_type)
    order = "ASC" if oldest else "DESC"
    statement = _each(walks, rest.parts, f"ORDER BY id {order} LIMIT :limit", dialect)
    if len(walks) > 1:
        statement = f"SELECT id FROM ({statement}) AS walks ORDER BY id {order} LIMIT :limit"
    values = rest.values | _values(wanted, span) | {"limit": limit}
    return list(connection.scalars(prepared(statement), values))


def judged_beyond(connection: Connection, wanted: Search, span: Span, most: int) -> int | None:
    """The newest id in `span` that is left out if no walk looks at more than `most` events that have to be
    judged one by one, by what became of their call and by what was done about it. None if that is all."""
    ends = sum(end is not None for end in (wanted.sender, wanted.recipient, wanted.number))
    by_words = wanted.text is not None or wanted.problems is not None or ends > 1
    few = by_words or wanted.handled or _index_for_few(wanted) is not None
    if few or not (wanted.open or wanted.state in OF_WHOLE_CALLS):
        return None
    dialect = connection.dialect.name
    walks, _ = _walks(wanted, dialect)
    if not walks:
        return None
    each = _each(walks, [], "ORDER BY id DESC LIMIT 1 OFFSET :most", dialect)
    statement = f"SELECT max(id) FROM ({each}) AS walks"
    found: int | None = connection.scalar(prepared(statement), _values(wanted, span) | {"most": most})
    return found


def _values(wanted: Search, span: Span) -> dict[str, Any]:
    ends = {name: getattr(wanted, name) for name in ("sender", "recipient", "number")}
    given = {name: value for name, value in ends.items() if value is not None}
    return given | {"above": span.above, "below": span.below}


@dataclass(frozen=True, slots=True)
class _Walk:
    """Along an index of events, or along their ids, under conditions."""

    index: str | None
    conditions: tuple[str, ...] = ()


def _walks(wanted: Search, dialect: str) -> tuple[list[_Walk], bool]:
    """The walks of a search, and whether they pass events of any type, which then has to be looked at."""
    pairs = types_of(wanted)
    if not pairs:
        return [], False
    ends = _ends(wanted)
    # Written so that no index is used for the ends: without statistics PostgreSQL would take one of those.
    either = (f"({' OR '.join(end for _, end in ends)}) IS TRUE",) if ends else ()
    if wanted.handled:
        return [_Walk(None, (_among(IDS_OF_HANDLED[dialect], dialect), *either))], True
    if index := _index_for_few(wanted):
        return [_Walk(index, either)], True
    if not ends and len(pairs) == len(ALL_TYPES):
        return [_Walk(None)], True
    lost = (wanted.open or wanted.state in OF_WHOLE_CALLS) and wanted.kind in {None, Kind.VOICE}
    walks = [
        _Walk(index, (*filter(None, [end]), f"kind = '{kind}' AND type = '{type_}'"))
        for index, end in ends or [(_BY_TYPE, "")]
        for kind, type_ in pairs
        # There may be more of our own tests than of anything else.
        if not (lost and type_ in UNDER_WAY) and (wanted.tests or type_ is not EventType.TEST)
    ]
    if lost:
        of_type = () if wanted.type is None else (f"(type = '{wanted.type}') IS TRUE",)
        walks.append(_Walk(None, (_among(IDS_WITHOUT_END, dialect), *of_type, *either)))
    return walks, False


def _among(ids: str, dialect: str) -> str:
    """That an event is one of few. Their ids are known before PostgreSQL reads any event, whatever it thinks
    of the tables."""
    return f"id IN ({ids})" if dialect == "sqlite" else f"id = ANY (ARRAY({ids}))"


def _index_for_few(wanted: Search) -> str | None:
    """The index that leaves only a few rows, whatever their ends and types; None when there is none."""
    if wanted.session is not None:
        return "ix_events_session_id"
    if wanted.txn_ref is not None:
        return "sqlite_autoindex_events_1"  # SQLite's own name for that of the identity
    if wanted.quarantined:
        return "ix_events_quarantined"
    return "ix_events_recorded" if wanted.voicemail else None


def _each(walks: list[_Walk], rest: list[str], end: str, dialect: str) -> str:
    """The walks, one after the other."""
    return " UNION ALL ".join(
        f"SELECT id FROM (SELECT id FROM events{_hint(walk.index) if dialect == 'sqlite' else ''} WHERE "
        + " AND ".join([*walk.conditions, "id > :above AND id < :below", *rest])
        + f" {end}) AS walk{at}"
        for at, walk in enumerate(walks)
    )


def _hint(index: str | None) -> str:
    # Without statistics SQLite would guess which of several indexes passes fewer rows.
    return " NOT INDEXED" if index is None else f" INDEXED BY {index}"


def _ends(wanted: Search) -> list[tuple[str, str]]:
    """For each walk that sender and recipient ask for: its index, and the condition on them."""
    sender, recipient, number = wanted.sender, wanted.recipient, wanted.number
    also = " AND recipient = :recipient" if recipient is not None else ""
    either = " AND (sender = :number OR recipient = :number)" if number is not None else ""
    if sender is not None:
        return [(_BY_SENDER, f"sender = :sender{also}{either}")]
    if recipient is not None:
        return [(_BY_RECIPIENT, f"recipient = :recipient{either}")]
    if number is not None:
        other = "recipient = :number AND (sender IS NULL OR sender <> :number)"
        return [(_BY_SENDER, "sender = :number"), (_BY_RECIPIENT, other)]
    return []


_BY_TYPE = "ix_events_kind_type_id"
_BY_SENDER, _BY_RECIPIENT = "ix_events_sender_kind_type_id", "ix_events_recipient_kind_type_id"
