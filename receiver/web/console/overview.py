"""The overview: is all well, what arrived, what needs attention. Read from counts, never from the log."""

from __future__ import annotations

from flask import Blueprint, render_template

from receiver import current
from receiver.intake import quarantined, set_aside
from receiver.intake.spool import Spool, SpoolError, SpoolState
from receiver.numbers import findings
from receiver.numbers.cautioned import cautioned
from receiver.search import index_lag
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
    spool = _spool()
    return render_template(
        "overview.html",
        page="overview",
        **tiles.of_range(),
        newest=[row(event) for event in newest],
        newest_id=newest_id,
        numbers=known_numbers(),
        findings=[
            told(finding)
            for finding in (
                *findings.read(engine),
                *cautioned(current.config()),
                *(set_aside.finding(spool) if spool else ()),
                *index_lag.finding(engine, times.zone()),
            )
        ],
        quarantined=quarantined.count(engine, _COUNTED + 1),
        counted=_COUNTED,
        quarantine=current.admission(),
        spool=spool,
    )


def _spool() -> SpoolState | None:
    """The state of the spool; None when the spool cannot be used."""
    try:
        return current.spool().ask(Spool.state)
    except SpoolError:
        return None
