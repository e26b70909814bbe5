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


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake. A warning does not keep the file from being used."""

    place: Place
    sentence: str
    warning: bool = False

    def __str__(self) -> str:
        """With its place, and without the file."""
        what = "warning: " if self.warning else ""
        return f"line {self.place.line}, column {self.place.column}: {what}{self.sentence}"


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
