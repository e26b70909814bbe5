"""The zone of this machine, with all its changes of offset."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo


class Local(tzinfo):
    """What the system says of each moment, by `TZ` or /etc/localtime: not today's offset for every day."""

    def utcoffset(self, when: datetime | None) -> timedelta | None:
        return None if when is None else when.replace(tzinfo=None).astimezone().utcoffset()

    def tzname(self, when: datetime | None) -> str | None:
        return None if when is None else when.replace(tzinfo=None).astimezone().tzname()

    def dst(self, when: datetime | None) -> timedelta | None:
        return None

    def fromutc(self, when: datetime) -> datetime:
        there = when.replace(tzinfo=UTC).astimezone()
        here = there.replace(tzinfo=self)
        # An hour that the clock shows twice: the second time.
        return here if here.utcoffset() == there.utcoffset() else here.replace(fold=1)


LOCAL = Local()
