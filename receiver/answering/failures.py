"""Steps of calls that could not be carried out: counted by reason, and a finding when they become many."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from receiver.answering import decisions
from receiver.answering.findings import STEPS
from receiver.numbers import findings
from receiver.numbers.findings import warning

MANY = 3
"""Failed steps within `WITHIN` that are a finding: one may be an accident."""
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
    """An SMS could not be answered."""


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
    """Store whether many steps failed of late, in whichever process. Writes only if something changed."""
    count = decisions.failed_since(engine, now - WITHIN)
    sentence = "Several steps of calls failed within an hour: callers heard something else than they should."
    found = [warning(STEPS, sentence, "receiver calls --since 2h")] if count >= MANY else []
    try:
        findings.replace(engine, STEPS, found, now=now)
    except IntegrityError:
        return  # another process has just stored the same
