"""Months, by which numbers are billed."""

import calendar
from datetime import date


def months_later(start: date, months: int) -> date:
    """The same day some months later, or the last day of that month if it is shorter."""
    years, month_index = divmod(start.month - 1 + months, 12)
    year, month = start.year + years, month_index + 1
    return date(year, month, min(start.day, calendar.monthrange(year, month)[1]))
