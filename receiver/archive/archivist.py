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
from receiver.outbound.fetch import Fetcher, FetchError
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
"""Seconds before the next look then."""
LONGEST_STOP = 8.0
"""Seconds at the end for what is under way."""
_SWEEP_EVERY = 15.0
_DRAWN_SOON = 100
"""Documents that wait in memory to be drawn. What is more counts as left behind."""
_LEFT_BEHIND = timedelta(minutes=5)
"""How old a document is whose preview nobody can be at work on any more."""


class Archivist:
    """Several may work at once, in one process or on many machines: each link is claimed by one of them.

    Links lapse and pictures do not, so fetching never waits for drawing. Memory does not grow with the number
    of documents or their size: they go to disk as they come.
    """

    def __init__(self, engine: Engine, store: Store, fetchers: Mapping[str, Fetcher]) -> None:
        self._engine = engine
        self._store = store
        self._fetchers = fetchers
        self._next_sweep = 0.0
        self._fetching = Crew(THREADS)
        self._drawing = Crew(AT_ONCE)
        self._to_draw: deque[str] = deque(maxlen=_DRAWN_SOON)

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
                more, _ = self._look()
            except (SQLAlchemyError, StoreError) as error:
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
            more, begun = self._look()
            if not more and not begun:
                return done
            done += begun
            self._fetching.join()
            self._drawing.join()

    def _look(self) -> tuple[bool, int]:
        """Give idle threads something to do; whether there is more of the log to read, and how much began."""
        more = plan(self._engine) >= BATCH
        if time.monotonic() >= self._next_sweep:
            self._next_sweep = time.monotonic() + _SWEEP_EVERY
            self._tidy()
            if not self._to_draw and not self._drawing.busy:
                self._to_draw.extend(self._left_behind())
        begun = 0
        for claimed in claim(self._engine, self._fetching.idle):
            self._fetching.begin(partial(self._fetch, claimed))
            begun += 1
        while self._to_draw and self._drawing.idle:
            self._drawing.begin(partial(make_preview, self._engine, self._store, self._to_draw.pop()))
            begun += 1
        return more, begun

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
        except (FetchError, StoreError) as error:
            reason = error if isinstance(error, FetchError) else FetchError(sentence(str(error)))
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
        """Documents that a worker kept and then had no time to draw."""
        left = select(DOCUMENTS.c.sha256).where(
            DOCUMENTS.c.preview == Preview.WAITING.value,
            DOCUMENTS.c.kept_at < datetime.now(UTC) - _LEFT_BEHIND,
        )
        with self._engine.connect() as connection:
            return list(connection.scalars(left.limit(_DRAWN_SOON)))

    def _tidy(self) -> None:
        """Delete what nothing names any more, and what a worker that was killed had begun to write."""
        sweep(self._engine, self._store)
        clear(self._store.room, 2 * LONGEST)
