"""`receiver events prune`: old events, deleted while callbacks arrive."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import click
from sqlalchemy import Engine

from receiver import current
from receiver.archive.keep import sweep
from receiver.cli import options, output, progress, tables
from receiver.cli.events.removing import deleting, removed_json, who, with_documents
from receiver.cli.operation import operation
from receiver.db import clock
from receiver.db.space import give_back
from receiver.retention import prune as retention
from receiver.retention.remove import Removed
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.printable import count_of


class _Age(click.ParamType[timedelta]):
    name = "400d"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        found = re.fullmatch(r"([1-9][0-9]{0,4})([dw])", str(value), re.ASCII)
        if found is None:
            self.fail("write an age in days or weeks, such as 400d or 52w", param, ctx)
        return timedelta(days=int(found[1]) * (7 if found[2] == "w" else 1))


@click.command()
@click.option("--older-than", type=_Age(), help="How old; what RETENTION says for each kind by default.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice([kind.value for kind in Kind]),
    help="Only this kind. Repeatable.",
)
@click.option("--trust-clock", is_flag=True, help="Confirm that the clock is right, although it jumped.")
@options.DRY_RUN
@options.YES
@options.AS_JSON
@operation
def prune(
    *,
    older_than: timedelta | None,
    kinds: tuple[str, ...],
    trust_clock: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Delete old events.

    It goes slowly enough for callbacks to come in meanwhile. The service does so by itself once a day. If the
    clock jumped ahead, both wait until you confirm it with --trust-clock.
    """
    ages = _ages(older_than, [Kind(kind) for kind in kinds or Kind])
    engine = current.engine()
    if not (trust_clock or dry_run):
        _require_clock(engine)
    with progress.spinner("counting"):
        counts: Counter[Kind] = Counter()
        for kind, age in ages.items():
            counts.update(retention.older(engine, age, [kind]))
    if dry_run or not as_json:
        _show_old(ages, counts, as_json)
    if not counts.total() and not dry_run and not as_json:
        output.say("nothing is that old")
    if dry_run or (counts.total() and not output.confirmed("Delete them for good?", yes=yes)):
        return
    if trust_clock:
        clock.trust(engine)
    done = Removed()
    with deleting("deleting", counts.total()) as told:
        for age in dict.fromkeys(ages.values()):  # kinds of one age together: that goes through the log once
            kinds_of_age = [kind for kind in ages if ages[kind] == age]
            done += retention.prune(engine, age, kinds_of_age, who=who(), told=told)
    if done.events:
        with progress.spinner("giving the room back"):
            sweep(engine, current.archive_store())
            give_back(engine)
    if as_json:
        output.json_out(removed_json(done) | {"documents": done.documents})
    elif done.events:
        rest = with_documents(done.documents)
        click.echo(f"deleted {count_of(done.events, 'event')} and {count_of(done.repeats, 'repeat')}{rest}")


def _ages(older_than: timedelta | None, wanted: Sequence[Kind]) -> dict[Kind, timedelta]:
    """How old each kind may get."""
    if older_than is not None:
        return dict.fromkeys(wanted, older_than)
    kept = current.config().retention
    if not any(kind in kept for kind in wanted):
        raise click.UsageError("Say how old: give --older-than, or set RETENTION.")
    return {kind: kept[kind] for kind in wanted if kind in kept}


def _require_clock(engine: Engine) -> None:
    """All would look old to a clock that jumped ahead."""
    if doubt := clock.doubt_of(engine):
        raise click.ClickException(
            f"{doubt.sentence} Nothing was deleted. Look at the clock; if it is right, add --trust-clock"
        )


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
    tables.show(
        ("kind", "older than", "events"),
        [(kind, count_of(age.days, "day"), counts[kind]) for kind, age in ages.items()],
    )
