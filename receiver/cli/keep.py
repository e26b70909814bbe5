"""`flask events …`: what an operator does to the log. Release, drop, erase, prune, and the record of it."""

from __future__ import annotations

import getpass
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import click
from flask.cli import with_appcontext

from receiver import current
from receiver.cli import output
from receiver.db.space import give_back
from receiver.intake.spool import SpoolError
from receiver.retention import prune as keep
from receiver.retention import quarantine as desk
from receiver.retention.erase import End, Erased, EraseError, Erasure, Found, is_about
from receiver.retention.remove import Removed, interventions
from receiver.search.query import Search
from receiver.search.values import SearchError
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.printable import size

_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object.")
_YES = click.option("--yes", is_flag=True, help="Do not ask.")
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Only show what it would do.")


def _chosen(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.argument("ids", nargs=-1, type=click.IntRange(1), metavar="[ID]..."),
        click.option("--matching", metavar="SEARCH", help="All that match, such as 'from:+65… since:2h'."),
        click.option("--all", "everything", is_flag=True, help="All that is in quarantine."),
        click.option("--why", help="Kept with the record that it was done."),
        _DRY_RUN,
        _YES,
        _JSON,
    ):
        command = option(command)
    return command


@click.command(short_help="Take events out of quarantine.")
@_chosen
@with_appcontext
def release(why: str | None, dry_run: bool, yes: bool, as_json: bool, **chosen: Any) -> None:
    """Take events out of quarantine: from then on they are like any other."""
    held = _held(**chosen)
    if dry_run and as_json:
        output.json_out(held)
        return
    _tell(held)
    if dry_run or (held.ids and not output.confirmed("Release them?", yes=yes)):
        return
    with output.operation_errors(), output.progress("releasing"):
        done = desk.release(current.engine(), held.ids, _who(), why)
    if as_json:
        output.json_out(done)
        return
    if not held.ids:
        return
    twins = f"; {done.merged} were in the log already, and count as repeats" if done.merged else ""
    click.echo(f"released {_many(done.released, 'event')}{twins}")


@click.command()
@_chosen
@with_appcontext
def drop(why: str | None, dry_run: bool, yes: bool, as_json: bool, **chosen: Any) -> None:
    """Delete quarantined events, raw bytes and all. That it was done stays on record."""
    held = _held(**chosen)
    if dry_run and as_json:
        output.json_out(held)
        return
    _tell(held)
    if dry_run or (held.ids and not output.confirmed("Drop them for good?", yes=yes)):
        return
    with output.operation_errors(), output.progress("dropping"):
        done = desk.drop(current.engine(), held.ids, _who(), why)
    if as_json:
        output.json_out(_removed(done))
    elif held.ids:
        click.echo(f"dropped {_many(done.events, 'event')} and {_many(done.repeats, 'repeat')}")


@click.command(short_help="Show how full the quarantine is, and why.")
@_JSON
@with_appcontext
def quarantine(as_json: bool) -> None:
    """Show how much is in quarantine, why, and how much room it has."""
    with output.operation_errors():
        state = desk.state(current.engine(), current.config().quarantine_limit_mb)
    if as_json:
        output.json_out(asdict(state) | {"full": state.full})
        return
    if state.events:
        rows = [(reason.reason, reason.events, size(reason.bytes)) for reason in state.reasons]
        output.table(("reason", "events", "size"), rows)
    since = "" if state.oldest is None else f", oldest received {_time(state.oldest)} UTC"
    used = f"{size(state.bytes)} of {size(state.limit)}"
    output.say(f"{_many(state.events, 'event')} in quarantine, {used}{since}")
    if state.full:
        output.say(
            "It is full: callbacks that are not trusted are answered 503. Look at them with `flask events "
            "list --quarantined`, then `flask events release` or `drop` them, or raise QUARANTINE_LIMIT_MB."
        )


@click.command()
@click.option("--sender", metavar="NUMBER", help="All that came from this number.")
@click.option("--recipient", metavar="NUMBER", help="All that came to it.")
@click.option("--number", metavar="NUMBER", help="All in which it is either end, or was dialled.")
@_DRY_RUN
@_YES
@_JSON
@with_appcontext
def erase(dry_run: bool, yes: bool, as_json: bool, **ends: str | None) -> None:
    """Erase all that is known of a telephone number.

    Events with their whole calls, repeats, raw bytes, what waits in this machine's spool, and the room on
    disk in which it stood. The record that it was done stays, without the number.
    """
    given = [(End(end), number) for end, number in ends.items() if number is not None]
    if len(given) != 1:
        raise click.UsageError("give one of --sender, --recipient and --number")
    ((end, number),) = given
    try:
        erasure = Erasure(current.engine(), current.spool(), number, end)
        with output.operation_errors(), output.progress("looking"):
            found = erasure.find()
        if dry_run or not as_json:
            _show_found(found, as_json)
        known = bool(found.kinds or found.spooled)
        if dry_run or (known and not output.confirmed("Erase all of it for good?", yes=yes)):
            return
        if not known:
            if as_json:
                output.json_out(Erased(0, 0, 0))
            return
        total = sum(part.events for part in found.kinds.values())
        with output.operation_errors(), _bar("erasing, then writing the file anew", total) as told:
            done = erasure.run(_who(), _secret(), told)
    except (EraseError, SpoolError) as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        output.json_out(done)
        return
    spooled = f", and {_many(done.spooled, 'callback')} from the spool" if done.spooled else ""
    click.echo(f"erased {_many(done.events, 'event')} and {_many(done.repeats, 'repeat')}{spooled}")


class _Age(click.ParamType[timedelta]):
    name = "400d"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        found = re.fullmatch(r"([1-9][0-9]{0,4})([dw])", str(value), re.ASCII)
        if found is None:
            self.fail("write an age in days or weeks, such as 400d or 52w", param, ctx)
        return timedelta(days=int(found[1]) * (7 if found[2] == "w" else 1))


@click.command(short_help="Delete old events, gently.")
@click.option("--older-than", type=_Age(), help="How old; as RETENTION says for each kind unless told.")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice([kind.value for kind in Kind]), help="Only these."
)
@_DRY_RUN
@_YES
@_JSON
@with_appcontext
def prune(
    older_than: timedelta | None, kinds: tuple[str, ...], dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Delete old events, gently: callbacks come in meanwhile. The service does so by itself once a day."""
    wanted = [Kind(kind) for kind in kinds or Kind]
    if older_than is None:
        ages = {Kind(kind): age for kind, age in current.config().retention.items() if Kind(kind) in wanted}
    else:
        ages = dict.fromkeys(wanted, older_than)
    if not ages:
        raise click.UsageError("nothing says how old: give --older-than, or set RETENTION")
    engine = current.engine()
    with output.operation_errors(), output.progress("counting"):
        counts: Counter[Kind] = Counter()
        for kind, age in ages.items():
            counts.update(keep.older(engine, age, [kind]))
    if dry_run or not as_json:
        _show_old(ages, counts, as_json)
    if not counts.total() and not dry_run and not as_json:
        output.say("nothing is that old")
    if dry_run or (counts.total() and not output.confirmed("Delete them for good?", yes=yes)):
        return
    done = Removed()
    with output.operation_errors(), _bar("deleting", counts.total()) as told:
        for age in dict.fromkeys(ages.values()):  # kinds of one age together: that goes through the log once
            kinds_of_age = [kind for kind in ages if ages[kind] == age]
            done += keep.prune(engine, age, kinds_of_age, who=_who(), told=told)
    if done.events:
        with output.operation_errors(), output.progress("giving the room back"):
            give_back(engine)
    if as_json:
        output.json_out(_removed(done))
    elif done.events:
        click.echo(f"deleted {_many(done.events, 'event')} and {_many(done.repeats, 'repeat')}")


@click.command("interventions", short_help="List what was released and deleted, and by whom.")
@click.option("--number", metavar="NUMBER", help="Only erasures of this number.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="How many.")
@_JSON
@with_appcontext
def list_interventions(number: str | None, limit: int, as_json: bool) -> None:
    """List what was released, dropped, erased and pruned, when and by whom; newest first."""
    with output.operation_errors():
        made = interventions(current.engine(), limit)
    if number is not None:
        made = [one for one in made if one.subject and is_about(one, number, _secret())]
    columns = ("made_at", "action", "who", "events", "repeats", "spooled", "first_at", "last_at", "why")
    if as_json:
        output.json_out({"interventions": [{name: getattr(one, name) for name in columns} for one in made]})
        return
    if not made:
        output.say("none")
        return
    output.table(
        ("made (UTC)", "action", "who", "events", "why"),
        [(_time(one.made_at), one.action, one.who, one.events, one.why) for one in made],
    )


COMMANDS = (release, drop, quarantine, erase, prune, list_interventions)
"""Commands of `flask events`."""


@contextmanager
def _bar(doing: str, total: int) -> Iterator[Callable[[int], None]]:
    """Progress on stderr, if that is a terminal: call it with how many more are done."""
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=total, label=doing, file=sys.stderr, hidden=hidden) as bar:
        yield bar.update


def _held(ids: tuple[int, ...], matching: str | None, everything: bool) -> desk.Held:
    if bool(ids) + (matching is not None) + everything != 1:
        raise click.UsageError("give ids, or --matching SEARCH, or --all")
    if matching is not None or everything:
        try:
            search = Search.parse(matching or "")
        except SearchError as error:
            raise click.UsageError(str(error)) from None
        with output.operation_errors(), output.progress("looking"):
            found = current.event_log().every(replace(search, quarantined=True))
            ids = tuple(event.id for event in found)
    with output.operation_errors():
        held = desk.look(current.engine(), ids)
    if others := len(set(ids)) - len(held.ids):
        output.say(f"{_many(others, 'event')} not in quarantine: passed over")
    return held


def _tell(held: desk.Held) -> None:
    if held.first is None or held.last is None:
        output.say("nothing in quarantine matches")
        return
    reasons = ", ".join(f"{reason} {count}" for reason, count in held.reasons.items())
    when = f"received {_time(held.first)} to {_time(held.last)} UTC"
    output.say(f"{_many(len(held.ids), 'event')}, {when}: {reasons}")


def _show_found(found: Found, as_json: bool) -> None:
    if as_json:
        output.json_out(
            {"kinds": {kind: _removed(part) for kind, part in found.kinds.items()}, "spooled": found.spooled}
        )
        return
    if not found.kinds and not found.spooled:
        output.say("nothing is known of this number")
        return
    rows = [
        (kind, part.events, part.repeats, f"{part.first:%Y-%m-%d %H:%M}", f"{part.last:%Y-%m-%d %H:%M}")
        for kind, part in sorted(found.kinds.items())
    ]
    output.table(("kind", "events", "repeats", "first (UTC)", "last (UTC)"), rows)
    if found.spooled:
        output.say(f"{found.spooled} more wait in the spool")


def _show_old(ages: dict[Kind, timedelta], counts: Counter[Kind], as_json: bool) -> None:
    if as_json:
        output.json_out(
            {
                "kinds": {
                    kind: {"older_than_days": age.days, "events": counts[kind]} for kind, age in ages.items()
                }
            }
        )
        return
    output.table(
        ("kind", "older than", "events"),
        [(kind, _many(age.days, "day"), counts[kind]) for kind, age in ages.items()],
    )


def _removed(done: Removed) -> dict[str, object]:
    return {"events": done.events, "repeats": done.repeats, "first_at": done.first, "last_at": done.last}


def _time(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S}"


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user has no name
        return "command line"


def _secret() -> str:
    secret = current.config().secret_key
    return secret.get_secret_value() if secret else ""
