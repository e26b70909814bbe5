"""Is an answer 200 only if it is true while the disk is full, and 200 again once there is room?

Database and spool are on a small file system that fills up under load and is freed again, under one server.
`/health/ready` is asked all the while: it may not promise what a callback is then refused.
"""

from __future__ import annotations

import contextlib
import math
import os
import subprocess
import tempfile
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.faults import Callers, Sent, compare, wait_for_empty_spool
from bench.report import Report, say
from bench.service import Database, Server, folder, ready

FILLS, QUICK_FILLS = 3, 1
SIZE_MB = 16
CALLERS = 8
PAUSE = 0.05
ASK_EVERY = 0.05
STAYS_FULL = 3.0
LONGEST_RECOVERY = 5.0
PATIENCE = 30.0
"""Seconds until a step that does not come is given up."""


class _NoMount(Exception):
    """A file system of our own cannot be had. The message says why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One look at `/health/ready`."""

    at: float
    answered_at: float
    ready: bool


def run(quick: bool) -> Report:
    """Fill and free, once or several times, under one server process."""
    report = Report()
    try:
        with _small_file_system() as disk, folder() as own:
            database = Database("sqlite", f"sqlite:///{disk}/receiver.db", own)
            database.environ["SPOOL_DIR"] = str(disk / "spool")
            database.migrate()
            _fill_and_free(report, database, disk, QUICK_FILLS if quick else FILLS)
    except _NoMount as error:
        report.skip("full-disk", str(error))
    return report


def _fill_and_free(report: Report, database: Database, disk: Path, fills: int) -> None:
    full: list[tuple[float, float]] = []
    recoveries: list[float] = []
    with Server.receiver(database) as server:
        with Callers(server.port, pause=PAUSE, count=CALLERS) as callers, _asking(server.port) as asked:
            for number in range(1, fills + 1):
                say(f"filling the disk, {number} of {fills}")
                time.sleep(1)
                filled = _fill(disk, callers)
                freed = time.monotonic()
                (disk / "ballast").unlink()
                recoveries.append(_recovery(callers, freed))
                full.append((filled, freed))
            time.sleep(1)
        emptied = wait_for_empty_spool(database)
        server.stop()
    sent = sorted(callers.sent, key=lambda one: one.at)
    accepted = sum(one.status == 200 for one in sent)
    refused = sum(one.status == 503 for one in sent)
    told = sum(any(not look.ready and start <= look.at < end for look in asked) for start, end in full)
    report.figure("fills", fills)
    report.figure("file system (MB)", SIZE_MB)
    report.figure("longest answer (s)", max(one.took for one in sent))
    report.figure("spool empty after (s)", emptied)
    report.figure("looks at /health/ready", len(asked))
    report.at_least("answers 503", refused, fills)  # else the disk was never full
    # A worker that died and was replaced would show here: its connections break.
    report.equal("answers neither 200 nor 503", len(sent) - accepted - refused, 0)
    compare(sent, database).hold(report)
    report.at_most("200 again after (s)", max(recoveries), LONGEST_RECOVERY, timed=True)
    report.equal("fills that /health/ready told of", told, fills)
    report.equal("ready while callbacks are refused", false_promises(asked, sent), 0)
    ready_again = max(_ready_again(asked, freed) for _, freed in full)
    report.at_most("ready again after (s)", ready_again, LONGEST_RECOVERY, timed=True)


def _fill(disk: Path, callers: Callers) -> float:
    """Take all room, and go on taking it until callbacks have been refused for a while; since when."""
    since = time.monotonic()
    refused_since: float | None = None
    with (disk / "ballast").open("wb", buffering=0) as ballast:
        while True:
            for size in (1 << 20, 1 << 12):
                with contextlib.suppress(OSError):
                    while ballast.write(b"\0" * size):
                        pass
            now = time.monotonic()
            if refused_since is None and any(one.status == 503 for one in callers.between(since, now)):
                refused_since = now
            if now - since > PATIENCE or (refused_since is not None and now - refused_since > STAYS_FULL):
                return refused_since or now
            time.sleep(0.05)


def _recovery(callers: Callers, freed: float) -> float:
    """Seconds until the first 200 that no other answer follows within a second; infinite without one."""
    while (now := time.monotonic()) - freed < PATIENCE:
        time.sleep(0.05)
        answers = callers.between(freed, now)
        good = [one.answered_at for one in answers if one.status == 200]
        bad = [one.at for one in answers if one.status != 200]
        after = [at for at in good if not bad or at > max(bad)]
        if after and now - min(after) > 1:
            return min(after) - freed
    return math.inf


@contextlib.contextmanager
def _asking(port: int) -> Iterator[list[Asked]]:
    """Look at readiness until the block ends."""
    asked: list[Asked] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.wait(ASK_EVERY):
            at = time.monotonic()
            answer = ready(port)
            asked.append(Asked(at, time.monotonic(), answer))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield asked
    finally:
        stop.set()
        thread.join()


def false_promises(asked: Sequence[Asked], sent: Sequence[Sent]) -> int:
    """Looks that said ready though the callbacks around them were refused: the last that was answered before,
    the first that was sent after, and all that were under way meanwhile."""
    by_answer = sorted(sent, key=lambda one: one.answered_at)
    answers, starts = [one.answered_at for one in by_answer], [one.at for one in sent]
    false = 0
    for look in asked:
        before, after = bisect_left(answers, look.at), bisect_right(starts, look.answered_at)
        if not look.ready or not before or after == len(sent):
            continue
        # What was answered since and sent by then; both lists are long, their overlap is short.
        meanwhile = [one for one in by_answer[before : before + 2 * CALLERS] if one.at <= look.answered_at]
        around = [by_answer[before - 1], sent[after], *meanwhile]
        false += all(one.status == 503 for one in around)
    return false


def _ready_again(asked: Sequence[Asked], freed: float) -> float:
    """Seconds until the first ready answer after which there is no other within a second."""
    after = [look for look in asked if freed <= look.at]
    for look in after:
        soon = [other for other in after if look.at <= other.at <= look.at + 1]
        if all(other.ready for other in soon):
            return look.answered_at - freed
    return math.inf


@contextlib.contextmanager
def _small_file_system() -> Iterator[Path]:
    if os.geteuid() != 0:
        raise _NoMount("only root can mount the small file system this bench fills")
    with tempfile.TemporaryDirectory(prefix="bench-full-disk-") as directory:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", directory],
            check=False,
            capture_output=True,
            text=True,
        )
        if mounted.returncode != 0:
            raise _NoMount(f"mounting a small file system failed: {mounted.stderr.strip()}")
        try:
            yield Path(directory)
        finally:
            subprocess.run(["umount", "--lazy", directory], check=True)
