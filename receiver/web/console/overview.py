"""The overview: is all well, what arrived, what needs attention. Read from counts, never from the log."""

from __future__ import annotations

from flask import Blueprint, render_template

from receiver import current
from receiver.doctor.attention import attention, state_of
from receiver.intake import quarantined
from receiver.search.query import Search
from receiver.web.console import tiles, times
from receiver.web.console.findings import told
from receiver.web.console.lists import row
from receiver.web.console.numbers import known_numbers

overview = Blueprint("overview", __name__)

_NEWEST = 8
_COUNTED = 999
"""Quarantined events are counted up to this number; above it, the page says that there are more."""


@overview.get("/")
def show() -> str:
    """The whole overview on one page."""
    engine = current.engine()
    newest_id = current.event_log().newest_id()
    newest = current.event_log().find(Search(), limit=_NEWEST).events
    spool = state_of(current.spool())
    return render_template(
        "overview.html",
        page="overview",
        **tiles.of_range(),
        newest=[row(event) for event in newest],
        newest_id=newest_id,
        numbers=known_numbers(),
        findings=[told(one) for one in attention(engine, current.config(), spool, times.zone())],
        quarantined=quarantined.count(engine, _COUNTED + 1),
        counted=_COUNTED,
        quarantine=current.admission(),
        spool=spool,
    )
