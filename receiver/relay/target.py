"""A target as a value: where events go that a search finds."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Engine, select

from receiver.models import TargetRow
from receiver.search.query import Search
from receiver.vocabulary.mask import masked_number


class TargetSort(StrEnum):
    """What stands at the other end."""

    WEBHOOK = "webhook"
    EMAIL = "email"
    CHAT = "chat"
    HANDLER = "handler"
    """A function in the owner's own module."""


class TargetState(StrEnum):
    """How a target stands, in words that anybody understands."""

    ACTIVE = "active"
    PAUSED = "paused"
    """Somebody, or the other side, wants nothing for now. What arrives waits."""
    FAILING = "failing"
    """The last attempts failed one after the other. It is tried again and again, at longer and longer
    intervals; what arrives waits."""


_BY = "by "
"""How a reason begins that a person gave."""
_NUMBER = re.compile(r"\+?[0-9]{7,}")
FAILING_AFTER = 5
"""Failures in a row that open the breaker."""


@dataclass(frozen=True, slots=True)
class Target:
    """One target. `settings` holds secrets: show `receiver.relay.sorts.shown` instead."""

    id: int
    name: str
    sort: TargetSort
    search: Search
    settings: Mapping[str, Any] = field(repr=False)
    ordered: bool
    after_id: int
    created_at: datetime
    created_by: str
    paused_at: datetime | None
    paused_why: str | None
    failures: int
    failing_since: datetime | None
    failure: str | None
    blocked_until: datetime | None
    delivered_at: datetime | None

    @property
    def state(self) -> TargetState:
        if self.paused_at is not None:
            return TargetState.PAUSED
        return TargetState.FAILING if self.failures >= FAILING_AFTER else TargetState.ACTIVE

    @property
    def label(self) -> str:
        """Its name for labels and sentences that monitoring keeps: a number in it is masked."""
        masked = _NUMBER.sub(lambda found: masked_number(found[0]), self.name)
        return self.name if masked == self.name else f"{masked} ({self.id})"

    @property
    def paused_by_person(self) -> bool:
        """Whether a person paused it, and not the other side."""
        return self.paused_at is not None and (self.paused_why or "").startswith(_BY)

    @property
    def types(self) -> frozenset[str]:
        """The types of event that it takes, whatever is searched for; empty for all."""
        return frozenset(self.settings.get("types", ()))

    @classmethod
    def of(cls, row: TargetRow | Any) -> Target:
        """The target that a row of the table describes."""
        return cls(
            id=row.id,
            name=row.name,
            sort=TargetSort(row.sort),
            search=Search.parse(row.search),
            settings=json.loads(row.settings),
            ordered=row.ordered,
            after_id=row.after_id,
            created_at=row.created_at,
            created_by=row.created_by,
            paused_at=row.paused_at,
            paused_why=row.paused_why,
            failures=row.failures,
            failing_since=row.failing_since,
            failure=row.failure,
            blocked_until=row.blocked_until,
            delivered_at=row.delivered_at,
        )


def all_targets(engine: Engine) -> list[Target]:
    """All of them, by name."""
    with engine.connect() as connection:
        found = connection.execute(select(TargetRow.__table__).order_by(TargetRow.name))
        return [Target.of(row) for row in found]


def paused_by(who: str, why: str = "") -> str:
    """The reason as it is kept, of a pause that a person wants."""
    return f"{_BY}{who}: {why}" if why else f"{_BY}{who}"
