"""Would a callback that arrives now be held? Tried at most once a second, however many ask."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from receiver.intake.admission import Admission
from receiver.intake.recorder import Recorder
from receiver.intake.ticket import Outcome
from receiver.vocabulary.kinds import Kind

SHARED = 1.0
"""Seconds for which what a probe found is told to all who ask."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What a probe found."""

    database: bool
    spool: bool
    quarantine_full: bool

    @property
    def held_by(self) -> str | None:
        """What would hold a callback."""
        return "database" if self.database else "spool" if self.spool else None


class Readiness:
    """Safe to use from any thread."""

    def __init__(self, recorder: Recorder, admission: Admission) -> None:
        self._recorder = recorder
        self._admission = admission
        self._probing = threading.Lock()
        self._found: tuple[float, object, bool, bool] | None = None

    def known(self) -> Ready | None:
        """What was found within the last second; None if it is older, or if a callback fared otherwise."""
        if self._found is None:
            return None
        at, seen, database, spool = self._found
        if time.monotonic() - at >= SHARED or seen != self._seen():
            return None
        return Ready(database, spool, self._admission.full)

    def find_out(self) -> Ready:
        """The same, by a probe if need be. Blocks, at most for the deadline of a commit and two moments."""
        with self._probing:
            known = self.known()
            if known is not None:
                return known
            seen = self._seen()
            database, spool = self._recorder.probe_database(), self._recorder.probe_spool()
            self._found = (time.monotonic(), seen, database, spool)
        return Ready(database, spool, self._admission.full)

    def _seen(self) -> tuple[bool, int]:
        """What changes when callbacks begin to fare otherwise than the last probe did."""
        settled = self._recorder.counters.callbacks
        return self._recorder.failing, sum(settled[kind.value, Outcome.FAILED.value] for kind in Kind)
