"""Who was answered when, in memory: once per sender and period, whichever process takes the SMS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from receiver.answering import decisions
from receiver.answering.rules import Rules

_OVERLAP = timedelta(minutes=1)
"""What others wrote may become visible later than it was decided."""


@dataclass(frozen=True, slots=True)
class Replied:
    """An answer that was given."""

    at: datetime
    reference: str
    """Of the SMS that it answers."""


class Replies:
    """Those of one process, and those of others as far as they were read."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._last: dict[tuple[str, str], Replied] = {}
        self._read_for = timedelta()
        self._read_at: datetime | None = None

    def last(self, number: str, sender: str) -> Replied | None:
        """When this sender was last answered by this number."""
        return self._last.get((number, sender))

    def remember(self, number: str, sender: str, replied: Replied) -> None:
        """An answer is given."""
        before = self._last.get((number, sender))
        if before is None or before.at <= replied.at:
            self._last[number, sender] = replied

    def forget(self, number: str, sender: str, reference: str) -> None:
        """The answer to this SMS was not given after all."""
        last = self._last.get((number, sender))
        if last is not None and last.reference == reference:
            self._last.pop((number, sender), None)

    def refresh(self, rules: Rules, now: datetime) -> None:
        """Read what others answered, and forget what no period of the rules reaches back to."""
        longest = max((rule.every for one in rules.numbers.values() for rule in one.sms), default=timedelta())
        if not longest:
            return
        newly = self._read_at is None or longest > self._read_for
        since = now - longest if newly or self._read_at is None else self._read_at - _OVERLAP
        for number, sender, at, reference, given in decisions.replies_since(self._engine, since):
            if given:
                self.remember(number, sender, Replied(at, reference))
            else:
                self.forget(number, sender, reference)
        self._read_at, self._read_for = now, longest
        for ends, replied in list(self._last.items()):
            if now - replied.at > longest:
                self._last.pop(ends, None)
