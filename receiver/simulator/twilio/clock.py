"""Times as Twilio writes them: RFC 2822 on `api.` and in callbacks, ISO 8601 elsewhere; both GMT."""

from datetime import UTC, datetime
from email.utils import format_datetime


def stamp(moment: datetime) -> str:
    """ISO 8601, to the second; also how records keep their times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc2822(kept: str | None) -> str | None:
    """A kept time in the form of the older API; None stays None."""
    return format_datetime(datetime.fromisoformat(kept)) if kept else None
