"""What the fault benches share: callers that remember every answer, and what is stored of them."""

from __future__ import annotations

import contextlib
import http.client
import math
import secrets
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from bench.callbacks import PATH, SPEAKERS, USUAL, Speaker
from bench.report import Report
from bench.service import HOST, Database
from receiver.models import EVENTS, Event, Repeat

CALLERS = 16
REPEATED_EVERY = 10
"""Each tenth notification is sent twice."""
NO_ANSWER = 0
SPOOL_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Sent:
    """One callback and its answer; `status` is `NO_ANSWER` when the connection broke first."""

    reference: str
    at: float
    took: float
    status: int

    @property
    def answered_at(self) -> float:
        return self.at + self.took


class Callers:
    """Connections that send one callback after the other until the block ends, and remember all answers.

    Each speaks for one of the providers.
    """

    def __init__(
        self, port: int, *, pause: float, count: int = CALLERS, providers: Sequence[str] = ()
    ) -> None:
        self._port = port
        self._speakers = [SPEAKERS[name] for name in providers or (USUAL,)]
        self._pause = pause
        self._mark = secrets.token_hex(4)
        self._stop = threading.Event()
        self.sent: list[Sent] = []
        self._threads = [
            threading.Thread(target=self._call, args=(number,), daemon=True) for number in range(count)
        ]

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def between(self, start: float, end: float) -> list[Sent]:
        """What was sent from one moment to another and is answered by now."""
        return [sent for sent in list(self.sent) if start <= sent.at < end]

    def _call(self, caller: int) -> None:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=30)
        speaker = self._speakers[caller % len(self._speakers)]
        number = 0
        while not self._stop.is_set():
            reference = f"AA-SI-{self._mark}-{caller}-{number}"
            for _ in range(2 if number % REPEATED_EVERY == 0 else 1):
                if self._post(connection, speaker, reference) == NO_ANSWER:
                    self._stop.wait(0.1)
                self._stop.wait(self._pause)
            number += 1
        connection.close()

    def _post(self, connection: http.client.HTTPConnection, speaker: Speaker, reference: str) -> int:
        told = speaker.text(reference, "%2B6590000001", "%2B6590000002", f"hello+{reference}")
        path = f"{PATH}/{told.kind}"
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            **told.headers,
            **speaker.sign(path, told.body),
        }
        at = time.monotonic()
        try:
            connection.request("POST", path, told.body, headers)
            answer = connection.getresponse()
            answer.read()
            status = answer.status
        except (OSError, http.client.HTTPException):
            connection.close()
            status = NO_ANSWER
        self.sent.append(Sent(reference, at, time.monotonic() - at, status))
        return status


def spooled(database: Database) -> int:
    """Callbacks that wait in the spool."""
    path = Path(database.environ["SPOOL_DIR"]) / "spool.db"
    if not path.exists():
        return 0
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as connection:
        query = "SELECT count(*) FROM arrivals WHERE set_aside IS NULL"
        return int(connection.execute(query).fetchone()[0])


def wait_for_empty_spool(database: Database) -> float:
    """Seconds until the spool became empty and stayed so for some looks; infinite when it did not."""
    started = time.monotonic()
    empty_since: float | None = None
    while (now := time.monotonic()) < started + SPOOL_TIMEOUT:
        if spooled(database):
            empty_since = None
        elif empty_since is None:
            empty_since = now
        elif now - empty_since > 0.5:
            return empty_since - started
        time.sleep(0.02)
    return math.inf


@dataclass(frozen=True, slots=True)
class Tally:
    """Answers against what is stored."""

    accepted: int
    unanswered: int
    lost: int
    """Callbacks answered 200 that are neither an event nor a repeat of one."""
    doubled: int
    """Stored more often than sent, or as more than one event."""
    repeats_wrong: int
    """Events whose count of repeats is not what was sent and answered."""

    def hold(self, report: Report, prefix: str = "") -> None:
        """Accepted is stored, each exactly once."""
        report.figure(f"{prefix}accepted", self.accepted)
        report.figure(f"{prefix}unanswered", self.unanswered)
        report.at_least(f"{prefix}accepted", self.accepted, 1)  # nothing accepted, nothing lost
        report.equal(f"{prefix}lost", self.lost, 0)
        report.equal(f"{prefix}doubled", self.doubled, 0)
        report.equal(f"{prefix}repeats counted wrongly", self.repeats_wrong, 0)


def compare(sent: Sequence[Sent], database: Database) -> Tally:
    """A callback without a 200 may be stored or not; one with it must be."""
    sends = Counter(one.reference for one in sent)
    accepted = Counter(one.reference for one in sent if one.status == 200)
    events: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    with database.engine().connect() as connection:
        for reference, repeats in connection.execute(select(EVENTS.c.txn_ref, EVENTS.c.repeats)):
            events[reference or ""] += 1
            counted[reference or ""] += repeats
        for reference in connection.scalars(
            select(EVENTS.c.txn_ref).join(Repeat, Repeat.identity == Event.identity)
        ):
            kept[reference or ""] += 1
    lost = doubled = wrong = 0
    for reference in sends.keys() | events.keys():
        copies = events[reference] + kept[reference]
        lost += max(0, accepted[reference] - copies)
        doubled += max(0, copies - sends[reference], events[reference] - 1)
        fewest, most = max(0, accepted[reference] - 1), max(0, sends[reference] - 1)
        wrong += not (fewest <= counted[reference] <= most and counted[reference] == kept[reference])
    unanswered = sum(one.status == NO_ANSWER for one in sent)
    return Tally(accepted.total(), unanswered, lost, doubled, wrong)
