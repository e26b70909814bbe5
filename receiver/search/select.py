"""Which events match a search: their ids, in order, without reading more of the log than that takes.

Every search becomes a few walks along an index that already has the wanted order: one for each end and each
type that is asked for. Each ends at the limit, and they are merged. So the time for a page depends neither on
how long the log is nor on how deep the page lies. A search for words, for problems or for both ends walks
along the words, among which each event also has marks for its ends and its type.
"""

# ruff: noqa: S608  # statements are put together from our own words; values are always bound

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, TextClause, bindparam, select, text

from receiver.models import EVENTS, Event, IndexState, UtcTime
from receiver.search.answered import ANSWERED
from receiver.search.entries import COARSE, FINE, block_marks, indexed_words, mark, type_code
from receiver.search.query import Search, State
from receiver.search.words import Phrase, words
from receiver.vocabulary.kinds import EventType, Kind

END = 2**63 - 1
UNINDEXED = 20_000
"""Newest events in which words are looked for although the index has not got so far: a few seconds' work.
After a flood it may be further behind; those between are not found by words until it has caught up."""
PORTION = 1_000
"""Of them, how many are read at once."""

_TYPES: dict[Kind, tuple[EventType, ...]] = {
    Kind.VOICE: (
        EventType.CALL_RINGING,
        EventType.CALL_ONGOING,
        EventType.CALL_ENDED,
        EventType.TEST,
        EventType.UNKNOWN,
    ),
    Kind.FAX: (EventType.FAX_RECEIVED, EventType.FAX_FAILED, EventType.TEST, EventType.UNKNOWN),
    Kind.SMS: (EventType.SMS_RECEIVED, EventType.TEST, EventType.UNKNOWN),
}
_PAIRS = tuple((kind, type_) for kind, types in _TYPES.items() for type_ in types)
_OF_STATE = {
    State.RINGING: {EventType.CALL_RINGING},
    State.ONGOING: {EventType.CALL_ONGOING},
    State.ENDED: {EventType.CALL_ENDED},
    State.RECEIVED: {EventType.FAX_RECEIVED, EventType.SMS_RECEIVED},
    State.FAILED: {EventType.FAX_FAILED},
    # Of a call that was answered or missed, the event that tells its end.
    State.ANSWERED: {EventType.CALL_ENDED},
    State.MISSED: {EventType.CALL_ENDED},
}


@dataclass(frozen=True, slots=True)
class Span:
    """Ids above `above` and below `below`."""

    above: int = 0
    below: int = END


def matching_ids(
    connection: Connection, wanted: Search, span: Span, limit: int, *, oldest: bool = False
) -> list[int]:
    """The ids in `span` of the newest events that match, newest first; or of the oldest, oldest first."""
    found: list[int] = []
    by_words = wanted.text is not None or (not oldest and _best_by_words(wanted))
    for part in _parts(connection, wanted, span, by_words, oldest):
        if len(found) < limit and part.span.below - part.span.above > 1:
            walk = _by_words if by_words and part.indexed else _by_reading if wanted.text else _by_walks
            found += walk(connection, wanted, part.span, limit - len(found), oldest)
    return found


def _best_by_words(wanted: Search) -> bool:
    """Whether what is asked for goes across the indexes of events, while the words have all of it."""
    if wanted.session is not None or wanted.txn_ref is not None or wanted.quarantined:
        return False
    ends = sum(end is not None for end in (wanted.sender, wanted.recipient, wanted.number))
    return wanted.problems is not None or ends > 1


def matches(wanted: Search, event: Event) -> bool:
    """Whether an event matches by itself: all but `missed` and `answered`, which are about its whole call."""
    plain = ("kind", "type", "sender", "recipient", "session", "txn_ref")
    if any((want := getattr(wanted, name)) is not None and want != getattr(event, name) for name in plain):
        return False
    if wanted.number is not None and wanted.number not in {event.sender, event.recipient}:
        return False
    if wanted.state is not None and EventType(event.type) not in _OF_STATE[wanted.state]:
        return False
    if wanted.since is not None and event.received_at < wanted.since:
        return False
    if wanted.until is not None and event.received_at >= wanted.until:
        return False
    if wanted.quarantined is not None and wanted.quarantined is not (event.quarantine is not None):
        return False
    if wanted.problems is not None and wanted.problems is not bool(event.problems):
        return False
    return not wanted.text or _holds(indexed_words(event), wanted.phrases)


def _holds(found: list[str], asked: Iterable[Phrase]) -> bool:
    return all(
        any(_begins(found[place : place + len(phrase.words)], phrase) for place in range(len(found)))
        for phrase in asked
    )


def _begins(row: list[str], phrase: Phrase) -> bool:
    if len(row) < len(phrase.words) or tuple(row[:-1]) != phrase.words[:-1]:
        return False
    return row[-1].startswith(phrase.words[-1]) if phrase.prefix else row[-1] == phrase.words[-1]


# ---- where events of the wanted time can stand


@dataclass(frozen=True, slots=True)
class _Part:
    span: Span
    indexed: bool


_SPANS = (
    "SELECT (SELECT event_id FROM index_state), min(first_id), max(last_id) FROM hours"
    " WHERE hour >= :since AND hour < :until"
)


def _parts(connection: Connection, wanted: Search, span: Span, by_words: bool, oldest: bool) -> list[_Part]:
    """The parts of `span` that can hold what is wanted, in the order in which they are read."""
    if wanted.since is wanted.until is None:
        if not by_words:
            return [_Part(span, True)]
        indexed = connection.scalar(select(IndexState.event_id)) or 0
        low, high = 0, indexed
    else:
        since = wanted.since or datetime(1, 1, 2, tzinfo=UTC)
        values = {
            "since": since.replace(minute=0, second=0, microsecond=0),
            "until": wanted.until or datetime(9999, 12, 30, tzinfo=UTC),
        }
        indexed, first, last = connection.execute(_prepared(_SPANS), values).one()
        low, high = (0, 0) if first is None else (first - 1, min(last, indexed))
    parts = [
        _Part(Span(max(span.above, indexed), span.below), False),
        _Part(Span(max(span.above, low), min(span.below, high + 1)), True),
    ]
    return parts[::-1] if oldest else parts


# ---- walks along the indexes of events


@dataclass(slots=True)
class _Clause:
    """Conditions on `events` with their values."""

    parts: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)

    def add(self, part: str, **values: Any) -> None:
        self.parts.append(part)
        self.values |= values

    def __str__(self) -> str:
        return " AND ".join(self.parts) or "1 = 1"


def _types(wanted: Search) -> list[tuple[Kind, EventType]]:
    """Which kinds and types are asked for."""
    pairs = [
        (kind, type_)
        for kind, type_ in _PAIRS
        if wanted.kind in {None, kind} and wanted.type in {None, type_}
    ]
    return [pair for pair in pairs if wanted.state is None or pair[1] in _OF_STATE[wanted.state]]


def _rest(wanted: Search, *, types: bool) -> _Clause:
    """The conditions that no walk is along: they are checked on each row that is passed."""
    clause = _Clause()
    if wanted.session is not None:
        clause.add("session = :session", session=wanted.session)
    if wanted.txn_ref is not None:
        # The identity begins with it and is indexed. Every kind comes before "zz", in any collation.
        prefix = f"{wanted.txn_ref[:64]}/"
        clause.add(
            "txn_ref = :txn_ref AND identity >= :ref_low AND identity < :ref_high",
            txn_ref=wanted.txn_ref,
            ref_low=prefix,
            ref_high=prefix + "zz",
        )
    # Said so that no index is used for it: the ids are narrowed to that time already.
    if wanted.since is not None:
        clause.add("(received_at >= :since) IS TRUE", since=wanted.since)
    if wanted.until is not None:
        clause.add("(received_at < :until) IS TRUE", until=wanted.until)
    if wanted.quarantined is not None:
        clause.add(f"quarantine IS {'NOT ' if wanted.quarantined else ''}NULL")
    if wanted.problems is not None:
        clause.add(f"problems IS {'NOT ' if wanted.problems else ''}NULL")
    if wanted.state in {State.MISSED, State.ANSWERED}:
        clause.add(f"NOT {ANSWERED}" if wanted.state is State.MISSED else ANSWERED)
    pairs = _types(wanted)
    if types and len(pairs) < len(_PAIRS):
        clause.add(
            "(" + " OR ".join(f"(kind = '{kind}' AND type = '{type_}')" for kind, type_ in pairs) + ")"
        )
    return clause


def _ends(wanted: Search) -> list[str]:
    """The conditions on sender and recipient, each with the end first along which an index goes."""
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


def _by_walks(connection: Connection, wanted: Search, span: Span, limit: int, oldest: bool) -> list[int]:
    pairs = _types(wanted)
    if not pairs:
        return []
    lite = connection.dialect.name == "sqlite"
    order = "ASC" if oldest else "DESC"
    ends = _ends(wanted)
    single = wanted.session is not None or wanted.txn_ref is not None or wanted.quarantined
    rest = _rest(wanted, types=bool(single) or (ends == [""] and len(pairs) == len(_PAIRS)))
    walks = []
    for end in ends:
        if single:
            index = "ix_events_quarantined"
            if wanted.session is not None:
                index = "ix_events_session_id"
            elif wanted.txn_ref is not None:
                index = "sqlite_autoindex_events_1"  # SQLite's own name for that of the identity
            walks.append((index, end))
        elif not end and len(pairs) == len(_PAIRS):
            walks.append(("NOT", ""))
        else:
            side = end.partition(" ")[0]
            index = {
                "sender": "ix_events_sender_kind_type_id",
                "recipient": "ix_events_recipient_kind_type_id",
                "": "ix_events_kind_type_id",
            }[side]
            walks += [
                (index, " AND ".join(filter(None, [end, f"kind = '{kind}' AND type = '{type_}'"])))
                for kind, type_ in pairs
            ]
    values = rest.values | {"above": span.above, "below": span.below, "limit": limit}
    values |= {
        name: value
        for name in ("sender", "recipient", "number")
        if (value := getattr(wanted, name)) is not None
    }
    statement = " UNION ALL ".join(
        f"SELECT id FROM (SELECT id FROM events{_hint(index) if lite else ''} WHERE "
        + " AND ".join(filter(None, [condition, "id > :above AND id < :below", *rest.parts]))
        + f" ORDER BY id {order} LIMIT :limit) AS walk{at}"
        for at, (index, condition) in enumerate(walks)
    )
    if len(walks) > 1:
        statement = f"SELECT id FROM ({statement}) AS walks ORDER BY id {order} LIMIT :limit"
    return list(connection.scalars(_prepared(statement), values))


def _hint(index: str) -> str:
    # Without statistics SQLite would guess which of several indexes passes fewer rows.
    return " NOT INDEXED" if index == "NOT" else f" INDEXED BY {index}"


@lru_cache(512)
def _prepared(statement: str) -> TextClause:
    times = [bindparam(name, type_=UtcTime) for name in ("since", "until") if f":{name}" in statement]
    return text(statement).bindparams(*times)


# ---- along the words


def _by_reading(connection: Connection, wanted: Search, span: Span, limit: int, oldest: bool) -> list[int]:
    """What the index of words does not have yet is read and looked through."""
    found: list[int] = []
    for _ in range(0, UNINDEXED, PORTION):
        ids = _by_walks(connection, wanted, span, PORTION, oldest)
        events = connection.execute(_WHOLE, {"ids": ids}).all()
        holding = {event.id for event in events if _holds(indexed_words(event), wanted.phrases)}
        found += [event_id for event_id in ids if event_id in holding]
        if len(found) >= limit or len(ids) < PORTION:
            break
        span = Span(above=ids[-1], below=span.below) if oldest else Span(above=span.above, below=ids[-1])
    return found[:limit]


_WHOLE = select(*EVENTS.columns).where(Event.id.in_(bindparam("ids", expanding=True)))


def _by_words(connection: Connection, wanted: Search, span: Span, limit: int, _: bool) -> list[int]:
    asked = _asked(wanted)
    if asked is None:
        return []
    rest = _rest(wanted, types=True)
    for name in ("sender", "recipient", "number"):
        if (value := getattr(wanted, name)) is not None:
            either = "(sender = :number OR recipient = :number)"
            rest.add(either if name == "number" else f"{name} = :{name}", **{name: value})
    if connection.dialect.name == "sqlite":
        statement = (
            "SELECT event_words.rowid FROM event_words CROSS JOIN events ON events.id = event_words.rowid"
            " WHERE event_words MATCH :asked AND event_words.rowid > :above AND event_words.rowid < :below"
            f" AND {rest} ORDER BY event_words.rowid DESC LIMIT :limit"
        )
        values = {"asked": _fts5(asked), "above": span.above, "below": span.below, "limit": limit}
        return list(connection.scalars(_prepared(statement), rest.values | values))
    found: list[int] = []
    for ids in _postgres_words(connection, _tsquery(asked), span, limit):
        checked = f"SELECT id FROM events WHERE id = ANY(:ids) AND {rest} ORDER BY id DESC"
        found += connection.scalars(_prepared(checked), rest.values | {"ids": ids})
        if len(found) >= limit:
            break
    return found[:limit]


Asked = list[list[Phrase]]
"""Groups of phrases: one of each group must be there."""


def _asked(wanted: Search) -> Asked | None:
    """What a search is in words and marks; None when nothing can match."""
    pairs = _types(wanted)
    if not pairs:
        return None
    asked: Asked = [[phrase] for phrase in wanted.phrases]
    for value in (wanted.session, wanted.txn_ref):
        if value is not None and (row := words(value)):
            asked.append([Phrase(tuple(row), value)])
    codes = [type_code(kind, type_) for kind, type_ in pairs]
    if len(pairs) == len(_PAIRS) and not wanted.problems:
        codes = [""]
    problems = "p" if wanted.problems else ""
    groups = [
        [mark(problems + letter, end, code) for letter in letters for code in codes]
        for letters, end in (("f", wanted.sender), ("t", wanted.recipient), ("ft", wanted.number))
        if end is not None
    ]
    if not groups and codes != [""]:
        groups.append([mark(f"{problems}a", type_=code) for code in codes])
    if wanted.problems is False:
        groups.append(["§p0"])
    return asked + [[Phrase((one,), one) for one in group] for group in groups]


def _fts5(asked: Asked) -> str:
    def one(phrase: Phrase) -> str:
        return f'"{" ".join(phrase.words)}"' + ("*" if phrase.prefix else "")

    return " AND ".join("(" + " OR ".join(map(one, group)) + ")" for group in asked)


def _tsquery(asked: Asked) -> str:
    def one(phrase: Phrase) -> str:
        return (
            "(" + " <-> ".join(f"'{word}'" for word in phrase.words) + (":*" if phrase.prefix else "") + ")"
        )

    return " & ".join("(" + " | ".join(map(one, group)) + ")" for group in asked)


_MOST_BLOCKS = 128
"""Beyond, naming the blocks would cost more than it spares."""

# Adding 0 keeps the planner from walking along the ids, which it takes for the better way to a few rows.
_IN_BLOCKS = (
    "SELECT id FROM event_words WHERE words @@ CAST(:asked AS tsquery)"
    " AND id + 0 > :above AND id + 0 < :below ORDER BY id + 0 DESC LIMIT :limit"
)


def _postgres_words(connection: Connection, asked: str, span: Span, limit: int) -> Iterator[list[int]]:
    """Candidates, newest first, a portion at a time.

    The index gives all rows with a word at once, in no order. So it is asked for a few blocks of ids, and for
    more of them at a time while they hold less than is wanted: a word that stands everywhere and one that
    stands nowhere both take few rows.
    """
    below, size, blocks = span.below, FINE, 2
    newest = connection.scalar(text("SELECT max(id) FROM event_words")) or 0
    below = min(below, newest + 1)
    while below - 1 > span.above:
        last = (below - 1) >> size
        first = max(last - blocks + 1, (span.above + 1) >> size)
        low = max(span.above, (first << size) - 1)
        marks = " | ".join(f"'{_block(size, number)}'" for number in range(first, last + 1))
        within = f"({asked}) & ({marks})" if last - first < _MOST_BLOCKS else asked
        while True:
            values = {"asked": within, "above": low, "below": below, "limit": limit}
            ids = list(connection.scalars(_prepared(_IN_BLOCKS), values))
            if ids:
                yield ids
            if len(ids) < limit:
                break
            below = ids[-1]
        below = low + 1
        size, blocks = (COARSE, 2) if size == FINE else (COARSE, blocks * 8)


def _block(size: int, number: int) -> str:
    return block_marks(number << size)[0 if size == FINE else 1]
