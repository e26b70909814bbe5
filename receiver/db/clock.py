"""Whether the clock can be believed, by a heartbeat of ours in the database.

A clock that jumps ahead makes everything look old: events past their retention, keys past their grace time.
The service therefore writes down every minute what time it is. If the clock is suddenly far beyond the last
heartbeat, it is doubted, and nothing is deleted for its sake, until a person says that it is right, it goes
back, or the new time has lasted for days. A heartbeat and not the newest event, since a log can be quiet.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, func, insert, select, update

from receiver.db.engine import writing
from receiver.logs.log import get_logger
from receiver.models import EVENTS, JobState, UtcTime

logger = get_logger(__name__)

LEAP = timedelta(days=1)
"""A clock this far beyond the last heartbeat is doubted. So is one after the service stood still for so long:
nothing that we have tells the two apart."""
STEADY = timedelta(days=3)
"""For how long a new time must last, heartbeat after heartbeat, to be believed without a person's word."""
_NAME = "clock"
"""Its row among the jobs: `ran_at` is the last heartbeat, `due_at` when that time is believed."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why the clock is not believed now."""

    heartbeat: datetime
    """The last one; a moment ago, if the service runs."""
    until: datetime
    """When it will be believed, if it goes on like this."""

    @property
    def sentence(self) -> str:
        """What is wrong, for a person."""
        if datetime.now(UTC) - self.heartbeat > LEAP:
            return f"The clock jumped ahead, or the service has stood still since {_shown(self.heartbeat)}."
        return f"The clock jumped ahead. It is believed again on {_shown(self.until)} if it goes on steadily."


def beat(engine: Engine) -> Doubt | None:
    """Write down what time it is; whether that can be believed. To be called every minute."""
    with writing(engine) as connection:
        now = datetime.now(UTC)
        before = _read(connection)
        # The first heartbeat of this log: its events are all there is to judge by.
        newest = connection.scalar(select(func.max(EVENTS.c.received_at, type_=UtcTime)))
        last, believed = before or (newest or now, now)
        doubt = _judge(last, believed, now)
        _write(connection, now, doubt.until if doubt else now, new=before is None)
    if doubt and now - last > LEAP:
        logger.error(
            "the clock jumped ahead, nothing is deleted because of its age",
            last=last.isoformat(timespec="seconds"),
            now=now.isoformat(timespec="seconds"),
            believed_from=doubt.until.isoformat(timespec="seconds"),
            confirm="receiver events prune --trust-clock",
        )
    elif before and believed > last and not doubt:
        logger.warning("the clock is believed again", now=now.isoformat(timespec="seconds"))
    return doubt


def doubt_of(engine: Engine) -> Doubt | None:
    """Why the clock is not believed now, or None if it is. Changes nothing."""
    with engine.connect() as connection:
        before = _read(connection)
    return _judge(*before, datetime.now(UTC)) if before else None


def trust(engine: Engine) -> None:
    """Believe the clock as it is: a person has looked at it."""
    with writing(engine) as connection:
        now = datetime.now(UTC)
        _write(connection, now, now, new=_read(connection) is None)
    logger.info("the clock is believed: somebody confirmed it", now=now.isoformat(timespec="seconds"))


def _judge(last: datetime, believed: datetime, now: datetime) -> Doubt | None:
    if now - last > LEAP:
        return Doubt(last, now + STEADY)
    # Further off than a doubt lasts: it was raised in a time from which the clock has come back.
    return Doubt(last, believed) if now < believed <= now + STEADY else None


def _read(connection: Connection) -> tuple[datetime, datetime] | None:
    query = select(JobState.ran_at, JobState.due_at).where(JobState.name == _NAME)
    row = connection.execute(query).one_or_none()
    return None if row is None or row.ran_at is None else (row.ran_at, row.due_at)


def _write(connection: Connection, now: datetime, believed: datetime, *, new: bool) -> None:
    values = {"ran_at": now, "due_at": believed}
    if new:
        connection.execute(insert(JobState).values(name=_NAME, **values))
    else:
        connection.execute(update(JobState).where(JobState.name == _NAME).values(values))


def _shown(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"
