"""The process that works after the answer: plans deliveries, sends them, and whatever else is slow.

Any number may run, on any number of machines: what they share is in the database. One that dies leaves
leases, which end by themselves.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from receiver.archive.archivist import Archivist
from receiver.logs.log import get_logger, without_words
from receiver.relay import findings
from receiver.relay.handlers.keeper import Keeper
from receiver.relay.need import work_is_needed
from receiver.relay.planner import Planner
from receiver.relay.replay import Replays
from receiver.relay.runner import Runner
from receiver.relay.sender import Surroundings
from receiver.relay.sorts import SORTS
from receiver.relay.target import all_targets

logger = get_logger(__name__)

LOOK_AT_LOG = 0.1
"""Seconds between looks for new events."""
LOOK_AT_TARGETS = 1.0
LOOK_FOR_FINDINGS = 5.0
LONGEST_STOP = 10.0
"""Seconds at the end for what is under way."""


@dataclass(slots=True)
class _Running:
    runner: Runner
    made_from: tuple[Any, ...]


class Worker:
    """All that one process does after the answer."""

    def __init__(self, around: Surroundings, *, idle: float | None = None) -> None:
        """`idle` is after how many seconds without anything to do it ends by itself."""
        self._around = around
        self._idle = idle
        self._needed = time.monotonic()
        self._engine = around.engine
        self._planner = Planner(around.engine)
        self._replays = Replays(around.engine)
        self._keeper = Keeper(around)
        self._name = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
        self._runners: dict[int, _Running] = {}
        # No Event: a signal handler that sets one while the main thread waits for it may wait for its lock.
        self._stopping = False
        self.broken = False
        """Whether it ended because a part of it had. Another process can do that part."""

    def run(self) -> bool:
        """Work until `stop` is called; then end what is under way. Whether all of that has ended."""
        self._keeper.start()
        stopping = threading.Event()
        archivist = threading.Thread(
            target=Archivist.of(self._around.config, self._engine).run_forever,
            args=(stopping,),
            name="archivist",
        )
        archivist.start()
        looked = noted = float("-inf")
        failing = False
        while not self._stopping and archivist.is_alive():
            try:
                if time.monotonic() - looked >= LOOK_AT_TARGETS:
                    looked = time.monotonic()
                    self._look_at_targets()
                    if self._is_idle():
                        self._stopping = True
                more = self._plan()
                if time.monotonic() - noted >= LOOK_FOR_FINDINGS:
                    noted = time.monotonic()
                    findings.refresh(self._engine)
                failing = False
            except SQLAlchemyError as error:
                if not failing:
                    logger.warning("deliveries wait for the database", error=type(error).__name__)
                failing, more = True, False
                time.sleep(1.0)
            except Exception as error:  # ours to mend, and no reason to deliver nothing any more
                logger.error("planning failed unexpectedly", exception=without_words(error))
                more = False
                time.sleep(1.0)
            if not more:
                time.sleep(LOOK_AT_LOG)
        self.broken = not archivist.is_alive()
        if self.broken:
            logger.error("nothing is archived any more, so this process ends")
        stopping.set()
        self._keeper.stop()
        ended = self._end(list(self._runners.values()))
        archivist.join(LONGEST_STOP)
        return ended and not archivist.is_alive()

    def stop(self) -> None:
        """May be called from a signal handler or another thread."""
        self._stopping = True

    def _is_idle(self) -> bool:
        if self._idle is None or work_is_needed(self._around.config, self._engine):
            self._needed = time.monotonic()
            return False
        return time.monotonic() - self._needed > self._idle

    def _plan(self) -> bool:
        """One step of each sort; whether to go on at once.

        What came meanwhile is no reason: under load a few always did, steps of a few make claims and
        settlements of a few, and all of these hold SQLite's lock nearly as long as large ones.
        """
        steps = [self._planner.plan(), *self._replays.step()]
        for target_id in {target_id for step in steps for target_id in step.targets}:
            if running := self._runners.get(target_id):
                running.runner.wake()
        return any(step.full for step in steps)

    def _look_at_targets(self) -> None:
        """Run what is there, anew if it was changed; end what is gone or paused."""
        targets = [target for target in all_targets(self._engine) if target.paused_at is None]
        known = {target.id for target in targets}
        ended = [self._runners.pop(gone) for gone in self._runners.keys() - known]
        for target in targets:
            made_from = (target.sort, dict(target.settings))
            running = self._runners.get(target.id)
            if running is not None and running.made_from == made_from:
                continue
            if running is not None:
                ended.append(running)
            sort = SORTS[target.sort]
            sender = sort.sender(target, self._around)
            lanes = target.settings.get("lanes", sort.lanes)
            runner = Runner(self._engine, target.id, sender, worker=self._name, lanes=lanes)
            self._runners[target.id] = _Running(runner, made_from)
            runner.start()
        for one in ended:
            one.runner.stop()

    def _end(self, running: list[_Running]) -> bool:
        for one in running:
            one.runner.stop()
        until = time.monotonic() + LONGEST_STOP
        ended = [one.runner.join(max(0.0, until - time.monotonic())) for one in running]
        return all(ended)
