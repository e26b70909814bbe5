"""The daily look at the SQLite file, and what it found: told to whoever asks, and kept as a finding."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from receiver.db.failure import reason_of
from receiver.db.integrity import damage
from receiver.logs.log import get_logger
from receiver.models import JobState
from receiver.numbers import findings
from receiver.numbers.findings import Finding, error
from receiver.vocabulary.job import Job
from receiver.vocabulary.printable import sentence

logger = get_logger(__name__)

EVERY = 24 * 3600.0
"""Seconds between two looks at the whole file."""
SHARE = 0.3
"""The share of its time that a look in the background spends reading."""
DAMAGED = "database-damaged"
RECOVER = (
    "Stop the service. Put a backup back with `receiver db restore FILE`; or save what can be read with "
    "`sqlite3 {path} .recover | sqlite3 new.db`, and restore that."
)
_NAME = "integrity"
_TOLD_EVERY = 60.0


class Whole(StrEnum):
    """What is known of the file."""

    OK = "ok"
    DAMAGED = "damaged"


class Integrity:
    """What the last look found. Of PostgreSQL, which looks after itself, nothing is known here."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._found: str | None = None
        self.known: Whole | None = None
        """None if nobody has looked yet, or could."""

    def jobs(self) -> tuple[Job, ...]:
        """Looking once a day, in one process; and learning what was found, in each."""
        if self._engine.dialect.name != "sqlite":
            return ()
        return (
            Job(_NAME, EVERY, self.look),
            Job("integrity-known", _TOLD_EVERY, self.refresh, everywhere=True),
        )

    def look(self) -> None:
        """Look at the whole file, and keep what was found."""
        self._found = damage(self._engine, lambda took: time.sleep(took * (1 - SHARE) / SHARE))
        self.known = Whole.DAMAGED if self._found else Whole.OK
        if self._found is not None:
            logger.critical("the database file is damaged", found=self._found, see="receiver doctor")
        keep(self._engine, self._found)

    def refresh(self) -> None:
        """Learn what another process found, or this one before it was restarted."""
        query = select(JobState.ran_at, JobState.failure).where(JobState.name == _NAME)
        with self._engine.connect() as connection:
            job = connection.execute(query).one_or_none()
        looked = job is not None and job.ran_at is not None and job.failure is None
        if self._found is not None or kept(self._engine):
            self.known = Whole.DAMAGED
        else:
            self.known = Whole.OK if looked else None


def finding(engine: Engine, found: str) -> Finding:
    """What somebody has to know about a damaged file."""
    said = sentence(f"The database file is damaged: {found}")
    return error(DAMAGED, said, RECOVER.format(path=engine.url.database))


def keep(engine: Engine, found: str | None) -> None:
    """Keep this as a finding, or that there is none. If the file is too damaged for that, the log says so."""
    try:
        new = [] if found is None else [finding(engine, found)]
        findings.replace(engine, DAMAGED, new, now=datetime.now(UTC))
    except SQLAlchemyError as problem:
        if found is not None:
            logger.warning("cannot store what is known of the database file", reason=reason_of(problem))


def kept(engine: Engine) -> tuple[Finding, ...]:
    """The finding of the last look, if it found damage."""
    return tuple(one for one in findings.read(engine) if one.code == DAMAGED)
