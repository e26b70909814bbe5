"""Finding ids along the indexes of events that already have the wanted order.

A search becomes a few walks, one for each end and each type that is asked for. Each stops at the limit, and
they are merged. So the time for a page depends neither on how long the log is nor on how deep the page lies.
"""

# ruff: noqa: S608  # statements are put together from our own words; values are always bound

from __future__ import annotations

from sqlalchemy import Connection

from receiver.search.conditions import ALL_TYPES, conditions, prepared, types_of
from receiver.search.duty import WALKS_OF_HANDLED
from receiver.search.over import UNDER_WAY, WALK_WITHOUT_END
from receiver.search.query import Search
from receiver.search.span import Span
from receiver.vocabulary.kinds import OF_WHOLE_CALLS, EventType, Kind


def ids_by_walks(connection: Connection, wanted: Search, span: Span, limit: int, oldest: bool) -> list[int]:
    """Ids in `span` of what matches in all but its words, newest first or oldest first."""
    pairs = types_of(wanted)
    if not pairs:
        return []
    of_calls = wanted.open or wanted.state in OF_WHOLE_CALLS
    lost = of_calls and wanted.kind in {None, Kind.VOICE}
    ends, every_type = _ends(wanted), len(pairs) == len(ALL_TYPES)
    if wanted.handled:
        walks = [(index, " AND ".join([handled, *_either(ends)])) for index, handled in WALKS_OF_HANDLED]
        rest = conditions(wanted, types=True)
    elif index := _index_for_few(wanted):
        walks = [(index, end) for end in ends]
        rest = conditions(wanted, types=True)
    elif ends == [""] and every_type:
        walks = [("NOT", "")]
        rest = conditions(wanted, types=True)
    else:
        walks = [
            (_INDEX_ALONG[end.partition(" ")[0]], " AND ".join(filter(None, [end, of_type])))
            for end in ends
            for of_type in (
                f"kind = '{kind}' AND type = '{type_}'"
                for kind, type_ in pairs
                # There may be more of our own tests than of anything else.
                if not (lost and type_ in UNDER_WAY) and (wanted.tests or type_ is not EventType.TEST)
            )
        ]
        if lost:
            index, without_end = WALK_WITHOUT_END
            walks.append((index, " AND ".join([without_end, *_of_type(wanted.type), *_either(ends)])))
        rest = conditions(wanted, types=False)
    values = rest.values | {"above": span.above, "below": span.below, "limit": limit}
    values |= {
        name: value
        for name in ("sender", "recipient", "number")
        if (value := getattr(wanted, name)) is not None
    }
    statement = _statement(walks, rest.parts, "ASC" if oldest else "DESC", connection.dialect.name)
    return list(connection.scalars(prepared(statement), values))


def _of_type(type_: EventType | None) -> list[str]:
    return [] if type_ is None else [f"(type = '{type_}') IS TRUE"]


def _either(ends: list[str]) -> list[str]:
    return [] if ends == [""] else [f"({' OR '.join(ends)})"]


_INDEX_ALONG = {
    "sender": "ix_events_sender_kind_type_id",
    "recipient": "ix_events_recipient_kind_type_id",
    "": "ix_events_kind_type_id",
}


def _index_for_few(wanted: Search) -> str | None:
    """The index that leaves only a few rows, whatever their ends and types; None when there is none."""
    if wanted.session is not None:
        return "ix_events_session_id"
    if wanted.txn_ref is not None:
        return "sqlite_autoindex_events_1"  # SQLite's own name for that of the identity
    if wanted.quarantined:
        return "ix_events_quarantined"
    return "ix_events_recorded" if wanted.voicemail else None


def _statement(walks: list[tuple[str, str]], rest: list[str], order: str, dialect: str) -> str:
    """The walks, each along an index under a condition, merged in the order of their ids."""
    statement = " UNION ALL ".join(
        f"SELECT id FROM (SELECT id FROM events{_hint(index) if dialect == 'sqlite' else ''} WHERE "
        + " AND ".join(filter(None, [condition, "id > :above AND id < :below", *rest]))
        + f" ORDER BY id {order} LIMIT :limit) AS walk{at}"
        for at, (index, condition) in enumerate(walks)
    )
    if len(walks) > 1:
        statement = f"SELECT id FROM ({statement}) AS walks ORDER BY id {order} LIMIT :limit"
    return statement


def _hint(index: str) -> str:
    # Without statistics SQLite would guess which of several indexes passes fewer rows.
    return " NOT INDEXED" if index == "NOT" else f" INDEXED BY {index}"


def _ends(wanted: Search) -> list[str]:
    """Conditions on sender and recipient, one for each walk, each beginning with the end its index is by."""
    sender, recipient, number = wanted.sender, wanted.recipient, wanted.number
    also = " AND recipient = :recipient" if recipient is not None else ""
    either = " AND (sender = :number OR recipient = :number)" if number is not None else ""
    if sender is not None:
        return [f"sender = :sender{also}{either}"]
    if recipient is not None:
        return [f"recipient = :recipient{either}"]
    if number is not None:
        return ["sender = :number", "recipient = :number AND (sender IS NULL OR sender <> :number)"]
    return [""]
