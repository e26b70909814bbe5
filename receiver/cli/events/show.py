"""`receiver events show`: one event with its raw request."""

from __future__ import annotations

import base64
from typing import Any

import click

from receiver import current
from receiver.archive import documents
from receiver.archive.documents import Item
from receiver.archive.states import State
from receiver.cli import options, output, tables
from receiver.cli.operation import operation
from receiver.cli.searching import masked
from receiver.duty.things import item_of
from receiver.intake.distrust import explained
from receiver.providers.registry import PROVIDERS
from receiver.search.decided import event_in_full
from receiver.vocabulary.printable import size


@click.command()
@click.argument("event_id", type=click.IntRange(1))
@options.AS_JSON
@options.MASK
@operation
def show(event_id: int, as_json: bool, mask: bool) -> None:
    """Show one event with its raw request.

    Also shows the raw request of each time it came again.
    """
    event = current.event_log().get(event_id)
    if event is None:
        raise click.ClickException(f"there is no event {event_id}")
    duty = current.duty().of_events([event])[event.id] if item_of(event) else {}
    document = masked(event_in_full(current.engine(), event) | duty, mask)
    if as_json:
        output.json_out(document)
        return
    raw, repeated = document.pop("raw"), document.pop("repeated")
    params, problems, decisions = document.pop("params"), document.pop("problems"), document.pop("decisions")
    rows = [row for name, value in document.items() for row in _rows(name, value)]
    if means := explained(event.quarantine, [PROVIDERS[event.provider]]):
        rows.append(["quarantine_means", f"{means} Release it: receiver events release {event_id}"])
    found = documents.of_events(current.engine(), [event])[event_id]
    rows += [["document", _document(item)] for item in found]
    rows += [["problem", problem] for problem in problems]
    rows += [["decided", _decided(one)] for one in decisions]
    rows += [row for name, value in params.items() for row in _rows(f"params.{name}", value)]
    rows += _request("raw", raw, mask)
    for at, repeat in enumerate(repeated, 1):
        name = f"repeat.{at}"
        rows += [[f"{name}.received_at", repeat["received_at"]], [f"{name}.signature", repeat["signature"]]]
        rows += _request(name, repeat["raw"], mask)
    tables.show(("field", "value"), rows)
    if len(repeated) < document["repeats"]:
        output.say(f"these are the first {len(repeated)} of {document['repeats']:,} repeats")


def _rows(name: str, value: object) -> list[list[str]]:
    """A row; of several values, or files, one for each."""
    if value is None:
        return []
    if not isinstance(value, list):
        return [[name, _said(name, value)]]
    return [[name, _said(name, " ".join(one.values()) if isinstance(one, dict) else one)] for one in value]


def _said(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value} min" if name == "duration" else str(value)


def _document(item: Item) -> str:
    """What became of a document, and how to get it."""
    if item.state is not State.KEPT:
        return f"{item.state}: {item.reason}" if item.reason else str(item.state)
    return f"{item.state}, {size(item.size or 0)}. Save it: receiver archive get {item.event_id}"


def _decided(decision: dict[str, Any]) -> str:
    """What the rules decided when it came, and why."""
    why = " ".join(reason["said"] for reason in decision["why"])
    return f"{why} → {decision['does'] or 'nothing'}"


def _request(name: str, raw: dict[str, Any], mask: bool) -> list[list[str]]:
    body = raw["body_base64"]
    if not mask:
        body = base64.b64decode(body).decode("utf-8", "backslashreplace")
    request = raw["method"] + (f" ?{raw['query_string']}" if raw["query_string"] else "")
    rows = [[f"{name}.request", request], [f"{name}.peer", raw["peer"]]]
    rows += [[f"{name}.{header}", value] for header, value in raw["headers"].items()]
    return [*rows, [f"{name}.body", body]]
