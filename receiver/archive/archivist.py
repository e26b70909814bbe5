"""Fetches what the events of the log link to, for as long as a worker runs."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from config import Config
from receiver.archive.claims import Claim, claim, failed, source_of
from receiver.archive.crew import Crew
from receiver.archive.keep import keep, sweep
from receiver.archive.links import LINKS
from receiver.archive.opened import open_store
from receiver.archive.plan import BATCH, plan
from receiver.archive.preview import AT_ONCE, make_preview
from receiver.archive.room import clear, new_file
from receiver.archive.states import Preview, State
from receiver.archive.store import Store, StoreError
from receiver.logs.log import get_logger, without_words
from receiver.models import DOCUMENTS
from receiver.outbound.allow import AllowList
from receiver.outbound.fetch import Fetcher
from receiver.outbound.fetch_error import FetchError, not_written
from receiver.outbound.guard import Guard
from receiver.providers.registry import PROVIDERS
from receiver.vocabulary.printable import sentence

logger = get_logger(__name__)

THREADS = 4
LARGEST = 100 * 1024 * 1024
"""Bytes of a document: an hour of telephone speech, uncompressed, has 60 million."""
LONGEST = 180.0
"""Seconds for a document."""
PAUSE = 0.25
"""Seconds between two looks, also if somebody is idle: a look takes a lock on SQLite that callbacks need."""
AFTER_AN_ERROR = 1.0
"""Seconds before the next look after an error."""
LONGEST_STOP = 8.0
"""Seconds at the end for what is under way."""
_TIDY_EVERY = 15.0
SWEPT_AT_ONCE = 20
"""Documents that are deleted between two looks: each takes a lock on SQLite twice."""
_DRAWN_SOON = 10_000
"""Documents that wait in memory to be drawn. What is more counts as left behind."""
_LEFT_BEHIND = timedelta(minutes=5)
"""A worker with nothing to draw takes documents that have waited for so long; another worker may draw them,
too."""


class Archivist:
    """Several may work at once, in one process or on many machines: each link is claimed by one of them.

    Links lapse and pictures do not, so fetching never waits for drawing, nor for deleting. Memory does not
    grow with the number of documents or their size: they go to disk as they come.
    """

    def __init__(self, engine: Engine, store: Store, fetchers: Mapping[str, Fetcher]) -> None:
        self._engine = engine
        self._store = store
        self._fetchers = fetchers
        self._next_tidying = 0.0
        self._fetching = Crew(THREADS)
        self._drawing = Crew(AT_ONCE)
        self._tidying = Crew(1)
        self._to_draw: deque[str] = deque(maxlen=_DRAWN_SOON)
        self._left_after = timedelta(0)  # at the start, what one that stopped has left

    @classmethod
    def of(cls, config: Config, engine: Engine) -> Archivist:
        """The one that the settings ask for. What stands where a provider's API is may be fetched from there,
        wherever that is: in the demo it is this machine."""
        fetchers = {
            name: Fetcher(
                Guard(AllowList(config.outbound_allow), trusted=[provider.account(config)[0]]),
                sign_in=provider.sign_in(config),
                largest=LARGEST,
                longest=LONGEST,
            )
            for name, provider in PROVIDERS.items()
        }
        return cls(engine, open_store(config), fetchers)

    def run_forever(self, stop: threading.Event) -> None:
        """Work until told to stop; then wait a moment for what is begun. The rest, others can have once its
        lease ends."""
        while not stop.is_set():
            try:
                more = self._read_log()
                self._give_out()
            except SQLAlchemyError as error:
                logger.error("the archive stands still", error=type(error).__name__)
                stop.wait(AFTER_AN_ERROR)
            except Exception as error:  # ours to mend, and no reason to keep nothing any more
                logger.error("the archive failed unexpectedly", exception=without_words(error))
                stop.wait(AFTER_AN_ERROR)
            else:
                if not more:
                    stop.wait(PAUSE)
        self._fetching.join(LONGEST_STOP)

    def step(self) -> int:
        """Do all that is due now, and return how many links were tried or pictures drawn."""
        done = 0
        while True:
            more = self._read_log()
            begun = self._give_out()
            for crew in (self._fetching, self._drawing, self._tidying):
                crew.join()
            if not more and not begun:
                return done
            done += begun

    def _read_log(self) -> bool:
        """Note the links of new events; whether there is more of the log to read."""
        return plan(self._engine) >= BATCH

    def _give_out(self) -> int:
        """Give idle threads something to do; how many links and pictures they began."""
        if time.monotonic() >= self._next_tidying and self._tidying.idle:
            self._next_tidying = time.monotonic() + _TIDY_EVERY
            self._tidying.begin(self._tidy)
            if not self._to_draw and not self._drawing.busy:
                self._to_draw.extend(self._left_behind())
        begun = 0
        for claimed in claim(self._engine, self._fetching.idle):
            self._fetching.begin(partial(self._fetch, claimed))
            begun += 1
        while self._to_draw and self._drawing.idle:
            self._drawing.begin(partial(make_preview, self._engine, self._store, self._to_draw.pop()))
            begun += 1
        return begun

    def _fetch(self, claimed: Claim) -> None:
        source = source_of(self._engine, claimed)
        if source is None:
            return
        provider, link = source
        try:
            with new_file(self._store.room) as file:
                fetched = self._fetchers[provider].fetch(link, file, LINKS[claimed.field])
                file.flush()
                kept = keep(self._engine, self._store, claimed, fetched, Path(file.name))
        except Exception as error:
            reason = _reason(error)
            state = failed(self._engine, claimed, reason)
            if state is not State.WAITING:
                logger.warning(
                    "a document was not kept", event=claimed.event_id, state=state.value, reason=str(reason)
                )
            return
        if kept and Preview.WAITING.value == self._preview(fetched.sha256):
            self._to_draw.append(fetched.sha256)

    def _preview(self, sha256: str) -> str | None:
        with self._engine.connect() as connection:
            return connection.scalar(select(DOCUMENTS.c.preview).where(DOCUMENTS.c.sha256 == sha256))

    def _left_behind(self) -> list[str]:
        """Documents that a worker kept and did not come to draw, the newest last."""
        left = select(DOCUMENTS.c.sha256).where(
            DOCUMENTS.c.preview == Preview.WAITING.value,
            DOCUMENTS.c.kept_at <= datetime.now(UTC) - self._left_after,
        )
        with self._engine.connect() as connection:
            found = list(connection.scalars(left.order_by(DOCUMENTS.c.kept_at).limit(_DRAWN_SOON)))
        self._left_after = _LEFT_BEHIND
        return found

    def _tidy(self) -> None:
        """Delete what nothing names any more, and what a worker that was killed had begun to write."""
        try:
            clear(self._store.room, 2 * LONGEST)
            if sweep(self._engine, self._store, most=SWEPT_AT_ONCE) == SWEPT_AT_ONCE:
                self._next_tidying = 0.0
        except StoreError as error:
            logger.error("documents cannot be deleted", reason=str(error))


def _reason(error: Exception) -> FetchError:
    if isinstance(error, FetchError):
        return error
    if isinstance(error, StoreError):
        return FetchError(sentence(str(error)))
    if isinstance(error, OSError):
        return not_written(error)
    logger.error("a document could not be fetched", exception=without_words(error))
    return FetchError(f"Unexpected: {type(error).__name__}.")
