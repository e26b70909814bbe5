"""The part of the relay bench about documents: whether a worker's memory grows with how many it archives."""

from __future__ import annotations

import time
from urllib.parse import quote

from sqlalchemy import func, select

from bench.notification import Notification
from bench.processes import processes
from bench.relay_parts import Work, add_target, fill
from bench.report import Report, say
from bench.service import Database
from bench.taker import Taker
from receiver.archive.states import State
from receiver.models import Archived

MOST_GROWTH = 1.2
"""What the memory at the end may be of that at a tenth of the documents."""
BEGINS_WITHIN = 20.0
SILENCE = 120.0
"""Seconds without a new document after which the rest is given up."""
_PART = "memory of a worker while it archives"


def archive(report: Report, database: Database, count: int) -> None:
    """So many faxes, each with a document of its own."""
    with Taker() as taker:
        add_target(database, taker.url())
        database.environ["OUTBOUND_ALLOW"] = "127.0.0.0/8"
        fill(database, [_fax(number, taker.url(f"/fax/{number}")) for number in range(count)])
        with Work(database) as work:
            memory, kept = _watch(database, work, count)
    if not kept:
        report.skip(_PART, "no document was kept: this version's worker does not archive")
        return
    early, late = memory[len(memory) // 10], memory[-1]
    report.figure("archive: documents kept", kept)
    report.figure("archive: memory of the worker at a tenth (MB)", early)
    report.figure("archive: memory of the worker at the end (MB)", late)
    report.equal("archive: documents not kept", count - kept, 0)
    report.at_most("archive: memory at the end over that at a tenth", late / early, MOST_GROWTH)


def _fax(number: int, url: str) -> Notification:
    ref = f"AA-FI-{number}"
    ends = "from=%2B6591000001&to=%2B6565111001"
    body = f"txn_ref={ref}&fax_status=answered&{ends}&fax_url={quote(url, safe='')}&duration=1"
    return Notification("fax", ref, body.encode())


def _watch(database: Database, work: Work, count: int) -> tuple[list[float], int]:
    """The worker's memory each time that there were more documents, and how many there are in the end."""
    memory: list[float] = []
    kept, since = 0, time.monotonic()
    with database.engine().connect() as connection:
        while kept < count and time.monotonic() < since + (SILENCE if kept else BEGINS_WITHIN):
            time.sleep(0.25)
            query = select(func.count()).where(Archived.state == State.KEPT.value)
            now = connection.scalar(query) or 0
            connection.rollback()
            if now > kept:
                if now * 10 // count > kept * 10 // count:
                    say(f"{now:,} of {count:,} documents")
                kept, since = now, time.monotonic()
                memory += [one.memory_mb for one in processes() if one.pid == work.pid]
    return memory, kept
