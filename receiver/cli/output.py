"""How every command speaks: data on stdout, talk on stderr, in lines that fit the terminal."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import click

from receiver.vocabulary.json_text import json_text
from receiver.vocabulary.mask import masked_number
from receiver.vocabulary.printable import printable


def json_out(value: object) -> None:
    """One JSON document on stdout."""
    click.echo(json_written(json_text(_plain(value), indent=2)))


def json_line(value: object) -> None:
    """One JSON document in a line on stdout, at once."""
    click.echo(json_written(json_text(value)))
    sys.stdout.flush()


def json_written(text: str) -> str:
    """JSON as stdout can take it: where its encoding lacks letters, a `?` would be other data."""
    if (sys.stdout.encoding or "").lower().replace("-", "") == "utf8":
        return text
    return "".join(char if char.isascii() else json.dumps(char)[1:-1] for char in text)


def _plain(value: object) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, AbstractSet):
        return sorted(_plain(item) for item in value)
    if isinstance(value, Sequence):
        return [_plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no form in JSON")  # a secret, for one


def say(sentence: str) -> None:
    """Talk to the person at the terminal, on stderr, in lines that fit it."""
    for line in sentence.splitlines():
        # Not click.echo, which writes past what draws a bar or a spinner there.
        sys.stderr.write(f"{_fitted(printable(line))}\n")


def _fitted(line: str, taken: int = 0) -> str:
    """A line broken between words where the terminal ends; `taken` columns of the first are in use."""
    if not sys.stderr.isatty():
        return line
    width = max(40, shutil.get_terminal_size().columns)
    return textwrap.fill(
        line,
        width,
        initial_indent=" " * taken,
        subsequent_indent=" " * (len(line) - len(line.lstrip())),
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )[taken:]


def spoken(number: str) -> str:
    """A telephone number to `say`: whole at a terminal, masked elsewhere, since logs keep what is said."""
    return number if sys.stderr.isatty() else masked_number(number)


def patient(seconds: float) -> None:
    """Wait for the provider, and say so if it takes long enough for somebody to wonder."""
    if seconds > 2:  # shorter ones come after a failure, and end sooner than anybody could read about them
        say(f"The provider needs time: going on in {seconds:.0f} s.")
    time.sleep(seconds)


def confirmed(question: str, *, yes: bool) -> bool:
    """Whether the person agrees; `yes` answers beforehand, and nobody is asked where nobody can answer."""
    if yes:
        return True
    if not sys.stdin.isatty():
        say("Nobody can answer here, so nothing was done: run it in a terminal, or add --yes.")
        raise SystemExit(1)
    return click.confirm(question, err=True)


def fitted_error(message: str) -> str:
    """A message for behind `Error: `, in lines that fit the terminal."""
    lines = [printable(line) for line in message.splitlines()]
    return "\n".join(_fitted(line, 0 if at else len("Error: ")) for at, line in enumerate(lines))
