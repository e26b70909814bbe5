"""What a bench found: figures, and the bars they are held against."""

from __future__ import annotations

import json
import math
import os
import platform
import sqlite3
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Figure = float | int | str
LOAD_AT_START = round(os.getloadavg()[0], 2)


@dataclass(frozen=True, slots=True)
class Bar:
    """One figure that has to reach something."""

    figure: str
    value: Figure
    bar: str
    holds: bool
    timed: bool = False
    """Whether a busy machine can miss it with nothing being wrong."""


@dataclass(slots=True)
class Report:
    """The figures of one bench by name, and its bars."""

    figures: dict[str, Figure] = field(default_factory=dict)
    bars: list[Bar] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    """Parts that were not measured, and why."""

    @property
    def holds(self) -> bool:
        """Whether every bar holds."""
        return all(bar.holds for bar in self.bars)

    def figure(self, name: str, value: Figure) -> None:
        self.figures[name] = _rounded(value)

    def at_least(self, figure: str, value: float, limit: float, *, timed: bool = False) -> None:
        self._bar(figure, value, f">= {limit:g}", value >= limit, timed)

    def at_most(self, figure: str, value: float, limit: float, *, timed: bool = False) -> None:
        self._bar(figure, value, f"<= {limit:g}", value <= limit, timed)

    def equal(self, figure: str, value: int, wanted: int) -> None:
        self._bar(figure, value, f"= {wanted}", value == wanted)

    def reported(self, figure: str, value: float) -> None:
        """One that has to be told and has nothing to reach."""
        self._bar(figure, value, "reported", True)

    def skip(self, part: str, reason: str) -> None:
        """A part that was not measured is a figure too: nobody should take its absence for a success."""
        self.skipped[part] = reason
        self.figure(part, f"SKIPPED: {reason}")
        say(f"SKIPPED {part}: {reason}")

    def _bar(self, figure: str, value: float, bar: str, holds: bool, timed: bool = False) -> None:
        # Judged before it is rounded, so that 0.499 does not pass for a half.
        self.bars.append(Bar(figure, _rounded(value), bar, holds, timed))


def say(line: str) -> None:
    """Progress, on stderr, so that stdout stays for the result."""
    print(line, file=sys.stderr, flush=True)


def as_json(bench: str, report: Report) -> str:
    found = {
        "bench": bench,
        "machine": machine(),
        "figures": report.figures,
        "bars": [
            {"figure": bar.figure, "value": bar.value, "bar": bar.bar, "holds": bar.holds}
            for bar in report.bars
        ],
    }
    # JSON has no infinity, and a reader should not be handed one.
    return json.dumps(_finite(found), ensure_ascii=False, allow_nan=False)


def as_table(bench: str, question: str, report: Report) -> str:
    width = max((len(name) for name in (*report.figures, *(bar.figure for bar in report.bars))), default=0)
    lines = [f"{bench}: {question}", ""]
    lines += [f"  {name:<{width}}  {value}" for name, value in machine().items()]
    lines.append("")
    lines += [f"  {name:<{width}}  {_shown(value)}" for name, value in report.figures.items()]
    lines.append("")
    for bar in report.bars:
        verdict = "" if bar.bar == "reported" else "holds" if bar.holds else "FAILS"
        lines.append(f"  {bar.figure:<{width}}  {_shown(bar.value):>10}  {bar.bar:<10}{verdict}".rstrip())
    return "\n".join(lines)


def machine() -> dict[str, Figure]:
    """Where the figures were taken."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        # Anything much above 0 before a bench begins is company that its figures pay for.
        "load_at_start": LOAD_AT_START,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _rounded(value: Figure) -> Figure:
    return round(value, 2) if isinstance(value, float) else value


def _shown(value: Figure) -> str:
    return f"{value:,}" if isinstance(value, int | float) else value


def _finite(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: _finite(value) for name, value in found.items()}
    if isinstance(found, list):
        return [_finite(value) for value in found]
    return str(found) if isinstance(found, float) and not math.isfinite(found) else found
