"""The tables. Times are aware UTC, phone numbers and references are text, raw requests are bytes."""

from receiver.models.base import Base, Id, Lines, Money, UtcTime
from receiver.models.events import Event, Repeat
from receiver.models.jobs import JobState

__all__ = ["Base", "Event", "Id", "JobState", "Lines", "Money", "Repeat", "UtcTime"]
