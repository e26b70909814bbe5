"""The options of `targets add` and `targets edit`, made from what each sort of target wants to know."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from receiver.relay.options import Form, Option, TargetError, from_lines

SECRETS = "A value that is a secret may also be @FILE, for what is in a file, or - for standard input."
_SEVERAL = (Form.LINES, Form.PAIRS)


def click_options(wanted: Iterable[Option], *, new: bool) -> list[click.Option]:
    """An option of the command line for each, for a `new` target or one that there is."""
    return [_option(option, f"{option.about} {option.without if new else ''}".rstrip()) for option in wanted]


def read(wanted: Sequence[Option], words: Mapping[str, Any]) -> dict[str, Any]:
    """What was given on the command line, as `Sort.read` takes it."""
    given: dict[str, Any] = {}
    stdin: list[str] = []
    for option in wanted:
        value = words.get(option.key)
        if value is None or value == ():
            continue
        if option.form is Form.FLAG:
            given[option.name] = value
            continue
        texts = list(value) if isinstance(value, tuple) else [value]
        if option.secret:
            texts = [_expanded(text, option.flag, stdin) for text in texts]
        try:
            given[option.name] = from_lines(option, texts)
        except TargetError as error:
            raise click.UsageError(f"{option.flag}: {str(error).partition(': ')[2]}") from None
    return given


def _option(option: Option, about: str) -> click.Option:
    several = option.form in _SEVERAL
    if several:
        about += " Repeatable."
    if option.form is Form.FLAG:
        return click.Option(
            [f"{option.flag}/--no-{option.flag.removeprefix('--')}", option.key], default=None, help=about
        )
    kind = click.Choice(option.choices) if option.choices else None
    metavar = None if kind else f"'{option.example}'" if " " in option.example else option.example or "TEXT"
    return click.Option([option.flag, option.key], multiple=several, type=kind, metavar=metavar, help=about)


def _expanded(text: str, flag: str, stdin: list[str]) -> str:
    if text == "-":
        if stdin:
            raise click.UsageError(f"{flag}: standard input can be read once only, and {stdin[0]} reads it")
        stdin.append(flag)
        return sys.stdin.read()
    if text.startswith("@"):
        return Path(text[1:]).read_text(encoding="utf-8")
    return text
