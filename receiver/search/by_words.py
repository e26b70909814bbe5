"""Finding ids along the index of words, in which each event also has marks for its ends and its type."""

# ruff: noqa: S608  # statements are put together from our own words; values are always bound

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

from receiver.providers.registry import DEFAULT
from receiver.search.conditions import ALL_TYPES, conditions, prepared, types_of
from receiver.search.entries import COARSE, FINE, block_marks, mark, type_code
from receiver.search.query import Search
from receiver.search.span import Span
from receiver.search.words import Phrase, words


def ids_by_words(connection: Connection, wanted: Search, span: Span, limit: int, _: bool) -> list[int]:
    """Ids in `span` of what matches, newest first, among the events that the index has."""
    asked = _asked(wanted)
    if asked is None:
        return []
    rest = conditions(wanted, types=True)
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
        return list(connection.scalars(prepared(statement), rest.values | values))
    found: list[int] = []
    for ids in _postgres_words(connection, _tsquery(asked), span, limit):
        checked = f"SELECT id FROM events WHERE id = ANY(:ids) AND {rest} ORDER BY id DESC"
        found += connection.scalars(prepared(checked), rest.values | {"ids": ids})
        if len(found) >= limit:
            break
    return found[:limit]


Asked = list[list[Phrase]]
"""Groups of phrases: one of each group must be there."""


def _asked(wanted: Search) -> Asked | None:
    """The words and marks that a search asks for; None when nothing can match."""
    pairs = types_of(wanted)
    if not pairs:
        return None
    asked: Asked = [[phrase] for phrase in wanted.phrases]
    for value in (wanted.session, wanted.txn_ref):
        if value is not None and (row := words(value)):
            asked.append([Phrase(tuple(row), value)])
    codes = [type_code(kind, type_) for kind, type_ in pairs]
    if len(pairs) == len(ALL_TYPES) and not wanted.problems:
        codes = [""]
    problems = "p" if wanted.problems else ""
    groups = [
        [mark(problems + letter, end, code) for letter in letters for code in codes]
        for letters, end in (("f", wanted.sender), ("t", wanted.recipient), ("ft", wanted.number))
        if end is not None
    ]
    if not groups and codes != [""]:
        groups.append([mark(f"{problems}a", type_=code) for code in codes])
    if wanted.provider not in (None, DEFAULT.name):
        groups.append([mark("v", wanted.provider, code) for code in codes])
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
"""Above this number, naming the blocks would cost more than it saves."""

# Adding 0 keeps the planner from walking along the ids, which it believes to be the faster way to a few rows.
_IN_BLOCKS = (
    "SELECT id FROM event_words WHERE words @@ CAST(:asked AS tsquery)"
    " AND id + 0 > :above AND id + 0 < :below ORDER BY id + 0 DESC LIMIT :limit"
)


def _postgres_words(connection: Connection, asked: str, span: Span, limit: int) -> Iterator[list[int]]:
    """Candidates, newest first, a portion at a time.

    The index returns all rows with a word at once, in no order. So it is asked for a few blocks of ids, and
    for more of them at a time while they hold too little: neither a word that is in every event nor one that
    is in none takes many rows.
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
            ids = list(connection.scalars(prepared(_IN_BLOCKS), values))
            if ids:
                yield ids
            if len(ids) < limit:
                break
            below = ids[-1]
        below = low + 1
        size, blocks = (COARSE, 2) if size == FINE else (COARSE, blocks * 8)


def _block(size: int, number: int) -> str:
    return block_marks(number << size)[0 if size == FINE else 1]
