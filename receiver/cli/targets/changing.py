"""`receiver targets add`, `edit`, `rotate` and `remove`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import click

from receiver import current
from receiver.cli import options, output
from receiver.cli.events.removing import who
from receiver.cli.operation import operation
from receiver.cli.targets.given import SECRETS, click_options, read
from receiver.relay.delivery import DeliveryState
from receiver.relay.options import Option
from receiver.relay.shown import target_json
from receiver.relay.sorts import SORTS, place
from receiver.relay.target import Target, TargetSort
from receiver.vocabulary.printable import count_of, printable

_NAME = click.Argument(["name"])
_SEARCH = click.Option(
    ["--search"], metavar="SEARCH", help="Only events that match, such as 'kind:sms to:+65…'."
)
_ORDERED = click.Option(
    ["--ordered/--unordered"],
    default=None,
    help="Whether the events of a call or conversation go one after the other.",
)
_JSON = click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON object.")


class Adding(click.Group):
    """A command for each sort of target there is."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [sort.value for sort, offered in SORTS.items() if offered.options]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in SORTS:  # one that only code makes says so
            return None
        sort = TargetSort(cmd_name)

        @operation
        def run(**given: Any) -> None:
            _add(sort, **given)

        wanted = SORTS[sort].options
        return click.Command(
            cmd_name,
            params=[_NAME, *click_options(wanted, new=True), _SEARCH, _ORDERED, _JSON],
            callback=run,
            help=f"{SORTS[sort].about}\n\nIt gets what arrives from now on. {SECRETS}",
        )


add = Adding("add", help="Add a target.")


def _add(
    sort: TargetSort, *, name: str, search: str | None, ordered: bool | None, as_json: bool, **words: Any
) -> None:
    target = current.targets().add(
        name, sort, read(SORTS[sort].options, words), search=search or "", ordered=bool(ordered), by=who()
    )
    secret = SORTS[sort].secret(target.settings)
    if as_json:
        output.json_out(target_json(target, {}) | {"secret": secret})
        return
    what = f"what matches {str(target.search)!r}" if str(target.search) else "everything"
    output.say(f"{target.name} gets {what} that arrives from now on, at {place(target)}")
    output.say(f"try it with `receiver targets test {shlex.quote(target.name)}`")
    _show_secret(secret)


@operation
def _edit(
    *, name: str, new_name: str | None, search: str | None, ordered: bool | None, as_json: bool, **words: Any
) -> None:
    """Change a target."""
    target = current.targets().get(name)
    wanted = SORTS[target.sort].options
    own = {option.flag for option in wanted}
    for flag, option in _FLAGS.items():
        if words.get(option.key) not in (None, ()) and flag not in own:
            allowed = ", ".join(option.flag for option in wanted) or "no settings"
            raise click.UsageError(
                f"{target.name} is of the sort {target.sort}: it has {allowed}, not {flag}"
            )
    given = read(wanted, words)
    if not given and new_name is None and search is None and ordered is None:
        raise click.UsageError("Say what to change: see --help.")
    changed = current.targets().change(
        name, given=given or None, new_name=new_name, search=search, ordered=ordered, by=who()
    )
    if as_json:
        output.json_out(target_json(changed, current.deliveries().counts().get(changed.id, {})))
        return
    output.say(f"{changed.name} is changed; a running service notices within a second")


def _of_any_sort() -> Iterator[Option]:
    """An option for each flag; where sorts take it for different things, with the words of each."""
    by_flag: dict[str, dict[TargetSort, Option]] = {}
    for sort, offered in SORTS.items():
        for option in offered.options:
            by_flag.setdefault(option.flag, {})[sort] = option
    for meant in by_flag.values():
        words = (f"{sort.capitalize()}: {option.about}" for sort, option in meant.items())
        option = next(iter(meant.values()))
        yield option if len(meant) == 1 else replace(option, about=" ".join(words))


_FLAGS: dict[str, Option] = {option.flag: option for option in _of_any_sort()}
edit = click.Command(
    "edit",
    params=[
        _NAME,
        click.Option(["--name", "new_name"], help="A new name."),
        *click_options(_FLAGS.values(), new=False),
        _SEARCH,
        _ORDERED,
        _JSON,
    ],
    callback=_edit,
    help=f"""Change a target.

    A new search concerns what arrives from now on; a new address also what waits. A value of a repeatable
    option takes the place of all values before, an empty one removes them. {SECRETS}""",
)


@click.command()
@click.argument("name")
@options.AS_JSON
@operation
def rotate(name: str, as_json: bool) -> None:
    """Give a target a new signing secret.

    For 24 hours deliveries are signed with the old one, too.
    """
    target = current.targets().rotate(name, by=who())
    secret = SORTS[target.sort].secret(target.settings)
    if as_json:
        output.json_out(
            target_json(target, current.deliveries().counts().get(target.id, {})) | {"secret": secret}
        )
        return
    _show_secret(secret)


@click.command()
@click.argument("name")
@options.YES
@operation
def remove(name: str, yes: bool) -> None:
    """Remove a target.

    What waits for it is not delivered, and its delivery log goes, too.
    """
    target = current.targets().get(name)
    waiting = current.deliveries().counts().get(target.id, {}).get(DeliveryState.WAITING, 0)
    lost = f"{count_of(waiting, 'event')} that wait for it are not delivered. " if waiting else ""
    if not output.confirmed(f"{lost}Remove {printable(target.name)}?", yes=yes):
        return
    _removed(current.targets().remove(target.name, by=who()))


def _removed(target: Target) -> None:
    output.say(f"{target.name} is removed")


def _show_secret(secret: str | None) -> None:
    if secret is not None:
        output.say("Deliveries are signed with this secret. Give it to the program that verifies them:")
        click.echo(secret)
