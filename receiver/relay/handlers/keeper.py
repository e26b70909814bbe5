"""Keeps a target for each handler in the owner's module, and notices when the module changes."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from receiver.handlers.load import LoadError
from receiver.logs.log import get_logger, without_words
from receiver.relay.handlers.learn import Learned, learn
from receiver.relay.sender import Surroundings, TargetError
from receiver.relay.target import Target, TargetSort
from receiver.relay.targets import Targets, UnknownTarget
from receiver.settings.files import CHECKOUT

logger = get_logger(__name__)

LOOK = 2.0
"""Seconds between looks whether a file has changed."""
GONE = "no such function any more"
"""Why a target is paused whose handler is gone. If it comes back, the target is resumed."""

_BY = "handlers"
"""Who did it, on the record."""


class Keeper:
    """A thread of its own: however long loading the module takes, deliveries go on."""

    def __init__(self, around: Surroundings) -> None:
        self._where = around.config.handlers
        self._targets = Targets(around)
        self._files: set[Path] = set()
        self._stamps: dict[Path, tuple[int, int] | None] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="handlers", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._look()
            except SQLAlchemyError as error:
                self._stamps = None  # look again
                logger.warning("targets of handlers wait for the database", error=type(error).__name__)
            except Exception as error:  # ours to mend, and no reason to notice no change any more
                logger.error("the handlers could not be learned", exception=without_words(error))
            self._stop.wait(LOOK)

    def _look(self) -> None:
        """Learn the handlers anew, if there may be a change."""
        if self._stamps is not None and self._stamps == _stamps(self._files):
            return
        if self._where is None:
            self._stamps = {}
            keep_targets(self._targets, ())
            return
        self._files = {Path(self._where)} if self._where.endswith(".py") else set()
        before = _stamps(self._files)
        try:
            found = learn(self._where)
        except LoadError as error:
            logger.error("the handlers cannot be loaded", error=error.what, file=error.file, line=error.line)
            self._files.add(CHECKOUT / error.file)
        else:
            self._files |= {Path(one.file) for one in found}
            keep_targets(self._targets, found)
        self._stamps = _stamps(self._files) | before


def keep_targets(targets: Targets, found: Sequence[Learned]) -> None:
    """Make, change, pause and resume the targets so that they are as the handlers say."""
    there = {one.settings["function"]: one for one in targets.all() if one.sort is TargetSort.HANDLER}
    for handler in found:
        try:
            _keep(targets, handler, there.pop(handler.name, None))
        except TargetError as error:
            logger.error("a handler cannot have a target", handler=handler.name, error=str(error))
    for target in there.values():
        with suppress(UnknownTarget):  # somebody has removed it meanwhile
            targets.withhold(str(target.id), GONE, by=_BY)


def _keep(targets: Targets, handler: Learned, target: Target | None) -> None:
    search, settings = handler.target_search(), handler.settings()
    if target is None:
        targets.add(
            handler.name,
            TargetSort.HANDLER,
            {},
            settings=settings,
            search=search,
            ordered=handler.ordered,
            by=_BY,
        )
        return
    if (str(target.search), target.settings, target.ordered) != (search, settings, handler.ordered):
        targets.change(str(target.id), settings=settings, search=search, ordered=handler.ordered, by=_BY)
    if target.paused_why == GONE:
        targets.resume(str(target.id), by=_BY)


def _stamps(files: set[Path]) -> dict[Path, tuple[int, int] | None]:
    """What changes when a file does."""
    found: dict[Path, tuple[int, int] | None] = {}
    for file in files:
        try:
            said = os.stat(file)  # noqa: PTH116  # one call for both
        except OSError:
            found[file] = None
        else:
            found[file] = said.st_mtime_ns, said.st_size
    return found
