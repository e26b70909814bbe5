"""What an answer may lack while the index lags behind the log; told only when the answer may be affected.

An index that is a little behind affects no answer: events that it has not reached are read when they are
asked for, up to a limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import StrEnum

from sqlalchemy import Connection, Engine, select

from receiver.models import Event, IndexState
from receiver.numbers.findings import Finding, warning
from receiver.search.counts import MOST_UNCOUNTED
from receiver.search.cursor import Cursor
from receiver.search.index import behind
from receiver.search.newest_messages import TRUSTED_SMS, UNCOUNTED_MESSAGES
from receiver.search.query import Search
from receiver.search.select import UNINDEXED, matching_ids
from receiver.search.span import END, Span

CODE = "index_behind"


class Lacks(StrEnum):
    """What is missing of the events that the index has not reached."""

    WORDS = "words"
    COUNTS = "counts"


@dataclass(frozen=True, slots=True)
class IndexLag:
    """Events received from `first` to `last` may be missing from an answer."""

    behind: int
    """About how many events the index has not reached."""
    lacks: Lacks
    first: datetime
    last: datetime

    def sentence(self, zone: tzinfo) -> str:
        """For a person, with times in this zone."""
        what = "searched for words" if self.lacks is Lacks.WORDS else "counted"
        span = f"from {_clock(self.first, zone)} to {_clock(self.last, zone)}"
        return (
            f"The index is {self.behind:,} events behind. Events received {span} are not {what} yet"
            " and may be missing here. The index catches up by itself."
        )


def words_lag(
    engine: Engine,
    wanted: Search,
    *,
    before: Cursor | int | None = None,
    end: Cursor | int | None = None,
) -> IndexLag | None:
    """What a search for words below id `before` may miss on a page that ends at id `end`."""
    if not wanted.text:
        return None
    before, end = (place.before if isinstance(place, Cursor) else place for place in (before, end))
    with engine.connect() as connection:
        if (late := behind(connection)) <= UNINDEXED:
            return None
        indexed = connection.scalar(select(IndexState.event_id)) or 0
        span = Span(above=indexed, below=before or END)
        ids = matching_ids(connection, wanted.without("text"), span, UNINDEXED + 1)
        # The newest are read without the index, and may have filled the page.
        if len(ids) <= UNINDEXED or (end or 0) > ids[-1]:
            return None
        oldest = matching_ids(connection, wanted.without("text"), span, 1, oldest=True)
        return _lag(connection, late, Lacks.WORDS, oldest[0], ids[-1])


def counts_lag(engine: Engine, until: datetime | None = None) -> IndexLag | None:
    """What counts up to `until` may miss."""
    with engine.connect() as connection:
        if (late := behind(connection)) <= MOST_UNCOUNTED:
            return None
        indexed = connection.scalar(select(IndexState.event_id)) or 0
        ids = matching_ids(connection, Search(), Span(above=indexed), MOST_UNCOUNTED + 1, oldest=True)
        newest = matching_ids(connection, Search(), Span(above=indexed), 1)
        if len(ids) <= MOST_UNCOUNTED:
            return None
        lag = _lag(connection, late, Lacks.COUNTS, ids[-1], newest[0])
    return lag if lag is None or until is None or lag.first < until else None


def finding(engine: Engine, zone: tzinfo) -> list[Finding]:
    """That counts are too low; nothing if they are not. Nobody has to mend it."""
    lag = counts_lag(engine)
    return [] if lag is None else [warning(CODE, lag.sentence(zone), "")]


def conversations_lag(engine: Engine) -> IndexLag | None:
    """What the counts of conversations may miss; conversations may be out of order then, too."""
    with engine.connect() as connection:
        if (late := behind(connection)) <= UNCOUNTED_MESSAGES:
            return None
        indexed = connection.scalar(select(IndexState.event_id)) or 0
        wanted, span = Search(**TRUSTED_SMS), Span(above=indexed)
        ids = matching_ids(connection, wanted, span, UNCOUNTED_MESSAGES + 1)
        if len(ids) <= UNCOUNTED_MESSAGES:
            return None
        oldest = matching_ids(connection, wanted, span, 1, oldest=True)
        return _lag(connection, late, Lacks.COUNTS, oldest[0], ids[-1])


def _lag(connection: Connection, late: int, lacks: Lacks, first: int, last: int) -> IndexLag | None:
    times = connection.scalars(select(Event.received_at).where(Event.id.in_((first, last)))).all()
    return IndexLag(late, lacks, min(times), max(times)) if times else None  # none: deleted meanwhile


def _clock(when: datetime, zone: tzinfo) -> str:
    here, now = when.astimezone(zone), datetime.now(UTC).astimezone(zone)
    return f"{here:%H:%M}" if here.date() == now.date() else f"{here:%Y-%m-%d %H:%M}"
