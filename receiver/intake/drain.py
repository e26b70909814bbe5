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
    """The writing thread takes a step between its batches, and only while the spool holds something: a disk
    that hangs holds up whoever reads from it. So it is the spooling thread that looks whether it does."""

    def __init__(self, spool: Spool, writer: EventWriter) -> None:
        self._spool = spool
        self._writer = writer
        self._looked_at = 0.0
        self._moved = 0
        self._told_at = 0.0
        self.may_have_work = False
        """Whether the next step looks into the spool. Both threads set it, after something was put or found
        there; only the writing thread clears it, before it looks itself."""

    def look(self) -> bool:
        """For the spooling thread: whether something was found in the spool, looked at now and then. May wait
        for its disk."""
        now = time.monotonic()
        if now - self._looked_at < LOOK_AT_SPOOL:
            return False
        self._looked_at = now
        try:
            found = self._spool.waits()
        except Exception as error:  # whatever it is, callbacks need the thread that looks
            reason = error if isinstance(error, SpoolError) else type(error).__name__
            logger.error("cannot look into the spool", reason=reason)
            return False
        if found:
            self.may_have_work = True
        return found

    def step(self) -> None:
        """For the writing thread: move the oldest few, if there are any. A live callback waits behind no more
        than that.

        Raises what `EventWriter.write` raises when the database fails; they stay in the spool then.
        """
        if not self.may_have_work:
            return
        self.may_have_work = False
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
        now = time.monotonic()
        if self._moved and (not drained or now - self._told_at >= TELL_EVERY):
            logger.warning("moved callbacks from the spool into the database", callbacks=self._moved)
            self._moved, self._told_at = 0, now
