"""`receiver events stats`: how many events of each kind and type."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from receiver import current
from receiver.cli import options, output, progress, tables
from receiver.cli.operation import operation
from receiver.cli.searching import Shown, searching, warn_of
from receiver.cli.sparklines import sparkline, sparklines
from receiver.search.count_matching import count_matching
from receiver.search.index_lag import counts_lag, words_lag
from receiver.search.query import Search

_DAY = timedelta(hours=24)


@click.command()
@searching
@options.AS_JSON
@operation
def stats(wanted: Search, shown: Shown, as_json: bool) -> None:
    """Count events by kind and type.

    Without a search it shows trusted events of the last 24 hours and of the whole log, from counts that are
    kept as events arrive; tests of our own are left out. With a search, every matching event is read.
    """
    if not wanted.everything:
        _stats_of(wanted, shown, as_json)
        return
    now = datetime.now(UTC)
    counts = current.counts()
    hours, kinds = counts.by_hour(now - _DAY, now), counts.by_kind()
    day = {(one.kind, one.type): one.events for one in counts.by_kind(now - _DAY, now)}
    warn_of(counts_lag(current.engine()), shown)
    rows = [
        {"kind": one.kind, "type": one.type, "events": one.events, "day": day.get((one.kind, one.type), 0)}
        for one in kinds
    ]
    if as_json:
        output.json_out({"stats": rows, "hours": list(hours)})
        return
    if not rows:
        output.say("no events yet")
        return
    most = max(one.events for one in kinds)
    tables.show(
        ("kind", "type", "24 hours", "all", ""),
        [
            (row["kind"], row["type"], row["day"], row["events"], _bar(int(str(row["events"])), most))
            for row in rows
        ],
    )
    first = now.replace(minute=0, second=0, microsecond=0) - _DAY + timedelta(hours=1)
    click.echo()
    for kind in dict.fromkeys(one.kind for one in kinds):
        by_hour = {one.hour: one.events for one in hours if one.kind == kind}
        line = [by_hour.get(first + timedelta(hours=hour), 0) for hour in range(24)]
        click.echo(f"{kind:5}  {sparkline(line)}  {sum(line)} in 24 hours, at most {max(line)} in one")
    click.echo(
        f"       {shown.clock(first)[:5]:12}{shown.clock(first + timedelta(hours=12))[:5]:7}{shown.name}"
    )


def _stats_of(wanted: Search, shown: Shown, as_json: bool) -> None:
    with progress.spinner("counting"):
        found = count_matching(current.engine(), wanted)
        lag = words_lag(current.engine(), wanted)
    warn_of(lag, shown)
    counts = found.types
    if as_json:
        output.json_out({"stats": counts, "hours": found.hours})
        return
    if not counts:
        output.say("no events match")
        return
    most = max(row["events"] for row in counts)
    rows = [
        (
            row["kind"],
            row["type"],
            row["events"],
            row["repeats"],
            shown.short(datetime.fromisoformat(row["last"])),
            _bar(row["events"], most),
        )
        for row in counts
    ]
    tables.show(("kind", "type", "events", "repeats", shown.heading("last"), ""), rows)
    click.echo()
    for line in sparklines(found.hours, shown):
        click.echo(line)


def _bar(value: int, most: int, width: int = 20) -> str:
    return "█" * max(1, round(width * value / most))
