"""The provider's calendar: GMT+8, whatever the account's own zone (protocol: dates and time zones)."""

import calendar
from datetime import date, datetime, timedelta, timezone

ZONE = timezone(timedelta(hours=8))


def written(moment: datetime) -> str:
    """A time as the provider writes it: `YYYY-MM-DD HH:MM:SS`, GMT+8."""
    return moment.astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S")


def day(moment: datetime) -> date:
    """The provider's date at this time."""
    return moment.astimezone(ZONE).date()


def months_later(start: date, months: int) -> date:
    """The same day some months later, or the last day of that month if it is shorter."""
    years, month_index = divmod(start.month - 1 + months, 12)
    year, month = start.year + years, month_index + 1
    return date(year, month, min(start.day, calendar.monthrange(year, month)[1]))
