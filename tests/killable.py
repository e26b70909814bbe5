"""`flask setup` in a process that dies at a chosen moment, by SIGKILL, as real processes do.

They are forked from a process that has loaded the application already, so that dozens of them take seconds.
"""

import io
import multiprocessing
import os
import signal
import sys
from pathlib import Path

import requests

from receiver.setup import journal
from receiver.setup import survey as surveying
from receiver.setup.journal import Journal

ROOT = Path(__file__).parent.parent
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["killable", "receiver.app"])


class Moments:
    """Every request and every entry in the journal, once it is over: the next one has not begun."""

    def __init__(self, log: Path, deadly: int | None) -> None:
        self.log, self.deadly, self.count = log, deadly, 0

    def pass_by(self, name: str) -> None:
        with self.log.open("a") as log:
            log.write(f"{name}\n")
        if self.count == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1

    def watch(self, owner: type, method: str, name) -> None:
        original = getattr(owner, method)

        def watched(*args, **options):
            result = original(*args, **options)
            self.pass_by(f"after {name(*args)}")
            return result

        setattr(owner, method, watched)


def setup(
    env: dict[str, str], argv: list[str], log: Path, deadly: int | None = None
) -> tuple[int, list[str]]:
    """Run `flask setup`, to its end or to the moment so numbered; its exit code, and the moments passed."""
    log.unlink(missing_ok=True)
    process = _forks.Process(target=_run, args=(env, argv, log, deadly))
    process.start()
    process.join(60)
    assert process.exitcode is not None
    return process.exitcode, log.read_text().splitlines() if log.exists() else []


def _run(env: dict[str, str], argv: list[str], log: Path, deadly: int | None) -> None:
    from flask.cli import main  # noqa: PLC0415

    os.environ.update(env)
    os.chdir(ROOT)
    # Nobody wants to wait half a minute for the lease of a dead process, or two for its purchase.
    journal.LEASE_SECONDS, surveying.SETTLING_SECONDS = 0.2, 0.2
    moments = Moments(log, deadly)
    moments.watch(requests.Session, "send", lambda _, request: request.url.rpartition("/open/")[2])
    moments.watch(Journal, "begin", lambda _, step: f"writing that {type(step).__name__} begins")
    moments.watch(Journal, "end", lambda *_: "writing how it ended")
    sys.argv = ["flask", "setup", *argv]
    sys.stdout = sys.stderr = io.StringIO()
    main()
