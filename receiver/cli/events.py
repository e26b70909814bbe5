"""`flask events`: the log on the command line."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext

from receiver import current
from receiver.cli import output
from receiver.cli.lines import EVENT_COLUMNS, event_line, sparkline, sparklines, stripe
from receiver.cli.searching import ListByDefault, Shown, mask, searching, warn_of
from receiver.cli.tail import follow
from receiver.db.engine import Unreachable
from receiver.db.schema import require_schema
from receiver.export.export import ALL_FIELDS, FieldError, Form, export, read_fields
from receiver.search.count_matching import count_matching
from receiver.search.events import DEFAULT_PAGE, event_json
from receiver.search.index_lag import counts_lag, words_lag
from receiver.search.masking import mask_event
from receiver.search.query import Search
from receiver.search.repeats import whole_json

_before = click.option("--before", type=click.IntRange(1), help="Only those older than this event id.")
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object.")
_DAY = timedelta(hours=24)


@click.group(cls=ListByDefault)
def events() -> None:
    """List, show, follow, export and count what arrived."""


@events.command("list")
@searching
@click.option(
    "--limit",
    type=click.IntRange(1),
    help=f"How many; {DEFAULT_PAGE} unless told, all for --csv and --ndjson.",
)
@_before
@click.option("--json", "form", flag_value="json", help="One JSON object.")
@click.option("--ndjson", "form", flag_value="ndjson", help="One JSON object a line.")
@click.option("--csv", "form", flag_value="csv", help="For spreadsheets; no cell starts a formula.")
@mask
@with_appcontext
def list_events(
    *, wanted: Search, shown: Shown, limit: int | None, before: int | None, form: str | None, mask: bool
) -> None:
    """List events, newest first.

    SEARCH is as in the console: from:+6591234567 kind:sms since:1h "the invoice"
    """
    with output.operation_errors():
        if form in {"csv", "ndjson"}:
            warn_of(words_lag(current.engine(), wanted, before=before), shown)
            found = export(current.engine(), wanted, Form(form), limit=limit, before=before, mask=mask)
            _write(found, sys.stdout)
            return
        page = current.event_log().find(wanted, before=before, limit=limit or DEFAULT_PAGE)
        warn_of(words_lag(current.engine(), wanted, before=before, end=page.next), shown)
        documents = [_document(event_json(event), mask) for event in page.events]
    if form == "json":
        output.json_out({"events": documents, "next": None if page.next is None else str(page.next)})
        return
    if not page.events:
        output.say("no events match")
        return
    lines = [
        event_line(document, event.received_at, shown)
        for document, event in zip(documents, page.events, strict=True)
    ]
    output.table(("id", shown.heading("received"), *EVENT_COLUMNS), lines, cut=True)
    if page.next is not None:
        output.say(f"there are older ones: add --before {page.next}")


@events.command(short_help="Show one event with its raw request.")
@click.argument("event_id", type=click.IntRange(1))
@_json
@mask
@with_appcontext
def show(event_id: int, as_json: bool, mask: bool) -> None:
    """Show one event with its raw request, and that of each time it came again."""
    with output.operation_errors():
        event = current.event_log().get(event_id)
        if event is None:
            raise click.ClickException(f"there is no event {event_id}")
        document = _document(whole_json(current.engine(), event), mask)
    if as_json:
        output.json_out(document)
        return
    raw, repeated = document.pop("raw"), document.pop("repeated")
    params, problems = document.pop("params"), document.pop("problems")
    rows = [[name, str(value)] for name, value in document.items() if value is not None]
    rows += [["problem", problem] for problem in problems]
    rows += [[f"params.{name}", str(value)] for name, value in params.items()]
    rows += _request("raw", raw, mask)
    for at, repeat in enumerate(repeated, 1):
        name = f"repeat.{at}"
        rows += [[f"{name}.received_at", repeat["received_at"]], [f"{name}.signature", repeat["signature"]]]
        rows += _request(name, repeat["raw"], mask)
    output.table(("field", "value"), rows)
    if len(repeated) < document["repeats"]:
        output.say(f"these are the first {len(repeated)} of {document['repeats']:,} repeats")


def _request(name: str, raw: dict[str, Any], masked: bool) -> list[list[str]]:
    body = raw["body_base64"]
    if not masked:
        body = base64.b64decode(body).decode("utf-8", "backslashreplace")
    rows = [[f"{name}.request", f"{raw['method']} ?{raw['query_string']}"], [f"{name}.peer", raw["peer"]]]
    rows += [[f"{name}.{header}", value] for header, value in raw["headers"].items()]
    return [*rows, [f"{name}.body", body]]


@events.command()
@searching
@click.option("--lines", type=click.IntRange(0, 500), default=10, show_default=True, help="Shown first.")
@click.option("--ndjson", "as_json", is_flag=True, help="One JSON object a line.")
@mask
@with_appcontext
def tail(wanted: Search, shown: Shown, lines: int, as_json: bool, mask: bool) -> None:
    """Show events as they come, until Ctrl-C.

    Goes on by itself after a restart of the service or an outage of the database, and misses nothing. With
    --since it begins with all that came since then.
    """
    with output.operation_errors(), suppress(Unreachable):  # it may come back, but no schema mends itself
        require_schema(current.engine())
    for event in follow(current.event_log(), wanted, lines):
        document = _document(event_json(event), mask)
        if as_json:
            click.echo(json.dumps(document))
        else:
            click.echo(stripe(event_line(document, event.received_at, shown)))
        sys.stdout.flush()


@events.command("export", short_help="Write everything that matches, as CSV or JSON lines.")
@searching
@click.option("--csv", "form", flag_value="csv", help="For spreadsheets; no cell starts a formula.")
@click.option("--ndjson", "form", flag_value="ndjson", help="One JSON object a line (the default).")
@click.option(
    "--output", "-o", "path", type=click.Path(path_type=Path, dir_okay=False), help="A file, not stdout."
)
@click.option("--fields", help=f"Only these, comma-separated: {', '.join(ALL_FIELDS)}, params, raw.")
@click.option("--limit", type=click.IntRange(1), help="How many; all unless told.")
@_before
@mask
@with_appcontext
def export_events(
    *,
    wanted: Search,
    shown: Shown,
    form: str | None,
    path: Path | None,
    fields: str | None,
    limit: int | None,
    before: int | None,
    mask: bool,
) -> None:
    """Write everything that matches, newest first, as JSON lines or CSV. Times are UTC.

    A CSV file begins with a byte order mark, so that Excel reads it as UTF-8; a CSV on stdout does not.
    """
    try:
        names = read_fields(fields) if fields else ALL_FIELDS
    except FieldError as error:
        raise click.UsageError(output.fitted_error(f"--{error}")) from None
    found = export(
        current.engine(),
        wanted,
        Form(form or "ndjson"),
        fields=names,
        limit=limit,
        before=before,
        mask=mask,
        mark=path is not None,
    )
    with output.operation_errors():
        warn_of(words_lag(current.engine(), wanted, before=before), shown)
        if path is None:
            _write(found, sys.stdout)
            return
        # Whole or not at all, and readable by its owner only: it holds what people wrote.
        part = path.with_name(f"{path.name}.part")
        try:
            with (
                output.progress(f"writing {path}"),
                os.fdopen(
                    os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", newline=""
                ) as file,
            ):
                _write(found, file)
            part.replace(path)
        except OSError as error:
            raise click.ClickException(f"cannot write {path}: {error.strerror}") from None
        finally:
            part.unlink(missing_ok=True)
    output.say(f"wrote {path}, {path.stat().st_size:,} bytes")


def _write(found: Iterator[str], file: Any) -> None:
    if file is sys.stdout:
        sys.stdout.reconfigure(newline="", encoding="utf-8")
    for text in found:
        file.write(text)
    file.flush()


@events.command()
@searching
@_json
@with_appcontext
def stats(wanted: Search, shown: Shown, as_json: bool) -> None:
    """Count events by kind and type.

    Without a search, trusted events but our own tests, of the last 24 hours and of the whole log, from counts
    that are kept as events arrive. With one, every event that matches is read.
    """
    if not wanted.open:
        _stats_of(wanted, shown, as_json)
        return
    now = datetime.now(UTC)
    counts = current.counts()
    with output.operation_errors():
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
    output.table(
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
    with output.operation_errors(), output.progress("counting"):
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
    output.table(("kind", "type", "events", "repeats", shown.heading("last"), ""), rows)
    click.echo()
    for line in sparklines(found.hours, shown):
        click.echo(line)


def _document(document: dict[str, Any], masked: bool) -> dict[str, Any]:
    return mask_event(document) if masked else document


def _bar(value: int, most: int, width: int = 20) -> str:
    return "█" * max(1, round(width * value / most))
