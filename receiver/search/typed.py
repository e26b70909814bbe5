"""A search as somebody typed it, cut into filters and words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from receiver.search.filters import BY_WORD, FILTERS, FLAGS, Filter
from receiver.search.mistakes import SearchError, meant
from receiver.vocabulary.telephone import at_start

_PIECE = re.compile(
    r'(?P<not>-?)(?P<field>[A-Za-z_]+):(?!//)(?P<value>"[^"]*"?|\S*)|(?P<words>"[^"]*"?\*?|\S+)'
)


@dataclass(frozen=True, slots=True)
class Typed:
    """One piece: a filter, or words."""

    raw: str
    word: str | None = None
    """Before the colon, in lower case; None if there is no colon."""
    value: str = ""
    negated: bool = False

    @property
    def flag(self) -> Filter | None:
        """The flag that it is: `is:quarantined`."""
        return FLAGS.get(f"{self.word}:{self.value.lower()}")

    @property
    def filter(self) -> Filter | None:
        """The filter that is meant; None if there is no such."""
        return self.flag or BY_WORD.get(self.word or "")

    def given(self) -> str:
        """What it gives to its filter; `SearchError` if that cannot be."""
        if self.flag is not None:
            return "false" if self.negated else "true"
        if self.word in {name.partition(":")[0] for name in FLAGS}:
            raise SearchError(f"{self.word}: {self.value[:40]!r} is unknown; use {' or '.join(FLAGS)}")
        if self.filter is not None and self.negated:
            raise SearchError(f"-{self.word}: only {' and '.join(FLAGS)} can be negated")
        if self.filter is not None and not self.value:
            raise SearchError(f"{self.word}: a value is missing after the colon")
        return self.value


def pieces(text: str) -> Iterator[Typed]:
    """The pieces of a search, in order."""
    end = 0
    while match := _PIECE.search(text, end):
        start, end = match.span()
        if match["field"] is None:
            yield Typed(match["words"])
            continue
        word, value = match["field"].lower(), match["value"]
        value = value.strip('"') if value.startswith('"') else value
        one = BY_WORD.get(word)
        if one is not None and one.number and (number := at_start(text[match.start("value") :])):
            value, end = number, match.start("value") + len(number)
        yield Typed(text[start:end], word, value, bool(match["not"]))


def strange(word: str, *, named: bool, calls: bool) -> str:
    """What is wrong with a word that is no filter; with `named`, it names those that there are."""
    known = [one for one in FILTERS if calls or not one.calls]
    near = meant(word, [one.word.partition(":")[0] for one in known])
    said = f"{word}: unknown filter" + (f"; did you mean {near}:?" if near else "")
    if not named:
        return said
    names = ", ".join(one.name for one in known)
    filters = f" The filters are {names}" if near else f"; the filters are {names}"
    return f"{said}{filters}. To search for the text, put it in quotes"
