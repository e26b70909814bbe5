"""What a check is, and what it is given to look at."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sqlalchemy import Engine

from config import Config
from receiver.answering.in_force import RulesInForce
from receiver.background.inspection import Inspection
from receiver.background.watch import Watch
from receiver.intake.spool import Spool
from receiver.keys.ring import KeyRing
from receiver.numbers import known as numbers
from receiver.numbers.findings import Finding
from receiver.numbers.known import Known
from receiver.providers.base import Provider
from receiver.providers.registry import configured
from receiver.setup.journal import Journal

Say = Callable[[str], None]


@dataclass
class Patient:
    """The installation that is examined."""

    config: Config
    engine: Engine
    spool: Spool
    ring: KeyRing
    watch: Watch
    rules: RulesInForce
    journal: Callable[[Provider], Journal]
    env_file: Path | None = None
    """The file with settings that was named, if one was."""

    @property
    def providers(self) -> tuple[Provider, ...]:
        """Those whose numbers are looked after."""
        return configured(self.config)

    @cached_property
    def inspection(self) -> Inspection:
        """What the watch finds. The provider is asked once, however many checks want to know."""
        return self.watch.look()

    @cached_property
    def known(self) -> Known:
        """What is known of the numbers after that look."""
        _ = self.inspection
        return numbers.read(self.engine)


@dataclass(frozen=True)
class Check:
    """One thing that the doctor looks at."""

    name: str
    look: Callable[[Patient, list[Finding]], str]
    """Adds what is wrong to the list. Returns in a few words how it is otherwise."""
    mend: Callable[[Patient, Say], None] | None = None
    """Does what is safe and tells what it did. May spend nothing and lose nothing."""
    without_database: bool = False
    """Whether this can be looked at while the database cannot be used."""
    concerns: Callable[[Patient], bool] = lambda _: True
    """Whether an installation has such a thing at all. Without it the report has no area for it."""
    afresh: Collection[str] = ()
    """Codes of stored findings that this looks at itself: what is stored of them may be older."""
