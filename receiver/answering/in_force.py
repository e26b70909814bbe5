"""The rules in force: read from their file when it changes, in memory for whoever answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from receiver.answering import findings, kept
from receiver.answering.problems import WHOLE, Problem, RulesError
from receiver.answering.rules import Rules
from receiver.answering.switches import switched_on
from receiver.db.engine import Unreachable
from receiver.db.on_disk import OnDisk
from receiver.logs.log import get_logger
from receiver.vocabulary.job import Job

logger = get_logger(__name__)

LOOK = 1.0
"""Seconds between two looks at the file, which happen only when somebody asks."""
REFRESH = 2.0
"""Seconds between two looks at the database."""
_TOUCH = 3600.0
"""Seconds after which a version says again that it is in force."""

_MOST = 1024 * 1024
"""Bytes that are read: more than can be used."""

_RELATIVE = "; a relative RULES is looked for in the checkout"

_Stamp = tuple[int, int, int]


def read_file(path: Path) -> Rules:
    """The rules in the file that RULES names, or `RulesError`."""
    return load(read_text(path, named_by_rules=True), path.name)


def read_text(path: Path, *, named_by_rules: bool = False) -> str:
    """The text of a file, or `RulesError`."""
    try:
        with path.open("rb") as file:
            return file.read(_MOST).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        hint = _RELATIVE if isinstance(error, FileNotFoundError) and named_by_rules else ""
        raise RulesError(path.name, [Problem(WHOLE, f"{path} cannot be read: {reason}{hint}")]) from None


def load(text: str, name: str) -> Rules:
    """The rules in a text, or `RulesError`."""
    from receiver.answering import read  # noqa: PLC0415  # most commands read no rules

    return read.load(text, name)


def _readable(text: str, version: str) -> Rules | None:
    """The rules in a version that was kept; None if only an earlier release could read it."""
    try:
        return load(text, version)
    except RulesError:
        return None


class RulesInForce:
    """The rules of one process. Whoever answers calls asks only memory, and once a second the file's date.

    A file that cannot be used leaves the rules in force that were. Without `path` there are none. A copy in
    `directory` tells the switches to a process that starts while the database is away.
    """

    def __init__(
        self,
        path: Path | None,
        engine: Engine,
        directory: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._engine, self._clock = path, engine, clock
        self._switches_on_disk = OnDisk[frozenset[str]](
            directory / "switches.json",
            frozenset(),
            as_json=sorted,
            from_json=lambda read: frozenset(map(str, read)),
        )
        self._lock = Lock()
        self._looked_at = self._touched_at = float("-inf")
        self._stamp: _Stamp | None = None
        self._rules: Rules | None = None
        self._versions: dict[str, Rules | None] = {}
        self._texts: dict[str, str] = {}
        self._touched = ""
        self._cleared = False
        self.fault: RulesError | None = None
        """What is wrong with the file as it is now."""
        self.switches = frozenset() if path is None else self._switches_on_disk.read()
        """Those that are on, as they were when the database was last asked."""

    def require(self) -> None:
        """`RulesError` if the file cannot be used, and no version of before can stand in for it."""
        with suppress(SQLAlchemyError, Unreachable):
            self._read_versions()
        if self.current() is None and self.fault is not None:
            raise self.fault

    def current(self) -> Rules | None:
        """The rules for a call that comes in now; None if there are none."""
        if self._path is not None and self._clock() - self._looked_at >= LOOK:
            self._look(self._path)
        return self._rules

    def reread(self) -> None:
        """Read the file now, whatever its date says."""
        self._stamp = None
        if self._path is not None:
            self._look(self._path)

    def version(self, version: str) -> Rules | None:
        """The rules with which a call began; None if nobody knows them any more, or can read them."""
        if version not in self._versions and version not in self._texts and self._path is not None:
            self._look(self._path)  # another process may have seen a change first
        if version not in self._versions and version in self._texts:
            self._versions[version] = _readable(self._texts[version], version)
        return self._versions.get(version)

    def kept_version(self, version: str) -> Rules | None:
        """The same for those who may wait: it looks in the database, too."""
        if self._path is not None and version not in self._versions:
            self._read_versions()
        return self.version(version)

    def refresh(self) -> None:
        """What needs the database, away from all answers: switches, versions, findings."""
        if self._path is None:
            if not self._cleared:  # of a file that answered once
                findings.refresh(self._engine, None, None)
                self._cleared = True
            return
        self.switches = frozenset(switched_on(self._engine))
        self._switches_on_disk.keep(self.switches)
        self._read_versions()
        rules = self.current()
        if rules is not None and self.fault is None:
            self._keep(rules)
        findings.refresh(self._engine, rules, self.fault)

    def jobs(self) -> tuple[Job, ...]:
        """A look every other second in each process."""
        return (Job("rules", REFRESH, self.refresh, everywhere=True),)

    def _look(self, path: Path) -> None:
        with self._lock:
            self._looked_at = self._clock()
            try:
                found = path.stat()
                stamp: _Stamp | None = (found.st_mtime_ns, found.st_size, found.st_ino)
            except OSError:
                stamp = None
            if stamp is not None and stamp == self._stamp:
                return
            self._stamp = stamp
            try:
                self._put(read_file(path))
                self.fault = None
            except RulesError as error:
                if self.fault is None or self.fault.problems != error.problems:
                    logger.error("the rules file cannot be used", problems=len(error.problems))
                self.fault = error

    def _put(self, rules: Rules) -> None:
        if self._rules is None or self._rules.version != rules.version:
            logger.info("rules are in force", version=rules.version)
        self._versions[rules.version] = self._rules = rules

    def _read_versions(self) -> None:
        """What other processes and earlier ones had in force. The newest stands in for a file that is bad."""
        found = kept.versions(self._engine, [*self._texts, *self._versions])
        self._texts |= dict(found)
        if self.current() is not None:
            return
        for version, text in found:
            rules = _readable(text, version)
            if rules is not None:
                self._put(rules)
                return

    def _keep(self, rules: Rules) -> None:
        due = self._clock() - self._touched_at >= _TOUCH
        if self._touched == rules.version and not due:
            return
        try:
            kept.keep(self._engine, rules.version, rules.text, now=datetime.now(UTC))
        except IntegrityError:
            return  # another process has just kept it
        self._touched, self._touched_at = rules.version, self._clock()
