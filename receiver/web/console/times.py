"""How times are shown on a page: template filters, in the zone of the visitor's browser."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import request
from markupsafe import Markup


def zone() -> tzinfo:
    """The time zone of this browser, from a cookie; UTC without it."""
    name = request.cookies.get("zone", "")
    if not name or len(name) > 64 or name.startswith(("/", ".")):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def zone_name() -> str:
    """The time zone of this page, in words."""
    here = datetime.now(zone())
    offset = f"{here:%z}"
    return "UTC" if zone() is UTC else f"{zone()} (UTC{offset[:3]}:{offset[3:]})"


def moment(value: str | datetime | None) -> datetime | None:
    """A time of a document, in the visitor's time zone."""
    if value is None or value == "":
        return None
    when = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return when.astimezone(zone())


def clock(value: str | datetime | None, seconds: bool = True) -> Markup:
    """A time to the second, with the day unless it is today."""
    when = moment(value)
    if when is None:
        return Markup('<span class="none">&ndash;</span>')
    form = "%H:%M:%S" if seconds else "%H:%M"
    today = datetime.now(zone())
    if when.date() != today.date():
        form = ("%-d %b " if when.year == today.year else "%-d %b %Y ") + form
    return _time(when, when.strftime(form))


def day(value: str | datetime | None) -> Markup:
    """A day, as a heading."""
    when = moment(value)
    return _time(when, when.strftime("%A, %-d %B %Y")) if when else Markup("&ndash;")


def ago(value: str | datetime | None) -> Markup:
    """How long ago, roughly."""
    when = moment(value)
    if when is None:
        return Markup('<span class="none">never</span>')
    seconds = (datetime.now(UTC) - when).total_seconds()
    if seconds < 60:
        words = "just now"
    elif seconds < 3600:
        words = f"{seconds // 60:.0f} min ago"
    elif seconds < 2 * 86400:
        words = f"{seconds // 3600:.0f} h ago"
    else:
        words = f"{seconds // 86400:.0f} days ago"
    return _time(when, words)


def ahead(value: str | datetime | None) -> Markup:
    """How long from now, roughly."""
    when = moment(value)
    if when is None:
        return Markup('<span class="none">&ndash;</span>')
    seconds = (when - datetime.now(UTC)).total_seconds()
    if seconds < 1:
        words = "now"
    elif seconds < 60:
        words = f"in {seconds:.0f} s"
    elif seconds < 3600:
        words = f"in {seconds / 60:.0f} min"
    elif seconds < 2 * 86400:
        words = f"in {seconds / 3600:.0f} h"
    else:
        words = f"in {seconds / 86400:.0f} days"
    return _time(when, words)


def _time(when: datetime, words: str) -> Markup:
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        when.isoformat(timespec="milliseconds"), when.strftime("%a %-d %b %Y %H:%M:%S %Z"), words
    )


def duration(seconds: float | None) -> str:
    """Seconds as minutes and seconds."""
    if seconds is None:
        return ""
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


FILTERS = (clock, day, ago, ahead, duration)
"""What a template may write behind a `|`, by the function's name."""
