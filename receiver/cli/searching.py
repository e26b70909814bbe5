"""What the commands that read the log share: the search, and how times are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, TypeVar

import click

from receiver.cli import output
from receiver.cli.zone import LOCAL
from receiver.providers.registry import PROVIDERS
from receiver.search.index_lag import IndexLag
from receiver.search.masking import mask_event
from receiver.search.mistakes import Mistakes, SearchError
from receiver.search.query import Search
from receiver.vocabulary.kinds import CallOutcome, EventState

_Command = TypeVar("_Command", bound=Callable[..., Any])
_Option = Callable[[Any], Any]

_FILTERS = (
    click.option("--provider", metavar="PROVIDER", help=f"Only from this one: {', '.join(PROVIDERS)}."),
    click.option("--kind", metavar="KIND", help="Only voice, fax or sms."),
    click.option(
        "--type",
        metavar="TYPE",
        help="Only this type, such as call.ringing or sms.received. Our own tests are shown only with test.",
    ),
    click.option("--state", metavar="STATE", help=f"Only in this state: {', '.join(EventState)}."),
    click.option("--from", "--sender", "sender", metavar="NUMBER", help="Only from this number."),
    click.option("--to", "--recipient", "recipient", metavar="NUMBER", help="Only to this number."),
    click.option("--number", metavar="NUMBER", help="Only from or to this number."),
    click.option("--contact", metavar="NAME", help="Only from contacts with this in their name."),
    click.option("--session", metavar="SESSION", help="Only the call with this session."),
    click.option(
        "--ref", "--txn-ref", "txn_ref", metavar="REFERENCE", help="Only with this reference of the provider."
    ),
    click.option(
        "--since",
        metavar="TIME",
        help="Received since a time (2026-01-31T10:00+08:00, 10:15, yesterday) or for an age (90m, 2h, 7d).",
    ),
    click.option(
        "--until", metavar="TIME", help="Received before a time or age; 10:15 is the next after --since."
    ),
    click.option("--text", metavar="WORDS", help='With these words, "words in a row" or begi*.'),
    click.option("--quarantined", is_flag=True, help="Only events in quarantine."),
    click.option("--open", is_flag=True, help="Only missed calls, faxes and SMS that nobody has handled."),
    click.option("--handled", is_flag=True, help="Only what somebody has handled."),
    click.option("--problems", is_flag=True, help="Only events with something missing or unreadable."),
    click.option("--voicemail", is_flag=True, help="Only events that bring what a caller said."),
)
_OUTCOME = click.option(
    "--outcome", metavar="OUTCOME", help=f"Only with this outcome: {', '.join(CallOutcome)}."
)
UTC_OPTION = click.option("--utc", is_flag=True, help="Read and show times in UTC instead of local time.")


class Shown:
    """How times are shown: in local time or in UTC. The table's heading says which; a time of another offset,
    as before a change of daylight saving, says its own."""

    def __init__(self, utc: bool) -> None:
        self.zone: tzinfo = UTC if utc else LOCAL
        self.name = self.name_at(datetime.now(UTC))

    def name_at(self, when: datetime) -> str:
        """What the zone is called at that moment: `CET`, and `CEST` in summer."""
        return when.astimezone(self.zone).strftime("%Z")

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
        written = here.strftime(this_year if here.year == now.year else "%Y-%m-%d %H:%M")
        name = self.name_at(when)
        return written if name == self.name else f"{written} {name}"

    def whole(self, when: datetime) -> str:
        """Date, time and zone."""
        return when.astimezone(self.zone).strftime("%a %d %b %Y %H:%M:%S %Z")


def warn_of(lag: IndexLag | None, shown: Shown) -> None:
    """Say what the answer may lack while the index is behind."""
    if lag is not None:
        output.say(lag.sentence(shown.zone))


def searching(command: _Command) -> _Command:
    """Adds the search language as arguments, an option for each part of it, and `--utc`.

    The command gets them as `wanted` and `shown`.
    """
    return _searching(command, _FILTERS, _NAMES, calls=False)


def searching_calls(command: _Command) -> _Command:
    """The same for whole calls, which also have an outcome."""
    return _searching(command, (*_FILTERS, _OUTCOME), (*_NAMES, "outcome"), calls=True)


def _searching(
    command: _Command, options: Sequence[_Option], names: Sequence[str], *, calls: bool
) -> _Command:
    def run(words: tuple[str, ...], utc: bool, **given: Any) -> Any:
        shown = Shown(utc)
        filters = {name: given.pop(name) for name in names}
        return command(wanted=_search(words, filters, shown.zone, calls), shown=shown, **given)

    run.__doc__ = command.__doc__
    run.__name__ = command.__name__
    wrapped: Any = run
    own = list(getattr(command, "__click_params__", ()))
    wrapped.__click_params__ = list(own)
    for option in (*options[::-1], UTC_OPTION, click.argument("words", nargs=-1, metavar="[SEARCH]...")):
        wrapped = option(wrapped)
    # A name that the command has for something else, as `--to` of a replay, is not a filter's there.
    taken = {name for parameter in own for name in parameter.opts}
    for parameter in wrapped.__click_params__[len(own) :]:
        parameter.opts = [name for name in parameter.opts if name not in taken]
    return wrapped  # type: ignore[no-any-return]


_NAMES = (
    *("provider", "kind", "type", "state", "sender", "recipient", "number", "contact", "session", "txn_ref"),
    *("since", "until", "text", "quarantined", "problems", "voicemail", "open", "handled"),
)


def _search(words: tuple[str, ...], filters: dict[str, Any], zone: tzinfo, calls: bool) -> Search:
    typed = " ".join(_written(word) for word in words)
    given = {name: "true" if value is True else value or None for name, value in filters.items()}

    def read() -> Search:
        asked = named = Search()
        mistakes = Mistakes()
        with mistakes.noted():
            asked = Search.parse(typed, zone=zone, calls=calls)
        with mistakes.noted("--"):
            named = Search.read(given, zone=zone, calls=calls)
        with mistakes.noted("--"):
            asked = asked.joined(named)
            asked.require_span(zone=zone)
        mistakes.tell()
        return asked

    return read_search(read)


def read_search(read: Callable[[], Search]) -> Search:
    """A search, or a `UsageError` that says all that cannot be read in it, each on a line of its own."""
    try:
        return read()
    except SearchError as error:
        raise click.UsageError("\n       ".join(error.mistakes)) from None


def masked(document: dict[str, Any], mask: bool) -> dict[str, Any]:
    """An event, call or conversation in its JSON form, with numbers and texts hidden if asked for."""
    return mask_event(document) if mask else document


def _written(word: str) -> str:
    """An argument with spaces was in quotes, which the shell took away: it is a phrase."""
    if " " not in word or '"' in word:
        return word
    field, colon, value = word.partition(":")
    return f'{field}:"{value}"' if colon and field.isidentifier() else f'"{word}"'
