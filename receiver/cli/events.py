"""`flask events`: the log on the command line."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import click
from flask.cli import with_appcontext

from receiver import current
from receiver.cli import output
from receiver.log.find import DEFAULT_PAGE, Filter, FilterError, event_json
from receiver.models import Event

_FILTERS = (
    click.option("--kind", help="voice, fax or sms."),
    click.option("--type", help="For example call.ringing, fax.failed, sms.received."),
    click.option("--sender", help="Who it came from."),
    click.option("--recipient", help="The number it came to."),
    click.option("--number", help="Either end."),
    click.option("--session", help="All of one call."),
    click.option("--txn-ref", help="The provider's reference."),
    click.option("--since", help="A time (2026-01-31T10:00+08:00) or an age (90m, 2h, 7d)."),
    click.option("--until", help="The same, exclusive."),
    click.option("--text", help="A part of the message text."),
    click.option("--quarantined", is_flag=True, help="Only those kept but not trusted."),
    click.option("--problems", is_flag=True, help="Only those with something missing or unreadable."),
)
_CSV_COLUMNS = (
    *(
        "id",
        "received_at",
        "occurred_at",
        "kind",
        "type",
        "sender",
        "recipient",
        "text",
        "txn_ref",
        "session",
    ),
    *("signature", "quarantined", "repeats", "duration", "currency", "debit", "fax_url", "problems"),
)


def _filtered(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_FILTERS):
        command = option(command)
    return command


def _filter(given: dict[str, Any]) -> Filter:
    words = {
        name: "true" if value is True else value or None
        for name, value in given.items()
        if value is not False
    }
    try:
        return Filter.read(words)
    except FilterError as error:
        raise click.UsageError("--" + str(error).replace("txn_ref", "txn-ref")) from None


@click.group()
def events() -> None:
    """List, show and count what arrived."""


@events.command("list")
@_filtered
@click.option(
    "--limit",
    type=click.IntRange(1),
    help=f"How many; {DEFAULT_PAGE} unless told, all for --csv and --ndjson.",
)
@click.option("--before", type=click.IntRange(1), help="Only those older than this event id.")
@click.option("--json", "form", flag_value="json", help="One JSON object.")
@click.option("--ndjson", "form", flag_value="ndjson", help="One JSON object a line.")
@click.option("--csv", "form", flag_value="csv", help="For spreadsheets; no cell starts a formula.")
@with_appcontext
def list_events(limit: int | None, before: int | None, form: str | None, **given: Any) -> None:
    """List events, newest first. Times are UTC."""
    wanted, log = _filter(given), current.event_log()
    with output.operation_errors():
        if form in {"csv", "ndjson"}:
            (_write_csv if form == "csv" else _write_ndjson)(log.every(wanted, limit))
            return
        page = log.find(wanted, before=before, limit=limit or DEFAULT_PAGE)
    if form == "json":
        output.json_out(
            {
                "events": [event_json(event) for event in page.events],
                "next": None if page.next is None else str(page.next),
            }
        )
        return
    if not page.events:
        output.say("no events match")
        return
    output.table(_TABLE, [_line(event) for event in page.events])
    if page.next is not None:
        output.say(f"there are older ones: add --before {page.next}")


@events.command()
@click.argument("event_id", type=click.IntRange(1))
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_appcontext
def show(event_id: int, as_json: bool) -> None:
    """Show one event with its raw request."""
    with output.operation_errors():
        event = current.event_log().get(event_id)
    if event is None:
        raise click.ClickException(f"there is no event {event_id}")
    shown = event_json(event, raw=True)
    if as_json:
        output.json_out(shown)
        return
    raw, params, problems = shown.pop("raw"), shown.pop("params"), shown.pop("problems")
    rows = [[name, str(value)] for name, value in shown.items() if value is not None]
    rows += [["problem", problem] for problem in problems]
    rows += [[f"params.{name}", str(value)] for name, value in params.items()]
    rows += [["raw.request", f"{raw['method']} ?{raw['query_string']}"], ["raw.peer", raw["peer"]]]
    rows += [[f"raw.{name}", value] for name, value in raw["headers"].items()]
    rows.append(["raw.body", event.body.decode("utf-8", "backslashreplace")])
    output.table(("field", "value"), rows)


@events.command()
@_filtered
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_appcontext
def stats(as_json: bool, **given: Any) -> None:
    """Count events by kind and type."""
    with output.operation_errors():
        counts = current.event_log().stats(_filter(given))
    if as_json:
        output.json_out({"stats": counts})
        return
    if not counts:
        output.say("no events match")
        return
    most = max(row["events"] for row in counts)
    rows = [
        [
            row["kind"],
            row["type"],
            str(row["events"]),
            str(row["repeats"]),
            row["last"][:19].replace("T", " "),
            _bar(row["events"], most),
        ]
        for row in counts
    ]
    output.table(("kind", "type", "events", "repeats", "last (UTC)", ""), rows)


_TABLE = ("id", "received (UTC)", "type", "from", "to", "what")


def _line(event: Event) -> list[str]:
    mark = "!" if event.quarantine else "" if event.signature == "valid" else "?"
    return [
        f"{event.id}{mark}",
        event.received_at.strftime("%m-%d %H:%M:%S"),
        event.type,
        event.sender or "-",
        event.recipient or "-",
        _gist(event),
    ]


def _gist(event: Event) -> str:
    """What a person would want to know of it first."""
    parts = [event.text, event.digits and f"keys {event.digits}", event.transfer_status, event.fax_error_code]
    if event.fax_url:
        parts.append("document")
    if event.duration is not None:
        parts.append(f"{event.duration} min")
    if event.debit is not None:
        parts.append(f"{event.debit} {event.currency or ''}".strip())
    if event.repeats:
        parts.append(f"came {event.repeats + 1} times")
    if event.quarantine:
        parts.append(f"QUARANTINED: {event.quarantine}")
    return ", ".join(part for part in parts if part)


def _bar(value: int, most: int, width: int = 20) -> str:
    return "█" * max(1, round(width * value / most))


def _write_ndjson(found: Iterator[Event]) -> None:
    for event in found:
        click.echo(json.dumps(event_json(event)))


def _write_csv(found: Iterator[Event]) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(_CSV_COLUMNS)
    for event in found:
        shown = event_json(event)
        writer.writerow([_cell(shown.get(name)) for name in _CSV_COLUMNS])


def _cell(value: Any) -> str:
    """Text that no spreadsheet takes for a formula; a phone number keeps its + behind the apostrophe."""
    if value is None:
        return ""
    text = "; ".join(value) if isinstance(value, list) else str(value)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "'" + text if text.lstrip()[:1] in {"=", "+", "-", "@", "\t"} or text[:1] in {"\t", "\n"} else text
