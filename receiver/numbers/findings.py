"""Findings: what somebody should know about numbers, keys or the account, and the command that mends it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Engine, delete, insert, select

from receiver.db.engine import writing
from receiver.models import FindingRow

COMMAND = "receiver "
"""What a command begins with."""


class Severity(StrEnum):
    """How bad it is. An error loses callbacks or money now; a warning will, if nobody acts."""

    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be."""

    code: str
    """A short name of what is wrong, the same in every release."""
    severity: Severity
    sentence: str
    """What is wrong, for a person. Names a number masked, since it ends up in logs of monitoring."""
    mend: str
    """The command that mends it, or else what to do; empty for what passes by itself."""
    subject: str = ""
    """The number in full, the fingerprint of a key, or empty."""
    since: datetime | None = None
    provider: str = ""
    """Whose account or number it is about, or empty."""

    @property
    def is_command(self) -> bool:
        """Whether a command mends it."""
        return self.mend.startswith(COMMAND)


def error(code: str, sentence: str, mend: str, subject: str = "") -> Finding:
    """What costs callbacks or money now."""
    return Finding(code, Severity.ERROR, sentence, mend, subject)


def warning(code: str, sentence: str, mend: str, subject: str = "") -> Finding:
    """What will cost callbacks or money if nobody acts."""
    return Finding(code, Severity.WARNING, sentence, mend, subject)


def graded(bad: bool, code: str, sentence: str, mend: str, subject: str = "") -> Finding:
    """What begins as a warning and has become an error if it is `bad`."""
    return (error if bad else warning)(code, sentence, mend, subject)


def read(engine: Engine) -> tuple[Finding, ...]:
    """What the watch found when it last looked, errors first, then the longest known."""
    table = FindingRow
    query = select(
        table.code,
        table.severity,
        table.sentence,
        table.mend,
        table.subject,
        table.since,
        table.provider,
    ).order_by(table.since, table.code, table.subject, table.provider)
    with engine.connect() as connection:
        found = [Finding(row.code, Severity(row.severity), *row[2:]) for row in connection.execute(query)]
    return errors_first(found)


def errors_first(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """The same, errors before warnings."""
    return tuple(sorted(found, key=lambda finding: finding.severity is not Severity.ERROR))


def replace(engine: Engine, code: str, found: Iterable[Finding], *, now: datetime) -> None:
    """Put these in place of what was found under this code. Writes only if something changed."""
    new = tuple(found)
    before = {finding.subject: finding for finding in read(engine) if finding.code == code}
    if {finding.subject: finding for finding in new} == {
        subject: dataclasses.replace(finding, since=None) for subject, finding in before.items()
    }:
        return
    with writing(engine) as connection:
        connection.execute(delete(FindingRow).where(FindingRow.code == code))
        for finding in new:
            known = before.get(finding.subject)
            connection.execute(insert(FindingRow).values(_row(finding, (known and known.since) or now)))


def store(engine: Engine, found: Iterable[Finding], *, now: datetime, sparing: Collection[str] = ()) -> None:
    """Put these in place of what was found before; what was known already keeps its `since`. Findings under
    the codes of `sparing` are somebody else's, and stay."""
    with writing(engine) as connection:
        table = FindingRow
        query = select(table.code, table.provider, table.subject, table.since)
        before = {(row.code, row.provider, row.subject): row.since for row in connection.execute(query)}
        connection.execute(delete(table).where(table.code.not_in(sparing)))
        now_found = {(finding.code, finding.provider, finding.subject): finding for finding in found}
        if now_found:
            connection.execute(
                insert(table),
                [_row(finding, before.get(key, now)) for key, finding in now_found.items()],
            )


def _row(finding: Finding, since: datetime) -> dict[str, object]:
    return {
        "code": finding.code,
        "provider": finding.provider,
        "subject": finding.subject,
        "severity": finding.severity.value,
        "sentence": finding.sentence,
        "mend": finding.mend,
        "since": since,
    }
