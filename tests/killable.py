"""`receiver setup` in a process that dies at a chosen moment, by SIGKILL, as real processes do."""

import io
import os
import signal
import sys
from pathlib import Path
from urllib.parse import urlsplit

import forks
import requests

from receiver.setup import journal
from receiver.setup import survey as surveying
from receiver.setup.journal import Journal


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
    """Run `receiver setup`, to its end or to the moment so numbered; its exit code and the moments passed."""
    log.unlink(missing_ok=True)
    code = forks.run(_run, env, argv, log, deadly)
    return code, log.read_text().splitlines() if log.exists() else []


def _run(env: dict[str, str], argv: list[str], log: Path, deadly: int | None) -> None:
    # Nobody wants to wait half a minute for the lease of a dead process, or two for its purchase.
    journal.LEASE_SECONDS, surveying.SETTLING_SECONDS = 0.2, 0.2
    moments = Moments(log, deadly)
    moments.watch(requests.Session, "send", lambda _, request: urlsplit(request.url).path)
    moments.watch(Journal, "begin", lambda _, step: f"writing that {type(step).__name__} begins")
    moments.watch(Journal, "end", lambda *_: "writing how it ended")
    sys.stdout = sys.stderr = io.StringIO()
    forks.main(["setup", *argv], env)
