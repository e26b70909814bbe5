"""A search of the log: read from a search box, a URL or a command line, and written back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, tzinfo
from typing import Any

from receiver.search.values import LONGEST_SEARCH, SearchError, read_time, read_value
from receiver.search.words import Phrase, phrases
from receiver.vocabulary.kinds import CallOutcome, EventState, EventType, Kind
from receiver.vocabulary.telephone import at_start


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which events are wanted. All given parts must match. Times are aware UTC, `until` is exclusive."""

    provider: str | None = None
    kind: Kind | None = None
    type: EventType | None = None
    state: EventState | None = None
    outcome: CallOutcome | None = None
    """What became of the whole call: asked only where calls are listed."""
    sender: str | None = None
    recipient: str | None = None
    number: str | None = None
    """Either end."""
    session: str | None = None
    txn_ref: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    quarantined: bool | None = None
    problems: bool | None = None
    text: str | None = None
    """Words, "a phrase" and prefi*, all of which must be in the text or the raw parameters."""

    @classmethod
    def parse(
        cls, text: str, now: datetime | None = None, zone: tzinfo = UTC, *, calls: bool = False
    ) -> Search:
        """From the search language, `from:+65… kind:sms since:1h "text"`; `SearchError` if it is invalid.

        A time without a zone is in `zone`. Words without a colon are searched for in the text. With `calls`,
        whole calls are searched for, so that their outcome may be asked for.
        """
        if len(text) > LONGEST_SEARCH:
            raise SearchError(f"search: longer than {LONGEST_SEARCH} characters; shorten it")
        given: dict[str, str] = {}
        asked: list[str] = []
        end = 0
        while match := _PART.search(text, end):
            end = match.end()
            if match["field"] is None:
                asked.append(match["words"])
                continue
            name, word = _field(match["not"], match["field"].lower(), _unquoted(match["value"]))
            if name in _ENDS and (number := at_start(text[match.start("value") :])):
                word, end = number, match.start("value") + len(number)
            if name in given:
                raise SearchError(f"{match['field']}: is given twice; give it once")
            given[name] = word
        if asked:
            given["text"] = " ".join(asked)
        return cls.read(given, now, zone, calls=calls)

    @classmethod
    def read(
        cls,
        given: Mapping[str, str | None],
        now: datetime | None = None,
        zone: tzinfo = UTC,
        *,
        calls: bool = False,
    ) -> Search:
        """From named words, as a URL or a command line gives them; an empty one counts as not given."""
        known = {field.name for field in fields(cls)}
        values: dict[str, Any] = {}
        for word_for_it, asked in given.items():
            name = _WORDS.get(word_for_it, word_for_it)
            if name in values:
                raise SearchError(f"{word_for_it}: is given twice; give it once")
            if name not in known:
                raise SearchError(f"{name}: unknown filter; the filters are {', '.join(sorted(known))}")
            # Quotes have no place in a value, so nothing but quotes is nothing.
            if asked is None or not asked.strip().strip('"').strip():
                continue
            if name == "outcome" and not calls:
                raise SearchError("outcome: is about whole calls; look for it in the list of calls")
            word = asked.replace("\x00", "\ufffd")  # as the log keeps it
            if name in {"since", "until"}:
                values[name] = read_time(name, word.strip(), now or datetime.now(UTC), zone)
            else:
                values[name] = read_value(name, word)
        return cls(**values)

    @property
    def phrases(self) -> tuple[Phrase, ...]:
        """What `text` asks for, cut into words in the same way as the log's texts."""
        return tuple(phrases(self.text)) if self.text else ()

    @property
    def open(self) -> bool:
        """Whether nothing is filtered: every event matches."""
        return self == Search()

    @property
    def tests(self) -> bool:
        """Whether our own tests are wanted, too: nobody else called, so they are found only if asked for."""
        return self.type is EventType.TEST

    def joined(self, other: Search) -> Search:
        """Both searches together; `SearchError` if they differ in the same part."""
        given: dict[str, Any] = {}
        for part in fields(self):
            mine, theirs = getattr(self, part.name), getattr(other, part.name)
            if mine is not None and theirs is not None and mine != theirs:
                word = _NAMES.get(part.name, part.name)
                raise SearchError(f"{word}: is given twice; give it once")
            given[part.name] = theirs if mine is None else mine
        return Search(**given)

    def without(self, *names: str) -> Search:
        """The same search without these parts."""
        return replace(self, **dict.fromkeys(names))

    def __str__(self) -> str:
        """In the search language; `parse` gives the same search again."""
        parts = []
        for name, word in _NAMES.items():
            value = getattr(self, name)
            if isinstance(value, datetime):
                value = value.isoformat().replace("+00:00", "Z")
            if value is not None:
                written = _quoted(str(value))
                # A part of a number would take what follows for its rest.
                open_end = name in _ENDS and at_start(f"{written} 0000000")
                parts.append(f'{word}:"{written}"' if open_end else f"{word}:{written}")
        for name, word in _FLAGS.items():
            if (flag := getattr(self, name)) is not None:
                parts.append(word if flag else f"-{word}")
        return " ".join([*parts, self.text] if self.text else parts)


_NAMES = {
    "provider": "provider",
    "kind": "kind",
    "type": "type",
    "state": "state",
    "outcome": "outcome",
    "number": "number",
    "sender": "from",
    "recipient": "to",
    "session": "session",
    "txn_ref": "ref",
    "since": "since",
    "until": "until",
}
"""A part of a search, and its word in the search language, in options and in the API's parameters."""
_FLAGS = {"quarantined": "is:quarantined", "problems": "has:problems"}
_ENDS = frozenset({"sender", "recipient", "number"})
_WORDS = {word: name for name, word in _NAMES.items()} | {name: name for name in (*_NAMES, *_FLAGS)}

_PART = re.compile(
    r'(?P<not>-?)(?P<field>[A-Za-z_]+):(?!//)(?P<value>"[^"]*"?|\S*)|(?P<words>"[^"]*"?\*?|\S+)'
)


def _field(negated: str, word: str, value: str) -> tuple[str, str]:
    flag = {flagged: name for name, flagged in _FLAGS.items()}.get(f"{word}:{value.lower()}")
    if flag is not None:
        return flag, "false" if negated else "true"
    if word in {"is", "has"}:
        raise SearchError(f"{word}: {value[:40]!r} is unknown; use {' or '.join(_FLAGS.values())}")
    if negated:
        raise SearchError(f"-{word}: only {' and '.join(_FLAGS.values())} can be negated")
    if word not in _WORDS:
        known = ", ".join(f"{name}:" for name in _NAMES.values())
        raise SearchError(
            f"{word}: unknown filter; the filters are {known}. To search for the text, put it in quotes"
        )
    if not value:
        raise SearchError(f"{word}: a value is missing after the colon")
    return _WORDS[word], value


def _unquoted(value: str) -> str:
    return value.strip('"') if value.startswith('"') else value


def _quoted(value: str) -> str:
    # What begins like the rest of a link would be taken for a word: `https://…` is none of our filters.
    return f'"{value}"' if re.search(r'\s|^"|^//', value) else value
