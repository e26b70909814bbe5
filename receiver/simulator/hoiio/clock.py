"""The provider's calendar: GMT+8, whatever the account's own zone (protocol: dates and time zones)."""

from datetime import date, datetime, timedelta, timezone

ZONE = timezone(timedelta(hours=8))


def written(moment: datetime) -> str:
    """A time as the provider writes it: `YYYY-MM-DD HH:MM:SS`, GMT+8."""
    return moment.astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S")


def day(moment: datetime) -> date:
    """The provider's date at this time."""
    return moment.astimezone(ZONE).date()
