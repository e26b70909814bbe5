"""Options and arguments that several commands take, and how their values are read."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import update_wrapper
from typing import Any, TypeVar

import click

from receiver.numbers.spelling import telephone
from receiver.providers.market import Duration, NumberSort
from receiver.providers.registry import PROVIDERS
from receiver.vocabulary.kinds import Kind

_Command = TypeVar("_Command", bound=Callable[..., Any])

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
YES = click.option("--yes", is_flag=True, help="Do not ask.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Show what would be done, and stop.")
MASK = click.option("--mask", is_flag=True, help="Hide numbers and texts.")

PROVIDER = click.option(
    "--provider", type=click.Choice(list(PROVIDERS)), help="Which provider, where you have several."
)


class NumberType(click.ParamType[str]):
    """A telephone number with its country code; spaces and the usual marks in it do not matter."""

    name = "+NUMBER"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return telephone(str(value))
        except ValueError as error:
            self.fail(str(error))


class KindsType(click.ParamType[frozenset[Kind]]):
    """Kinds, separated by commas."""

    name = "voice|fax,sms"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> frozenset[Kind]:
        if isinstance(value, frozenset):
            return value
        words = {word.strip().lower() for word in str(value).split(",") if word.strip()}
        if not words or not words <= {*Kind}:
            self.fail(f"{value!r} must be one or more of {', '.join(Kind)}, separated by commas.")
        if {Kind.VOICE, Kind.FAX} <= words:
            self.fail("A number takes voice or fax, never both: choose one.")
        return frozenset(Kind(word) for word in words)


class AmountType(click.ParamType[Decimal]):
    """An amount of money."""

    name = "AMOUNT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            amount = Decimal(value)
        except ArithmeticError:
            amount = Decimal("NaN")
        if not amount.is_finite() or amount < 0:
            self.fail(f"{value!r} is not an amount of money such as 10.00.")
        return amount


def narrowed(command: _Command) -> _Command:
    """Adds `--sort`, `--area-code` and `--contains`, by which numbers for sale are chosen."""

    def run(*args: Any, sort: str | None, area_code: str, contains: str, **given: Any) -> Any:
        for option, value in (("--area-code", area_code), ("--contains", contains)):
            if not re.fullmatch(r"[0-9]*", digits(value)):
                raise click.UsageError(f"{option} takes digits, not {value!r}.")
        given |= {"area_code": digits(area_code), "contains": digits(contains)}
        return command(*args, sort=sort and NumberSort(sort), **given)

    wrapped: Any = update_wrapper(run, command)
    for option in (
        click.option("--contains", "--like", default="", help="Only numbers with these digits in a row."),
        click.option("--area-code", default="", help="Only numbers of this area, such as 415."),
        click.option(
            "--sort",
            type=click.Choice([str(sort) for sort in NumberSort]),
            help="Only numbers of this sort, where the provider tells sorts apart.",
        ),
    ):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[no-any-return]


def digits(text: str) -> str:
    """A piece of a telephone number, without what people write between the digits."""
    return re.sub(r"[\s+().\-]", "", text)


def term(command: _Command) -> _Command:
    """Adds `--months` and `--auto-extend`. The command gets them as `duration`, None if neither is given."""

    def run(*args: Any, months: str | None, auto_extend: bool, **given: Any) -> Any:
        if months and auto_extend:
            raise click.UsageError("--months and --auto-extend exclude each other: choose one.")
        duration = Duration.AUTO_EXTEND if auto_extend else Duration(months) if months else None
        return command(*args, duration=duration, **given)

    wrapped: Any = update_wrapper(run, command)
    for option in (
        click.option(
            "--auto-extend",
            is_flag=True,
            help="Pay by the month; the number renews itself until you stop that in the provider's portal.",
        ),
        click.option(
            "--months",
            type=click.Choice(["1", "3", "12"]),
            help="How long, where the provider sells terms; 1 by default.",
        ),
    ):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[no-any-return]
