"""What a batch of events adds to the counts, and the statements that add it."""

# ruff: noqa: S608  # SQL is put together from our own words; values are always bound

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import TextClause, bindparam, text

from receiver.models import UtcTime


def hour_of(when: datetime) -> datetime:
    """The beginning of its hour, in UTC."""
    return when.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


@dataclass(slots=True)
class Additions:
    """What a batch of events adds to the counts."""

    hours: dict[datetime, list[int]] = field(default_factory=dict)
    by_hour: Counter[tuple[datetime, str, str, str]] = field(default_factory=Counter)
    by_number: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    last: dict[str, int] = field(default_factory=dict)
    """The newest event's id, by number."""
    conversations: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def add(self, event: Any) -> None:
        hour = hour_of(event.received_at)
        span = self.hours.setdefault(hour, [event.id, event.id])
        span[0], span[1] = min(span[0], event.id), max(span[1], event.id)
        if event.quarantine is not None:
            return
        number = event.recipient or ""
        self.last[number] = max(self.last.get(number, 0), event.id)
        self.by_hour[hour, event.kind, event.type, number] += 1
        self.by_number[number, event.kind, event.type] += 1
        if event.type == "sms.received" and event.sender is not None and event.recipient is not None:
            held = self.conversations.setdefault((event.recipient, event.sender), [0, 0])
            held[0], held[1] = held[0] + 1, max(held[1], event.id)

    def rows(self, sign: int = 1) -> list[list[dict[str, Any]]]:
        """What to add to each table, in the order of `ADD`; with sign -1, to subtract."""
        return [
            [{"hour": hour, "low": low, "top": top} for hour, (low, top) in self.hours.items()],
            [
                {"hour": hour, "kind": kind, "type": type_, "number": number, "events": sign * events}
                for (hour, kind, type_, number), events in self.by_hour.items()
            ],
            [
                {"number": number, "kind": kind, "type": type_, "events": sign * events}
                for (number, kind, type_), events in self.by_number.items()
            ],
            [
                {"number": number, "sender": sender, "messages": sign * messages, "newest": newest}
                for (number, sender), (messages, newest) in self.conversations.items()
            ],
        ]


def _additions(least: str, most: str) -> list[TextClause]:
    hour = bindparam("hour", type_=UtcTime)
    return [
        text(
            "INSERT INTO hours (hour, first_id, last_id) VALUES (:hour, :low, :top)"
            f" ON CONFLICT (hour) DO UPDATE SET first_id = {least}(hours.first_id, excluded.first_id),"
            f" last_id = {most}(hours.last_id, excluded.last_id)"
        ).bindparams(hour),
        text(
            "INSERT INTO hour_counts (hour, kind, type, number, events)"
            " VALUES (:hour, :kind, :type, :number, :events)"
            " ON CONFLICT (hour, kind, type, number) DO UPDATE"
            " SET events = hour_counts.events + excluded.events"
        ).bindparams(hour),
        text(
            "INSERT INTO number_counts (number, kind, type, events) VALUES (:number, :kind, :type, :events)"
            " ON CONFLICT (number, kind, type) DO UPDATE SET events = number_counts.events + excluded.events"
        ),
        text(
            "INSERT INTO conversations (number, sender, messages, last_id)"
            " VALUES (:number, :sender, :messages, :newest) ON CONFLICT (number, sender) DO UPDATE"
            " SET messages = conversations.messages + excluded.messages,"
            f" last_id = {most}(conversations.last_id, excluded.last_id)"
        ),
    ]


ADD = {"sqlite": _additions("min", "max"), "postgresql": _additions("least", "greatest")}
"""By dialect, what adds the rows of `Additions.rows` to their tables, in that order."""
