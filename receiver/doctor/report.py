"""What the doctor reports: an area for each check, with its findings, and a line for each number held."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from receiver.numbers.findings import Finding, Severity


class NotLooked(str):
    """The summary of a check that could not look, with the reason: nobody knows whether it is well."""

    __slots__ = ()

    def __new__(cls, reason: str) -> NotLooked:
        return super().__new__(cls, f"not looked at: {reason}")


@dataclass(frozen=True)
class Area:
    """What one check looked at. If it looked and found nothing it is well, and `summary` says how it is."""

    name: str
    summary: str
    findings: tuple[Finding, ...] = ()

    @property
    def looked(self) -> bool:
        """Whether the check could look at all."""
        return not isinstance(self.summary, NotLooked)


@dataclass(frozen=True)
class NumberLine:
    """How a number is, for a table."""

    number: str
    provider: str
    serves: str
    """Which kinds come here."""
    days_left: int | None
    renews: bool | None
    last_event: datetime | None


@dataclass(frozen=True)
class Report:
    """What the doctor found."""

    areas: tuple[Area, ...]
    numbers: tuple[NumberLine, ...]

    @property
    def findings(self) -> Iterator[Finding]:
        return (finding for area in self.areas for finding in area.findings)

    @property
    def worst(self) -> Severity | None:
        """None if all is well."""
        found = {finding.severity for finding in self.findings}
        return Severity.ERROR if Severity.ERROR in found else Severity.WARNING if found else None


def in_words(span: timedelta) -> str:
    """A span of time in its largest unit, such as `3 hours`."""
    seconds = int(span.total_seconds())
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}s"
    return f"{seconds} seconds"
