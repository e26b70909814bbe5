"""What a person may say of a target: declared once by its sort, for the command line, the API and forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from receiver.vocabulary.errors import OperatorError
from receiver.vocabulary.printable import printable


class TargetError(OperatorError):
    """A target cannot be as it is wished. The message says why, and what to do."""


class Form(StrEnum):
    """What the value of an option is in `Sort.read` and in JSON."""

    TEXT = "text"
    """A string."""
    LINES = "lines"
    """A list of strings; in a form, one on each line."""
    PAIRS = "pairs"
    """A mapping from strings to strings; in a form, `name: value` on each line."""
    FLAG = "flag"
    """True or false."""


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that a sort of target wants to know."""

    name: str
    """Its key in what `Sort.read` gets, and in the API's `settings`."""
    about: str
    """A sentence for help and forms: `Where to POST it.`"""
    without: str = field(default="", kw_only=True)
    """Another one, for a new target: what is done if nobody says it."""
    form: Form = Form.TEXT
    required: bool = False
    secret: bool = False
    """Whether it is never shown again. On the command line it may come from a file or from stdin."""
    choices: tuple[str, ...] = ()
    example: str = ""
    word: str = ""
    """Its name on the command line, if that is another: `header` for `headers`."""

    @property
    def key(self) -> str:
        """Its name on the command line, as Python has it."""
        return self.word or self.name

    @property
    def flag(self) -> str:
        """`--header`."""
        return f"--{self.key.replace('_', '-')}"


def from_lines(option: Option, lines: Sequence[str]) -> Any:
    """The value that a person wrote in one or more lines; `TargetError` if it is none."""
    written = [line.strip() for text in lines for line in text.splitlines() if line.strip()]
    if option.form is Form.LINES:
        return written
    if option.form is Form.PAIRS:
        pairs = {}
        for line in written:
            name, colon, value = line.partition(":")
            if not colon or not name.strip():
                # Not the line itself: it may be a secret.
                raise TargetError(f"{option.key}: write it as `Name: value`")
            pairs[name.strip()] = value.strip()
        return pairs
    if option.form is Form.FLAG:
        return written in (["true"], ["on"], ["yes"])
    return " ".join(written)


def require_known(options: Sequence[Option], given: Mapping[str, Any]) -> None:
    """`TargetError` if something was given that is no option, or has another form than its option."""
    known = {option.name: option for option in options}
    for name, value in given.items():
        option = known.get(name)
        if option is None:
            listed = ", ".join(known) or "none"
            raise TargetError(f"{printable(str(name))[:40]}: unknown setting; the settings are {listed}")
        if not _has_form(value, option.form):
            raise TargetError(f"{name}: must be {_SAID[option.form]}")
        if option.choices and value not in option.choices:
            raise TargetError(f"{name}: must be one of {', '.join(option.choices)}")


def _has_form(value: Any, form: Form) -> bool:
    if form is Form.LINES:
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    if form is Form.PAIRS:
        return isinstance(value, Mapping) and all(isinstance(one, str) for one in value.values())
    return isinstance(value, bool if form is Form.FLAG else str)


_SAID = {
    Form.TEXT: "a text",
    Form.LINES: "a list of texts",
    Form.PAIRS: "names, each with a text",
    Form.FLAG: "true or false",
}
