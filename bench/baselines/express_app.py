"""Node with Express and better-sqlite3: installed once, under var/."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

from bench.report import say
from bench.service import ROOT, Database, Server

SOURCE = ROOT / "bench" / "express"
PLACE = ROOT / "var" / "bench-express"
HEADERS = Path("/usr/include/node/node.h")
INSTALL_WITHIN = 600.0
_TRY = "require('better-sqlite3')(':memory:').close(); require('express')"


class CannotInstall(Exception):
    """There is no such server on this machine. The message says why."""


def install() -> None:
    """Have the pinned packages in `PLACE`. better-sqlite3 is downloaded built, or built here."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise CannotInstall("node and npm are not installed")
    PLACE.mkdir(parents=True, exist_ok=True)
    for source in SOURCE.iterdir():
        wanted, place = source.read_bytes(), PLACE / source.name
        if not place.exists() or place.read_bytes() != wanted:
            if source.suffix == ".json":
                shutil.rmtree(PLACE / "node_modules", ignore_errors=True)
            place.write_bytes(wanted)
    if _works():
        return
    say("installing Express and better-sqlite3; where none is offered built, this compiles for a minute")
    environ = dict(os.environ)
    if HEADERS.exists():
        environ["npm_config_nodedir"] = str(HEADERS.parents[2])  # those of this node, instead of a download
    code, said = _run(["npm", "ci", "--ignore-scripts=false", "--no-audit", "--no-fund"], environ)
    if code or not _works():
        errors = [
            line.removeprefix("npm error").strip() for line in said.splitlines() if "error" in line.lower()
        ]
        raise CannotInstall(f"npm ci failed: {'; '.join(errors[:3]) or 'better-sqlite3 does not load'}")


def express(database: Database) -> Server:
    return Server(database, "node", str(PLACE / "server.js"), "{port}")


def _works() -> bool:
    done = subprocess.run(["node", "-e", _TRY], check=False, cwd=PLACE, capture_output=True)
    return done.returncode == 0


def _run(command: list[str], environ: dict[str, str]) -> tuple[int, str]:
    process = subprocess.Popen(
        command,
        cwd=PLACE,
        env=environ,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said, _ = process.communicate(timeout=INSTALL_WITHIN)
    except subprocess.TimeoutExpired:
        raise CannotInstall(f"npm was not done within {INSTALL_WITHIN:.0f} s") from None
    finally:
        # The compilers it starts too, whichever way this ends.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return process.returncode, said
