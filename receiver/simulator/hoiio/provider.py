"""The simulated provider as a whole: account, deliveries, pending faults, and the lock around them."""

import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from receiver.simulator import statefile
from receiver.simulator.faults import Fault, Faults

from . import store
from .account import Account
from .calls import Call
from .notify import Delivery, Manner, deliver
from .ratelimit import RateLimit
from .settings import Settings

_DELIVERIES_KEPT = 500
_LOOK_AT_CLOCK = 0.05
"""Seconds between two looks at the account's time, which may be moved forward."""


class Provider:
    """Everything that requests share, guarded by one lock. Nobody waits for the network while holding it."""

    def __init__(self, settings: Settings) -> None:
        """Load the account from the state file, or open a new one. `StateError` if the file is unusable."""
        self.settings = settings
        self.stopping = threading.Event()
        """Set when the simulator stops, so that nobody goes on waiting."""
        self.calls: dict[str, Call] = {}
        """Calls by session, including ended ones. Use it only while holding the account."""
        self._requests: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._faults = Faults()
        self._rate_limit = RateLimit(settings.rate_limit)
        self._deliveries: deque[Delivery] = deque(maxlen=_DELIVERIES_KEPT)
        self._account = Account(settings.currency, settings.balance)
        self._saved = ""
        if settings.state:
            if text := statefile.load(settings.state):
                self._account = store.restore(text, settings.state)
            self._save()  # shows before anything listens that the file can be written

    @contextmanager
    def account(self) -> Iterator[tuple[Account, datetime]]:
        """The account and its current time, for one look or one change, while nobody else has it.

        When this ends, the change is on disk. If it cannot be written, the change is undone, and this raises
        `StateError`.
        """
        with self._lock:
            now = datetime.now(UTC) + self._account.ahead
            self._account.settle(now)
            try:
                yield self._account, now
            finally:
                self._save()

    def advance(self, days: float) -> datetime:
        """Move the account's time forward; whatever falls due happens. Returns the new time."""
        with self.account() as (account, now):
            account.ahead += timedelta(days=days)
            later = now + timedelta(days=days)
            account.settle(later)
            return later

    def wait(self, over: threading.Event, seconds: float) -> None:
        """Wait until something is over, or for so many seconds of the account's time."""
        ends = self._monotonic() + seconds
        while not self.stopping.is_set() and (left := ends - self._monotonic()) > 0:
            if over.wait(min(left, _LOOK_AT_CLOCK)):
                return

    def _monotonic(self) -> float:
        return time.monotonic() + self._account.ahead.total_seconds()

    def count(self, endpoint: str) -> None:
        """Count a request, whatever its result."""
        with self._lock:
            self._requests[endpoint] += 1

    def requests(self) -> dict[str, int]:
        """The number of requests per endpoint."""
        with self._lock:
            return dict(self._requests)

    def accepts(self, endpoint: str) -> bool:
        """Whether a request to the endpoint is within its limit, by the account's time."""
        with self._lock:
            return self._rate_limit.accepts(endpoint, self._monotonic())

    def order_fault(self, fault: Fault) -> None:
        """Add a fault."""
        with self._lock:
            self._faults.waiting.append(fault)

    def clear_faults(self) -> None:
        """Cancel all faults."""
        with self._lock:
            self._faults.waiting.clear()

    def take_fault(self, endpoint: str) -> Fault | None:
        """The fault for a request to the endpoint, if there is one."""
        with self._lock:
            return self._faults.take(endpoint)

    def faults(self) -> list[Fault]:
        """The faults that are still to happen."""
        with self._lock:
            return [replace(fault) for fault in self._faults.waiting]

    def notify(self, kind: str, url: str, parameters: Mapping[str, str], manner: Manner) -> list[Delivery]:
        """Send a notification in a manner, signed for this customer, and remember the result."""
        if self.stopping.wait(manner.delay):
            return []
        sent = deliver(
            kind,
            url,
            parameters,
            manner,
            token=self.settings.access_token,
            timeout=self.settings.notification_timeout,
        )
        with self._lock:
            self._deliveries.extend(sent)
        return sent

    def deliveries(self) -> list[Delivery]:
        """Recent deliveries, oldest first."""
        with self._lock:
            return list(self._deliveries)

    def close(self) -> None:
        """Wake whoever waits, and return when the state is saved and no change is under way."""
        self.stopping.set()
        with self._lock:
            for call in self.calls.values():
                call.over.set()
            self._save()

    def _save(self) -> None:
        path = self.settings.state
        if path is None:
            return
        text = store.dump(self._account)
        if text == self._saved and path.exists():
            return
        try:
            statefile.save(path, text)
        except statefile.StateError:
            if self._saved:
                self._account = store.restore(self._saved, path)
            raise
        self._saved = text
