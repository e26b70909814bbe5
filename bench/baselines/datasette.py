"""Datasette, which shows any SQLite file as pages and as JSON: installed once, under var/."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

from sqlalchemy.engine import make_url

from bench.report import say
from bench.service import HOST, READY_WITHIN, ROOT, BenchError, Database, Server, fetch

VERSION = "0.65.5"
PLACE = ROOT / "var" / "bench-datasette"
INSTALL_WITHIN = 300.0
_PYTHON = PLACE / "bin" / "python"
_SETTINGS = {"sql_time_limit_ms": "60000", "facet_time_limit_ms": "1", "num_sql_threads": "3"}
_PAGE = {
    # Neither counting the table nor guessing at facets is held against it.
    **{"_nocount": "1", "_nofacet": "1", "_nosuggest": "1"},
    **{"_size": "50", "_sort_desc": "id", "_shape": "objects"},
}
_WORDS = {"_fts_table": "event_words", "_fts_pk": "id"}


class CannotInstall(Exception):
    """It cannot be had on this machine. The message says why."""


def install() -> None:
    """Have the pinned version in `PLACE`."""
    if _works():
        return
    say(f"installing Datasette {VERSION} under {PLACE.relative_to(ROOT)}")
    pip = [str(_PYTHON), "-m", "pip", "install", "--quiet", f"datasette=={VERSION}"]
    for command in ([sys.executable, "-m", "venv", "--clear", str(PLACE)], pip):
        try:
            done = subprocess.run(
                command, check=False, capture_output=True, text=True, timeout=INSTALL_WITHIN
            )
        except subprocess.TimeoutExpired:
            raise CannotInstall(f"pip was not done within {INSTALL_WITHIN:.0f} s") from None
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            raise CannotInstall(f"pip install failed: {'; '.join(errors[:2]) or done.stderr.strip()[-300:]}")
    if not _works():
        raise CannotInstall("it was installed and does not start")


def _works() -> bool:
    if not _PYTHON.exists():
        return False
    told = [str(_PYTHON), "-m", "datasette", "--version"]
    return subprocess.run(told, check=False, capture_output=True, text=True).stdout.strip().endswith(VERSION)


class Datasette(Server):
    """Serves the file of a database that the service has open too."""

    def __init__(self, database: Database) -> None:
        self._file = Path(make_url(database.url).database or "")
        settings = [word for name, value in _SETTINGS.items() for word in ("--setting", name, value)]
        serve = ("serve", str(self._file), "--host", HOST, "--port", "{port}")
        super().__init__(database, str(_PYTHON), "-m", "datasette", *serve, *settings)

    def page(self, **asked: str) -> str:
        """The path of the newest events where these columns have these values; `_search` is for words."""
        words = _WORDS if "_search" in asked else {}
        return f"/{self._file.stem}/events.json?{urlencode(_PAGE | words | asked)}"

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + READY_WITHIN
        while time.monotonic() < until and process.poll() is None:
            if fetch(self.port, "/-/versions.json") == 200:
                return
            time.sleep(0.05)
        raise BenchError(f"Datasette did not become ready: {self.log() or 'no output'}")
