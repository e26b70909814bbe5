"""What was set aside in the spool, as the API, the console and the command line tell it."""

from __future__ import annotations

from typing import Any

from receiver.intake.in_spool import SetAside, SetAsideLine
from receiver.search.came import request_json
from receiver.search.events import iso
from receiver.search.masking import mask_event


def line_json(line: SetAsideLine) -> dict[str, Any]:
    """One line of the list. Nothing in it has to be masked."""
    return {
        "id": line.position,
        "received_at": iso(line.received_at),
        "provider": line.provider,
        "kind": line.kind,
        "size": line.size,
        "reason": line.set_aside,
    }


def set_aside_json(aside: SetAside, *, mask: bool = False) -> dict[str, Any]:
    """One callback that was set aside, with its raw request; with `mask`, nothing of that can be read."""
    line = SetAsideLine(
        aside.position, aside.received_at, aside.provider, aside.kind, len(aside.body), aside.set_aside
    )
    raw = request_json(aside.method, aside.query, aside.headers, aside.body, aside.peer)
    more = {"signature": aside.signature, "distrust": aside.distrust}
    return line_json(line) | more | (mask_event({"raw": raw}) if mask else {"raw": raw})
