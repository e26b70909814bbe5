"""Steps of calls and replies that failed: counted by reason, and a finding when they become many."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from receiver.answering import decisions
from receiver.answering.findings import REPLIES, STEPS
from receiver.answering.why import Cause, Why
from receiver.numbers import findings
from receiver.numbers.findings import warning

MANY = 3
"""Failed steps, or failed replies, within `WITHIN` that are a finding: one may be an accident."""
WITHIN = timedelta(hours=1)


class Reason(StrEnum):
    """Why a step failed."""

    REFUSED = "refused"
    """The provider refused it for good."""
    UNAVAILABLE = "unavailable"
    """The provider could not do it, however often it was asked."""
    SILENCE = "silence"
    """Nothing was heard of it in time."""
    LOST = "lost"
    """Where the call was could not be read, or its rules are not kept any more."""
    REPLY = "reply"
    """An SMS could not be answered, or perhaps not."""


class Failures:
    """Those of one process, since it began."""

    def __init__(self) -> None:
        self.counted: Counter[Reason] = Counter()
        self._lock = threading.Lock()

    def count(self, reason: Reason) -> None:
        """A step failed."""
        with self._lock:
            self.counted[reason] += 1


def look(engine: Engine, now: datetime) -> None:
    """Store whether much failed of late, in whichever process. Writes only if something changed."""
    for failed, finding in _FAILURES:
        found = [finding] if decisions.failed_since(engine, now - WITHIN, failed) >= MANY else []
        try:
            findings.replace(engine, finding.code, found, now=now)
        except IntegrityError:
            return  # another process has just stored the same


def _step(why: Why) -> bool:
    return why.cause is Cause.LOST or (why.cause is Cause.FAILURE and not why.detail)


def _reply(why: Why) -> bool:
    return why.cause in (Cause.NOT_SENT, Cause.PERHAPS_SENT)


_FAILURES = (
    (
        _step,
        warning(
            STEPS,
            "Several steps of calls failed within an hour: callers heard something else than they should.",
            "receiver calls --since 2h",
        ),
    ),
    (
        _reply,
        warning(
            REPLIES,
            "Several SMS got no reply within an hour, or perhaps none, although rules say that they should.",
            "receiver conversations --since 2h",
        ),
    ),
)
"""Which reasons are failures, and what is found when they are many."""
