"""What the commands that read the log have in common: what is looked for, and how times are shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Any, TypeVar

import click

from receiver.cli import output
from receiver.search.index_lag import IndexLag
from receiver.search.query import Search
from receiver.search.values import SearchError

_Command = TypeVar("_Command", bound=Callable[..., Any])

_FILTERS = (
    click.option("--kind", help="voice, fax or sms."),
    click.option("--type", help="For example call.ringing, fax.failed, sms.received."),
    click.option("--state", help="ringing, ongoing, ended, answered, missed, received or failed."),
    click.option("--sender", help="Who it came from."),
    click.option("--recipient", help="The number it came to."),
    click.option("--number", help="Either end."),
    click.option("--session", help="All of one call."),
    click.option("--txn-ref", help="The provider's reference."),
    click.option("--since", help="A time (2026-01-31T10:00+08:00, 10:15) or an age (90m, 2h, 7d)."),
    click.option("--until", help="The same, exclusive."),
    click.option("--text", help='Words, "words in a row" or begi*.'),
    click.option("--quarantined", is_flag=True, help="Only those kept but not trusted."),
    click.option("--problems", is_flag=True, help="Only those with something missing or unreadable."),
)
UTC_OPTION = click.option("--utc", is_flag=True, help="Read and show times in UTC instead of local time.")
mask = click.option("--mask", is_flag=True, help="Hide numbers and texts.")


class Shown:
    """How times are shown: in local time or in UTC, and the table's heading says which."""

    def __init__(self, utc: bool) -> None:
        self.zone: tzinfo | None = UTC if utc else None
        self.name = datetime.now(UTC).astimezone(self.zone).strftime("%Z")

    def heading(self, of: str) -> str:
        """`received (+08)`."""
        return f"{of} ({self.name})"

    def short(self, when: datetime) -> str:
        """To the second, or to the minute with the year in a year that is not this one."""
        return self._written(when, "%m-%d %H:%M:%S")

    def minute(self, when: datetime) -> str:
        """The same to the minute, for tables that need the room."""
        return self._written(when, "%m-%d %H:%M")

    def clock(self, when: datetime) -> str:
        """The time of the day."""
        return when.astimezone(self.zone).strftime("%H:%M:%S")

    def _written(self, when: datetime, this_year: str) -> str:
        here, now = when.astimezone(self.zone), datetime.now(UTC).astimezone(self.zone)
        return here.strftime(this_year if here.year == now.year else "%Y-%m-%d %H:%M")

    def whole(self, when: datetime) -> str:
        """Date, time and zone."""
        return when.astimezone(self.zone).strftime("%a %d %b %Y %H:%M:%S %Z")


def warn_of(lag: IndexLag | None, shown: Shown) -> None:
    """Say what the answer may lack while the index is behind."""
    if lag is not None:
        output.say(lag.sentence(shown.zone))


def searching(command: _Command) -> _Command:
    """Gives a command the search language as arguments, a filter option for each part of it, and `--utc`.

    The command gets `wanted` and `shown`.
    """

    def run(words: tuple[str, ...], utc: bool, **given: Any) -> Any:
        shown = Shown(utc)
        filters = {name: given.pop(name) for name in _NAMES}
        return command(wanted=_search(words, filters, shown.zone), shown=shown, **given)

    run.__doc__ = command.__doc__
    run.__name__ = command.__name__
    wrapped: Any = run
    if hasattr(command, "__click_params__"):
        wrapped.__click_params__ = command.__click_params__
    for option in (*_FILTERS[::-1], UTC_OPTION, click.argument("words", nargs=-1, metavar="[SEARCH]...")):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[no-any-return]


_NAMES = (
    *("kind", "type", "state", "sender", "recipient", "number", "session", "txn_ref", "since", "until"),
    *("text", "quarantined", "problems"),
)


def _search(words: tuple[str, ...], filters: dict[str, Any], zone: tzinfo | None) -> Search:
    zone = zone or datetime.now(UTC).astimezone().tzinfo or UTC
    try:
        asked = Search.parse(" ".join(_written(word) for word in words), zone=zone)
    except SearchError as error:
        raise click.UsageError(output.fitted_error(str(error))) from None
    given = {name: "true" if value is True else value or None for name, value in filters.items()}
    try:
        return asked.joined(Search.read(given, zone=zone))
    except SearchError as error:
        raise click.UsageError(output.fitted_error(f"--{error}".replace("txn_ref", "txn-ref"))) from None


def _written(word: str) -> str:
    """An argument with spaces was in quotes, which the shell took away: it is a phrase."""
    if " " not in word or '"' in word:
        return word
    field, colon, value = word.partition(":")
    return f'{field}:"{value}"' if colon and field.isidentifier() else f'"{word}"'


class ListByDefault(click.Group):
    """A group that lists when no command is named: `flask calls from:+65…`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in {"--help", "-h"}):
            args = ["list", *args]
        return super().parse_args(ctx, args)
