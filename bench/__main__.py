"""`python -m bench <name>`: run one bench; without a name, list them."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from types import FrameType, ModuleType

from bench.callbacks import SPEAKERS, USUAL
from bench.report import Report, as_json, as_table
from bench.service import BenchError

BY_PROVIDER = ("ingest", "slow-clients", "crash", "outage")
"""Those that can be run with the callbacks of any provider: they are `run(quick, provider)`."""
NAMES = (
    *("ingest", "servers", "growth", "slow-clients", "crash", "outage", "failover", "full-disk", "query"),
    *("pages", "relay", "answering"),
)
"""Each is a module with `run(quick) -> Report`, and its first line is its question."""


def main(words: list[str]) -> int:
    """0 when all bars hold, 1 when one does not or the bench could not run, 2 for a wrong command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=f"Run one of: {', '.join(NAMES)}.")
    parser.add_argument("name", nargs="?", help="which one; without it they are listed")
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes, figures to match")
    parser.add_argument("--provider", choices=SPEAKERS, default=USUAL, help="whose callbacks are sent")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    given = parser.parse_args(words)
    if given.name is None:
        print("\n".join(f"{name:<14}{_question(_module(name))}" for name in NAMES))
        return 0
    if given.name not in NAMES:
        print(f"Error: no bench is called '{given.name}'; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    provided = [given.provider] if given.name in BY_PROVIDER else []
    if given.provider != USUAL and not provided:
        print(
            f"Error: '{given.name}' takes no --provider; these do: {', '.join(BY_PROVIDER)}", file=sys.stderr
        )
        return 2
    module = _module(given.name)
    for end in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, _leave_in_order)
    try:
        report: Report = module.run(given.quick, *provided)
    except BenchError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    if given.quick:
        report.figures = {"quick": "yes: it shows that the bench works, do not quote it", **report.figures}
    print(as_json(given.name, report) if given.json else as_table(given.name, _question(module), report))
    return 0 if report.holds else 1


def _leave_in_order(number: int, _: FrameType | None) -> None:
    """An exception, so that servers, databases and mounts are taken away as on any other way out."""
    for end in (signal.SIGTERM, signal.SIGHUP):  # once is enough: a second one would disturb the tidying
        signal.signal(end, signal.SIG_IGN)
    raise SystemExit(128 + number)


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"bench.{name.replace('-', '_')}")


def _question(module: ModuleType) -> str:
    return (module.__doc__ or "").partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
