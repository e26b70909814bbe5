"""Is an answer 200 only if it is true while the disk is full, and 200 again once there is room?

Database and spool are on a small file system that fills up under load and is freed again, under one server.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.crash import Callers, compare, wait_for_empty_spool
from bench.report import Report, say
from bench.service import Database, Server

FILLS, QUICK_FILLS = 3, 1
SIZE_MB = 16
CALLERS = 8
PAUSE = 0.05
STAYS_FULL = 3.0
LONGEST_RECOVERY = 5.0
PATIENCE = 30.0
"""Seconds until a step that does not come is given up."""


class _NoMount(Exception):
    """A file system of our own cannot be had. The message says why."""


def run(quick: bool) -> Report:
    """Fill and free, once or several times, under one server process."""
    report = Report()
    try:
        with _small_file_system() as disk, tempfile.TemporaryDirectory(prefix="bench-log-") as folder:
            database = Database("sqlite", f"sqlite:///{disk}/receiver.db", Path(folder))
            database.environ["SPOOL_DIR"] = str(disk / "spool")
            database.migrate()
            _fill_and_free(report, database, disk, QUICK_FILLS if quick else FILLS)
    except _NoMount as error:
        report.skip("full-disk", str(error))
    return report


def _fill_and_free(report: Report, database: Database, disk: Path, fills: int) -> None:
    recoveries: list[float] = []
    with Server.receiver(database) as server:
        with Callers(server.port, pause=PAUSE, count=CALLERS) as callers:
            for number in range(1, fills + 1):
                say(f"filling the disk, {number} of {fills}")
                time.sleep(1)
                _fill(disk, callers)
                freed = time.monotonic()
                (disk / "ballast").unlink()
                recoveries.append(_recovery(callers, freed))
            time.sleep(1)
        emptied = wait_for_empty_spool(database)
        server.stop()
    tally = compare(callers.sent, database)
    refused = sum(one.status == 503 for one in callers.sent)
    report.figure("fills", fills)
    report.figure("file system (MB)", SIZE_MB)
    report.figure("answers 200", tally.accepted)
    report.figure("unanswered", tally.unanswered)
    report.figure("longest answer (s)", max(one.took for one in callers.sent))
    report.figure("spool empty after (s)", emptied)
    report.at_least("answers 503", refused, fills)  # else the disk was never full
    # A worker that died and was replaced would show here: its connections break.
    report.equal("answers neither 200 nor 503", len(callers.sent) - tally.accepted - refused, 0)
    report.equal("lost", tally.lost, 0)
    report.equal("doubled", tally.doubled, 0)
    report.equal("repeats counted wrongly", tally.repeats_wrong, 0)
    report.at_most("200 again after (s)", max(recoveries), LONGEST_RECOVERY)


def _fill(disk: Path, callers: Callers) -> None:
    """Take all room, and go on taking it until callbacks have been refused for a while."""
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
                return
            time.sleep(0.05)


def _recovery(callers: Callers, freed: float) -> float:
    """Seconds until the first 200 that no other answer follows within a second; infinite without one."""
    while (now := time.monotonic()) - freed < PATIENCE:
        time.sleep(0.05)
        answers = callers.between(freed, now)
        good = [one.at + one.took for one in answers]
        bad = [one.at for one in answers if one.status != 200]
        after = [at for at in good if not bad or at > max(bad)]
        if after and now - min(after) > 1:
            return min(after) - freed
    return float("inf")


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
