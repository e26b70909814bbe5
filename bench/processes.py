"""What running processes use, read from /proc."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


@dataclass(frozen=True, slots=True)
class Process:
    """One process as it was when it was looked at."""

    pid: int
    name: str
    parent: int
    session: int
    cpu_seconds: float
    """Of all cores together, since it began."""
    memory_mb: float
    """Resident."""


def processes() -> Iterator[Process]:
    """All processes of this machine that can be seen."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        # One that ends meanwhile is not there any more.
        with contextlib.suppress(OSError):
            start, _, rest = path.read_text(encoding="utf-8", errors="replace").rpartition(")")
            fields = rest.split()
            yield Process(
                pid=int(path.parent.name),
                name=start.partition("(")[2],
                parent=int(fields[1]),
                session=int(fields[3]),
                cpu_seconds=(int(fields[11]) + int(fields[12])) / _TICKS,
                memory_mb=int(fields[21]) * _PAGE_MB,
            )


def machine_cpu_seconds() -> float:
    """Seconds that this machine's cores have worked, all of them together, since it started."""
    user, nice, system, _idle, _waiting, interrupts, soft_interrupts, *_ = (
        int(field) for field in Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0].split()[1:]
    )
    return (user + nice + system + interrupts + soft_interrupts) / _TICKS
