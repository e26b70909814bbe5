"""Events, calls and messages as lines of text, with what a person wants to know first."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len, set_cell_size

from receiver.cli.columns import GAP, Column, fitted
from receiver.cli.tables import Marked
from receiver.search.time_line import after_events, party_words
from receiver.vocabulary.kinds import CallStep
from receiver.vocabulary.printable import count_of, printable

if TYPE_CHECKING:
    from receiver.cli.searching import Shown
    from receiver.search.call import Call

PROVIDER = Column("provider", goes=3)
"""Shown where several are in use: see `receiver.cli.pages.places`."""
NAME = Column("name", goes=5, room=10, seldom=True)
"""Who the sender is, by the contacts."""
HANDLED = Column("handled", goes=1, room=8, seldom=True)
"""Who dealt with it."""
EVENT_COLUMNS = (
    "what",
    PROVIDER,
    "from",
    NAME,
    "to",
    Column("cost", goes=1),
    Column("more", room=24),
)
_WHAT = {
    "call.ringing": "ringing",
    "call.ongoing": "ongoing",
    "call.ended": "call ended",
    "fax.received": "fax",
    "fax.failed": "fax failed",
    "sms.received": "sms",
    "test": "test",
}
_STYLES = {"fax failed": "red", "ringing": "cyan", "ongoing": "cyan", "call ended": "blue", "sms": "green"}
Line = tuple[object, ...]


def event_line(document: Mapping[str, Any], received_at: datetime, shown: Shown) -> Line:
    """One event in its JSON form: id, time, what, from which provider, both ends, cost, and what it says."""
    what = _WHAT.get(document["type"], f"{document['kind']} ?")
    mark = "!" if document["quarantined"] else "" if document["signature"] == "valid" else "?"
    style = "bold red" if document["quarantined"] else _STYLES.get(what, "")
    return (
        f"{document['id']}{mark}",
        shown.short(received_at),
        Marked(what, style),
        document["provider"],
        document["sender"],
        document["contact"],
        document["recipient"],
        amount(document["debit"], document["currency"]) if document["debit"] else None,
        event_gist(document),
    )


def event_gist(document: Mapping[str, Any]) -> str:
    """What an event says: its text, keys and outcome, and first of all whether it is trusted."""
    parts = [
        f"QUARANTINED: {document['quarantine_reason']}" if document["quarantined"] else None,
        _written(document["text"], document.get("media") or ()),
        f"keys {document['digits']}" if document.get("digits") else None,
        _party(document),
        document.get("fax_error_code"),
        "document" if document.get("fax_url") else None,
        _recording(document),
        _length(document),
        f"came {document['repeats'] + 1} times" if document["repeats"] else None,
    ]
    return ", ".join(part for part in parts if part)


def _written(text: str | None, media: Sequence[object]) -> str | None:
    """What somebody wrote, and before it, where a long text does not push it out, how much came with it."""
    attached = count_of(len(media), "attachment") if media else None
    return f"{attached}: {text}" if attached and text else attached or text


def _recording(document: Mapping[str, Any]) -> str | None:
    """That there is one, or will be: a provider may tell of its end, and once more when it is ready."""
    if not (document.get("record_url") or document.get("monitor_url")):
        return None
    from receiver.search.in_words import step_of  # noqa: PLC0415  # `listen` needs no provider, and starts quickly

    said = {CallStep.RECORDED: "recorded", CallStep.RECORDING_READY: "recording ready"}
    step = step_of(document)
    return said.get(step, "recording") if step else "recording"


def _party(document: Mapping[str, Any]) -> str | None:
    """Who was called, and what became of that."""
    if not (document.get("dest") or document.get("dial_status") or document.get("transfer_status")):
        return None
    who = document.get("dest") or ("transfer" if document.get("transfer_status") else "dial")
    return f"{who} {party_words(document)}".strip()


def _length(document: Mapping[str, Any]) -> str | None:
    """How long it took: to the second, if the provider says so, and else in minutes as billed."""
    seconds, minutes = document.get("seconds"), document.get("duration")
    if seconds is None:
        return None if minutes is None else f"{minutes} min"
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60}:{seconds % 60:02} min"


CALL_COLUMNS = (
    "outcome",
    PROVIDER,
    "from",
    NAME,
    "to",
    Column("min", goes=4),
    Column("cost", goes=1),
    Column("keys", goes=2, room=6),
    HANDLED,
)
_STATES = {
    **dict.fromkeys(("missed", "busy", "no answer", "canceled"), "red"),
    **dict.fromkeys(("ringing", "ongoing", "voicemail"), "cyan"),
    "answered": "green",
}


def call_line(document: Mapping[str, Any], shown: Shown) -> Line:
    """One call in its JSON form."""
    return (
        document["session"],
        shown.minute(datetime.fromisoformat(document["started_at"])),
        Marked(outcome := document["outcome"] or document["state"], _STATES.get(outcome, "")),
        document["provider"],
        document["sender"],
        document["contact"],
        document["recipient"],
        document["duration"],
        amount(document["cost"], document["currency"]) if document["cost"] else None,
        " ".join(document["digits"]) or None,
        document["handled_by"],
    )


def duty_line(document: Mapping[str, Any], shown: Shown) -> Iterator[str]:
    """Who handled it and what was noted, on one line; none if nothing was done."""
    said = []
    if document["handled_by"]:
        when = shown.minute(datetime.fromisoformat(document["handled_at"]))
        said.append(f"handled by {document['handled_by']}, {when}")
    if document["note"]:
        said.append(document["note"] if said else f"note: {document['note']}")
    if said:
        yield printable(": ".join(said))


def time_line(call: Call, document: Mapping[str, Any], shown: Shown) -> Iterator[str]:
    """A call, in its JSON form, drawn as a line of time: each event with the time since the one before."""
    from receiver.search.in_words import in_words  # noqa: PLC0415  # see _recording

    began = datetime.fromisoformat(document["started_at"])
    yield printable(f"call {document['session']}: {document['outcome'] or document['state']}")
    name = f"{document['contact']}, " if document["contact"] else ""
    yield printable(
        f"from {name}{document['sender'] or '-'} to {document['recipient'] or '-'}, {shown.whole(began)}"
    )
    cost = amount(document["cost"], document["currency"]) if document["cost"] else None
    if bill := ", ".join(part for part in (_length(document), cost) if part):
        yield printable(bill)
    yield in_words(document)
    yield from duty_line(document, shown)
    yield ""
    recorded = _recorded(call)
    before: datetime | None = None
    for event, decisions in after_events(document["events"], document["decisions"]):
        at = datetime.fromisoformat(event["received_at"])
        if before is not None:
            yield f"{_between(before, at):>8}  │"
        what = _WHAT.get(event["type"], "?")
        block = f" ({event['ivr_block']})" if event.get("ivr_block") else ""
        cost = amount(event["debit"], event["currency"]) if event["debit"] else ""
        gist = ", ".join(part for part in (event_gist(event), cost) if part)
        yield printable(f"{shown.clock(at)}  ● {what}{block}{': ' if gist else ''}{gist}")
        if event["id"] in recorded:
            yield f"          │ receiver archive get {event['id']}"
        for decision in decisions:
            yield from _decided(decision)
        before = at


def _recorded(call: Call) -> Collection[int]:
    """The events that name a recording first. Of its JSON form all links may be masked, and then the same."""
    first: dict[str, int] = {}
    for event in call.events:
        for link in (event.record_url, event.monitor_url):
            if link:
                first.setdefault(link, event.id)
    return first.values()


def _decided(decision: Mapping[str, Any]) -> Iterator[str]:
    """What the rules decided: the reasons, then what the call was told to do."""
    for reason in decision["why"]:
        yield from _wrapped(reason["said"], "  ")
    if decision["does"]:
        where = f"{decision['flow']} {decision['step']}: " if decision["flow"] else ""
        yield from _wrapped(f"{where}{decision['does']}", "  → ")


def _wrapped(text: str, mark: str) -> Iterator[str]:
    """Beside the line of time, no wider than the terminal."""
    beside = "          │ "
    width = max(40, shutil.get_terminal_size().columns - 1)
    yield from textwrap.wrap(
        printable(text),
        width,
        initial_indent=beside + mark,
        subsequent_indent=beside + " " * len(mark),
        break_on_hyphens=False,
    )


def _between(before: datetime, at: datetime) -> str:
    seconds = round((at - before).total_seconds())
    if seconds < 1:
        return ""
    return f"+{seconds} s" if seconds < 60 else f"+{seconds // 60}:{seconds % 60:02}"


CONVERSATION_COLUMNS = (PROVIDER, Column("SMS", goes=1), Column("newest message", room=24), HANDLED)


def conversation_line(document: Mapping[str, Any], shown: Shown) -> Line:
    """One conversation in its JSON form, by its newest message."""
    newest = document["messages"][0] if document["messages"] else None
    return (
        document["sender"],
        document["contact"],
        document["number"],
        None if newest is None else shown.short(datetime.fromisoformat(newest["sent_at"])),
        document["provider"],
        document["count"],
        newest and _written(newest["text"], [file for part in newest["parts"] for file in part["media"]]),
        document["handled_by"],
    )


def message(document: Mapping[str, Any], shown: Shown) -> Iterator[str]:
    """One message: when and as which events it came, then its text as wide as the terminal."""
    ids = ", ".join(str(part["id"]) for part in document["parts"])
    which = f"events {ids} put together" if document["joined"] else f"event {ids}"
    which += ", a part seems to be missing" if document["gap"] else ""
    cost = f", {amount(document['cost'], document['currency'])}" if document["cost"] else ""
    when = shown.whole(datetime.fromisoformat(document["sent_at"]))
    yield printable(f"{when}  ({which}{cost})")
    width = max(20, shutil.get_terminal_size().columns - 4)
    for line in document["text"].splitlines():
        for piece in textwrap.wrap(printable(line), width) or [""]:
            yield f"  {piece}"
    for part in document["parts"]:
        if part["media"]:
            yield f"  {count_of(len(part['media']), 'attachment')}: receiver archive get {part['id']}"
    for decision in document["decisions"]:
        yield from _decided(decision)
    yield ""


def amount(value: str, currency: str | None) -> str:
    """`0.040 SGD`."""
    return f"{value} {currency or ''}".strip()


def stripe(line: Line, columns: Sequence[str], widths: Sequence[int]) -> str:
    """One line by itself: as wide as the terminal, or whole in a pipe. Nobody knows yet what the next line
    needs, so each column has at least its width of these."""
    cells = [printable("-" if value is None else str(value)) for value in line]
    wished = [max(width, cell_len(cell)) for width, cell in zip(widths, cells, strict=True)]
    shown = list(zip(cells, wished, strict=True))
    if sys.stdout.isatty():
        rooms = fitted(columns, wished, shutil.get_terminal_size().columns)
        shown = [(cell, room) for cell, room in zip(cells, rooms, strict=True) if room]
    return (" " * GAP).join(_padded(cell, room) for cell, room in shown).rstrip()


def _padded(cell: str, room: int) -> str:
    if cell_len(cell) <= room:
        return cell + " " * (room - cell_len(cell))
    return set_cell_size(cell, room - 1).rstrip() + "…"
