"""Where in a TOML file each key and each value stands.

No library that is kept up tells: tomllib and tomli give values only, tomlkit keeps the text but not where it
was, and spanned-toml has not moved since 2022. The text has been read by tomli before, so that this need not
doubt it: finding the beginnings is all that is left to do.
"""

from __future__ import annotations

import re

import tomli

from receiver.answering.problems import Place

Path = tuple[str | int, ...]
"""The keys that lead to a value, and in arrays its index."""

_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\])*"|\'[^\']*\'',
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\n]+")


class Places:
    """The places in one text, which must be TOML."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._keys: dict[Path, int] = {}
        self._values: dict[Path, int] = {}
        self._elements: dict[Path, int] = {}  # how many tables an array of tables has so far
        self._at = 0
        self._document()

    @property
    def paths(self) -> frozenset[Path]:
        """Whatever has a place."""
        return frozenset(self._keys | self._values)

    def key(self, path: Path) -> Place:
        """Where the key of a value is; for an element of an array, the element."""
        return self._place(self._keys.get(path, self._values.get(path, 0)))

    def value(self, path: Path, character: int = 0) -> Place:
        """Where a value is; or that character of a text which is written on one line without escapes."""
        start = self._values.get(path, self._keys.get(path, 0))
        if character and (written := _STRING.match(self._text, start)):
            inside = written[0]
            if not inside.startswith(('"""', "'''")) and "\\" not in inside:
                start += 1 + character
        return self._place(start)

    def _place(self, offset: int) -> Place:
        before = self._text[:offset]
        return Place(before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)

    def _skip(self) -> None:
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at

    def _sees(self, text: str) -> bool:
        return self._text.startswith(text, self._at)

    def _document(self) -> None:
        table: Path = ()
        self._skip()
        while self._at < len(self._text):
            if self._sees("["):
                table = self._header()
            else:
                self._pair(table)
            self._skip()

    def _header(self) -> Path:
        start = self._at
        repeated = self._sees("[[")
        self._at += 2 if repeated else 1
        keys = self._key_parts()
        self._at += 2 if repeated else 1
        path: Path = ()
        for number, (key, offset) in enumerate(keys, 1):
            path = (*path, key)
            self._keys.setdefault(path, offset)
            last = number == len(keys)
            if path in self._elements or (last and repeated):
                count = self._elements.get(path, 0) + (last and repeated)
                self._elements[path] = count
                path = (*path, count - 1)
            self._values.setdefault(path, start)
        return path

    def _pair(self, table: Path) -> None:
        path = table
        for key, offset in self._key_parts():
            path = (*path, key)
            self._keys.setdefault(path, offset)
            self._values.setdefault(path, offset)
        self._at += 1  # the equals sign
        self._skip()
        self._value(path)

    def _key_parts(self) -> list[tuple[str, int]]:
        """The parts of a dotted key, and where each begins. Ends at what follows."""
        parts: list[tuple[str, int]] = []
        while True:
            self._skip()
            start = self._at
            if bare := _BARE.match(self._text, start):
                self._at, key = bare.end(), bare[0]
            else:
                key = self._string()
            parts.append((key, start))
            self._skip()
            if not self._sees("."):
                return parts
            self._at += 1

    def _string(self) -> str:
        written = _STRING.match(self._text, self._at)
        if written is None:
            raise ValueError("not TOML")
        self._at = written.end()
        text: str = tomli.loads(f"k={written[0]}")["k"]
        return text

    def _value(self, path: Path) -> None:
        self._values[path] = self._at
        if self._sees("["):
            self._members(path, "]")
        elif self._sees("{"):
            self._members(path, "}")
        elif written := _STRING.match(self._text, self._at) or _SCALAR.match(self._text, self._at):
            self._at = written.end()

    def _members(self, path: Path, end: str) -> None:
        self._at += 1
        index = 0
        self._skip()
        while not self._sees(end):
            if end == "]":
                self._value((*path, index))
                index += 1
            else:
                self._pair(path)
            self._skip()
            if self._sees(","):
                self._at += 1
                self._skip()
        self._at += 1
