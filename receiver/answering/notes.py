"""Reading TOML with an eye on mistakes: each is noted with its place, and reading goes on."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeVar

from receiver.answering.places import Path, Places
from receiver.answering.problems import Place, Problem, meant

_T = TypeVar("_T")
_KINDS: Mapping[type, str] = {
    str: "a text in quotes",
    int: "a whole number",
    bool: "true or false",
    dict: "a table in braces",
    list: "a list in brackets",
}
_LONGEST = 400
"""Characters of a sentence."""


class Notes:
    """The mistakes found so far."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.problems: list[Problem] = []

    def wrong(self, path: Path, sentence: str, *, at: int = 0, key: bool = False) -> None:
        """What is wrong with a value, or with its key; `at` is the character in a text."""
        place = self.places.key(path) if key else self.places.value(path, at)
        self.note(place, sentence)

    def note(self, place: Place, sentence: str, *, warning: bool = False) -> None:
        if len(sentence) > _LONGEST:  # what it quotes may be most of the file
            sentence = f"{sentence[: _LONGEST // 2]} … {sentence[-_LONGEST // 2 :]}"
        self.problems.append(Problem(place, sentence, warning))


class Table:
    """One table, asked for its keys. What nobody asks for is a mistake."""

    def __init__(self, notes: Notes, path: Path, values: Mapping[str, Any]) -> None:
        self.notes, self.path, self._values = notes, path, values
        self._asked: list[str] = []

    def __contains__(self, key: str) -> bool:
        return key in self._values

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self._values)

    @property
    def place(self) -> Place:
        return self.notes.places.value(self.path)

    def get(self, key: str, kind: type[_T]) -> _T | None:
        """The value of a key; None if there is none, or another kind of thing, which is noted."""
        self._asked.append(key)
        if key not in self._values:
            return None
        value = self._values[key]
        # true is a number to Python, and to nobody else
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return value
        self.wrong(key, f"{key} must be {_KINDS[kind]}")
        return None

    def says_no(self, key: str) -> bool:
        """Whether the value of a key is false."""
        return self._values.get(key) is False and self.get(key, bool) is False

    def number(self, key: str, least: int, most: int, default: int | None = None) -> int | None:
        """A whole number within limits."""
        value = self.get(key, int)
        if value is None:
            return default
        if not least <= value <= most:
            self.wrong(key, f"{key} must be {least} to {most}")
            return default
        return value

    def texts(self, key: str) -> Iterator[tuple[Path, str]]:
        """One text, or each of a list, with its path."""
        self._asked.append(key)
        value, path = self._values.get(key), (*self.path, key)
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, list) and value:
            for index, one in enumerate(value):
                if isinstance(one, str):
                    yield (*path, index), one
                else:
                    self.notes.wrong((*path, index), f"{key} must hold texts in quotes")
        elif key in self._values:
            self.wrong(key, f"{key} must be a text in quotes, or a list of such in brackets")

    def table(self, key: str) -> Table | None:
        values = self.get(key, dict)
        return None if values is None else Table(self.notes, (*self.path, key), values)

    def tables(self, key: str, what: str) -> Iterator[Table]:
        """Each table of a list."""
        for index, values in enumerate(self.get(key, list) or ()):
            path = (*self.path, key, index)
            if isinstance(values, dict):
                yield Table(self.notes, path, values)
            else:
                self.notes.wrong(path, f"{what} is a table in braces")

    def wrong(self, key: str, sentence: str, *, at: int = 0) -> None:
        """Note what is wrong with a value."""
        self.notes.wrong((*self.path, key), sentence, at=at)

    def missing(self, sentence: str) -> None:
        self.notes.note(self.place, sentence)

    def done(self, what: str, known: Collection[str] = ()) -> None:
        """Note every key that nobody asked for. `known` are all that there may be."""
        for key in self._values:
            if key not in self._asked:
                hint = meant(key, known or self._asked)
                self.notes.wrong((*self.path, key), f"{what} has no {key!r}{hint}", key=True)
