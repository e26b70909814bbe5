"""A search of the log: read from a search box, a URL or a command line, and written back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, tzinfo
from typing import Any

from receiver.search.filters import BY_PART, BY_WORD, FILTERS
from receiver.search.mistakes import Mistakes, SearchError
from receiver.search.times import read_time, require_span
from receiver.search.typed import pieces, strange
from receiver.search.values import LONGEST_SEARCH, read_text
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
    contact: str | None = None
    """A part of the name that the contacts have for the sender."""
    session: str | None = None
    txn_ref: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    quarantined: bool | None = None
    problems: bool | None = None
    voicemail: bool | None = None
    """Whether it brings what a caller said; see `receiver.search.voicemail`."""
    open: bool | None = None
    """Whether somebody still has to deal with it; see `receiver.search.duty`."""
    handled: bool | None = None
    text: str | None = None
    """Words, "a phrase" and prefi*, all of which must be in the text or the raw parameters."""

    @classmethod
    def parse(
        cls, text: str, now: datetime | None = None, zone: tzinfo = UTC, *, calls: bool = False
    ) -> Search:
        """From the search language, `from:+65… kind:sms since:1h "text"`; `SearchError` says what is wrong.

        A time without a zone is in `zone`. Words without a colon are searched for in the text. With `calls`,
        whole calls are searched for, so that their outcome may be asked for.
        """
        if len(text) > LONGEST_SEARCH:
            raise SearchError(f"search: longer than {LONGEST_SEARCH} characters; shorten it")
        given: dict[str, str] = {}
        asked: list[str] = []
        mistakes = Mistakes()
        unknown: list[str] = []
        wanted = cls()
        for piece in pieces(text):
            if piece.word is None:
                asked.append(piece.raw)
                continue
            with mistakes.noted():
                value, found = piece.given(), piece.filter
                if found is None:
                    unknown.append(piece.word)
                elif found.part in given:
                    mistakes.note(f"{piece.word}: is given twice; give it once")
                else:
                    given[found.part] = value
        for word in dict.fromkeys(unknown):
            mistakes.note(strange(word, named=word == unknown[0], calls=calls))
        if asked:
            given["text"] = " ".join(asked)
        with mistakes.noted():
            wanted = cls.read(given, now, zone, calls=calls)
        mistakes.tell()
        return wanted

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
        mistakes = Mistakes()
        # A time of day means the first one after `since`, which therefore has to be known.
        for word_for_it, asked in sorted(given.items(), key=lambda one: one[0] == "until"):
            name = BY_WORD[word_for_it].part if word_for_it in BY_WORD else word_for_it
            with mistakes.noted():
                if name in values:
                    raise SearchError(f"{word_for_it}: is given twice; give it once")
                if name not in known:
                    raise SearchError(f"{name}: unknown filter; the filters are {', '.join(sorted(known))}")
                # Quotes have no place in a value, so nothing but quotes is nothing.
                if asked is None or not asked.strip().strip('"').strip():
                    continue
                word = asked.replace("\x00", "\ufffd")  # as the log keeps it
                after = values.get("since") if name == "until" else None
                values[name] = _value(name, word, now or datetime.now(UTC), zone, after=after, calls=calls)
        mistakes.tell()
        return cls(**values)

    @property
    def phrases(self) -> tuple[Phrase, ...]:
        """What `text` asks for, cut into words in the same way as the log's texts."""
        return tuple(phrases(self.text)) if self.text else ()

    @property
    def everything(self) -> bool:
        """Whether nothing is filtered: every event matches."""
        return self == Search()

    @property
    def tests(self) -> bool:
        """Whether our own tests are wanted, too: nobody else called, so they are found only if asked for."""
        return self.type is EventType.TEST

    def joined(self, other: Search) -> Search:
        """Both searches together; `SearchError` if they differ in the same part."""
        given: dict[str, Any] = {}
        mistakes = Mistakes()
        for part in fields(self):
            mine, theirs = getattr(self, part.name), getattr(other, part.name)
            given[part.name] = theirs if mine is None else mine
            if mine is not None and theirs is not None and mine != theirs:
                mistakes.note(f"{_option(part.name)}: is given twice; give it once")
        mistakes.tell()
        return Search(**given)

    def require_span(self, now: datetime | None = None, zone: tzinfo = UTC) -> None:
        """`SearchError` if its times leave nothing to find. What is kept can be read nevertheless."""
        require_span(self.since, self.until, now or datetime.now(UTC), zone)

    def without(self, *names: str) -> Search:
        """The same search without these parts."""
        return replace(self, **dict.fromkeys(names))

    def __str__(self) -> str:
        """In the search language; `parse` gives the same search again."""
        given = {one.part: getattr(self, one.part) for one in FILTERS}
        parts = [written(part, value) for part, value in given.items() if value is not None]
        return " ".join([*parts, self.text] if self.text else parts)


def written(part: str, value: object) -> str:
    """One part of a search in the search language."""
    one = BY_PART[part]
    if one.flag:
        return one.word if value else f"-{one.word}"
    if isinstance(value, datetime):
        value = value.isoformat().replace("+00:00", "Z")
    word = _quoted(str(value))
    # A part of a number would take what follows for its rest.
    open_end = one.number and at_start(f"{word} 0000000")
    return f'{one.word}:"{word}"' if open_end else f"{one.word}:{word}"


def _value(name: str, word: str, now: datetime, zone: tzinfo, *, after: datetime | None, calls: bool) -> Any:
    if name == "text":
        return read_text(name, word)
    one = BY_PART[name]
    if one.calls and not calls:
        raise SearchError(f"{name}: is about whole calls; look for it in the list of calls")
    return read_time(name, word.strip(), now, zone, after) if one.read is None else one.read(name, word)


def _option(part: str) -> str:
    """What a part is called where it has no colon: in options and parameters."""
    one = BY_PART.get(part)
    return part if one is None or one.flag else one.word


def _quoted(value: str) -> str:
    # What begins like the rest of a link would be taken for a word: `https://…` is none of our filters.
    return f'"{value}"' if re.search(r'\s|^"|^//', value) else value
