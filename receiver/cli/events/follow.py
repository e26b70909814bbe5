"""Following the log from a terminal, through restarts and outages."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from receiver.cli import output
from receiver.db.failure import reason_of
from receiver.models import Event
from receiver.search.events import LARGEST_PAGE, EventLog, Tail
from receiver.search.query import Search

LOOK_EVERY = 0.2
RETRY_AFTER = 1.0

_Found = TypeVar("_Found")


def follow(log: EventLog, wanted: Search, lines: int) -> Iterator[Event]:
    """The last few events that match, or all `since` a time, and then each that comes, until Ctrl-C."""
    position = _patiently(lambda: _begin(log, wanted, lines))
    while True:
        at = position
        found = _patiently(lambda: _next(log, wanted, at))  # noqa: B023  # called at once
        if found is None:
            output.say("the last event shown is gone, as after an older backup was restored; beginning again")
            position = _patiently(lambda: _begin(log, wanted, lines))
            continue
        yield from found.events
        if position == found.next:
            time.sleep(LOOK_EVERY)
        position = found.next


def _next(log: EventLog, wanted: Search, position: int) -> Tail | None:
    """What came since; None if the log does not reach to that position any more."""
    found = log.after(wanted, position, limit=LARGEST_PAGE)
    return found if found.next > position or log.reached(position) else None


def _begin(log: EventLog, wanted: Search, lines: int) -> int:
    """The position behind which the first events to show stand."""
    newest = log.newest_id()
    if wanted.since is None:
        last = log.ids(wanted, before=newest + 1, limit=lines) if lines else []
        return min(last, default=newest + 1) - 1
    oldest, before = newest + 1, newest + 1
    while page := log.ids(wanted, before=before, limit=LARGEST_PAGE):
        oldest = before = page[-1]
    return oldest - 1


def _patiently(ask: Callable[[], _Found]) -> _Found:
    """The answer of the database, however long it is away."""
    lost_at: float | None = None
    while True:
        try:
            found = ask()
        except SQLAlchemyError as error:
            if lost_at is None:
                lost_at = time.monotonic()
                output.say(f"the database does not answer ({reason_of(error)}); trying again until it does")
            time.sleep(RETRY_AFTER)
            continue
        if lost_at is not None:
            output.say(
                f"the database answers again after {time.monotonic() - lost_at:.0f} s; nothing was missed"
            )
        return found
