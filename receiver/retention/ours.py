"""Releasing by itself what was quarantined only because its number was not known yet."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Engine, select

from receiver.intake.admission import Admission
from receiver.intake.arrival import Whose
from receiver.logs.log import get_logger
from receiver.models import EVENTS
from receiver.retention.quarantine import release
from receiver.vocabulary.distrust import NOT_OURS
from receiver.vocabulary.job import Job

logger = get_logger(__name__)

OUT_OF_ORDER = 10_000
"""Ids among which one may appear after a higher one: PostgreSQL gives them out before it commits."""
_WHOSE = [EVENTS.c[name] for name in Whose._fields]


class OursReleased:
    """Judges each such event once for each list of our numbers, by the rule that held it on arrival."""

    def __init__(self, engine: Engine, admission: Admission) -> None:
        self._engine = engine
        self._admission = admission
        self._ours: Mapping[str, frozenset[str]] = {}
        self._judged = 0
        """The highest id up to which none is ours."""

    def jobs(self) -> tuple[Job, ...]:
        """Releasing, in one process."""
        return (Job("release-ours", 15, self.release),)

    def release(self) -> None:
        """Release the events whose number is known to be ours now."""
        ours = self._admission.ours
        if not ours:
            return
        if ours != self._ours:
            self._ours, self._judged = ours, 0
        held = EVENTS.c.quarantine == NOT_OURS
        new = select(EVENTS.c.id, EVENTS.c.provider, *_WHOSE).where(held, EVENTS.c.id > self._judged)
        ids, newest = [], 0
        with self._engine.connect() as connection:
            for event, provider, *whose in connection.execute(new.execution_options(yield_per=1000)):
                newest = max(newest, event)
                if provider in ours and not Whose(*whose).another(ours[provider]):
                    ids.append(event)
        if ids:
            done = release(self._engine, ids, who="receiver", why="the number became known", undoable=False)
            if done.released:
                logger.warning("released events whose number is known to be ours now", events=done.released)
        self._judged = max(self._judged, newest - OUT_OF_ORDER)
