"""What is wrong with a rules file, and where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from receiver.vocabulary.errors import OperatorError


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line and a column, both from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


WHOLE = Place(0, 0)
"""The place of what is wrong with the file as such."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake. A warning does not keep the file from being used."""

    place: Place
    sentence: str
    warning: bool = False

    def __str__(self) -> str:
        """With its place, if it has one, and without the file."""
        where = "" if self.place == WHOLE else f"{self.place}: "
        return f"{where}{'warning: ' if self.warning else ''}{self.sentence}"


class RulesError(OperatorError):
    """A rules file cannot be used. The message lists every problem."""

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        self.name, self.problems = name, tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"{name} cannot be used:\n{lines}")


def meant(word: str, known: Iterable[str]) -> str:
    """A hint at the word that was probably meant, to stand at the end of a sentence; or nothing."""
    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
