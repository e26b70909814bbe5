"""Filters of lists by time: plain means that day, `<` up to it, `>` from it on; days or full times."""

from collections.abc import Callable
from datetime import UTC, datetime

from .clock import stamp
from .endpoint import Sent
from .errors import ApiError

_DAY = len("2026-01-02")


def within(sent: Sent, name: str) -> Callable[[str | None], bool]:
    """Whether a kept time fits the filters of this name, all of them."""
    plain, before, after = (sent.parameter(name + sign) for sign in ("", "<", ">"))
    on, until, since = _kept(plain, name), _kept(before, name), _kept(after, name)

    def fits(kept: str | None) -> bool:
        if not (on or until or since):
            return True
        if kept is None:
            return False
        return (
            kept.startswith(on[:_DAY])
            and (not until or kept[: len(until)] <= until)
            and (not since or kept[: len(since)] >= since)
        )

    return fits


def _kept(text: str, name: str) -> str:
    """A day, or a time as it is kept; empty stays empty."""
    if not text:
        return ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ApiError(20001, f"{name} is not a date") from error
    if len(text) == _DAY:
        return text
    return stamp(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
