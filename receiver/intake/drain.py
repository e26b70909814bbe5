"""The drain: moves callbacks from the spool into the database, in small steps."""

from __future__ import annotations

import time

from receiver.intake.spool import Spool, SpoolError
from receiver.intake.writer import EventWriter
from receiver.logs.log import get_logger

logger = get_logger(__name__)

LOOK_AT_SPOOL = 5.0
"""Seconds between looks at the spool for what another process left there."""
TELL_EVERY = 1.0
"""Seconds between two log lines about what was moved; each counts those since the last."""


class Drain:
    """Used by the writing thread between its batches."""

    def __init__(self, spool: Spool, writer: EventWriter) -> None:
        self._spool = spool
        self._writer = writer
        self._looked_at = 0.0
        self._moved = 0
        self._told_at = 0.0
        self.may_have_work = True
        """Whether the next step looks into the spool at once. Set it after something was put there."""

    def step(self) -> None:
        """Move the oldest few, if there are any: a live callback waits behind no more than that.

        Raises what `EventWriter.write` raises when the database fails; they stay in the spool then.
        """
        now = time.monotonic()
        if not self.may_have_work and now - self._looked_at < LOOK_AT_SPOOL:
            return
        self._looked_at, self.may_have_work = now, False
        try:
            drained = self._spool.drain(self._writer)
        except SpoolError as error:  # says nothing about the database, which may be as good as ever
            logger.error("cannot drain the spool", reason=error)
            return
        except Exception:
            self.may_have_work = True
            raise
        if drained:
            self.may_have_work = True
            self._moved += drained.moved
        if self._moved and (not drained or now - self._told_at >= TELL_EVERY):
            logger.warning("moved callbacks from the spool into the database", callbacks=self._moved)
            self._moved, self._told_at = 0, now
