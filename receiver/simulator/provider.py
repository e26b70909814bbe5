"""What all simulated providers share: account, clock, state file, deliveries, faults, and the lock."""

import threading
import time
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import ClassVar, Generic, Protocol, TypeVar

from . import statefile
from .faults import Fault, Faults
from .outcome import Delivery
from .settings import SharedSettings

_DELIVERIES_KEPT = 500


class Account(Protocol):
    """What a provider remembers about its one customer."""

    balance: Decimal
    ahead: timedelta
    """How far the account's time is ahead of the real one."""

    def settle(self, now: datetime) -> None:
        """Bring the account up to a moment: charge what fell due."""

    def charge(self, kind: str, number: str, amount: Decimal, now: datetime, detail: str = "") -> None:
        """Take money and record it."""


_Account = TypeVar("_Account", bound=Account)


class SharedProvider(ABC, Generic[_Account]):
    """Everything that requests share, guarded by one lock. Nobody waits for the network while holding it."""

    failures: ClassVar[Mapping[int, str]] = {}
    """What its codes of failed requests mean."""

    def __init__(self, account: _Account, settings: SharedSettings) -> None:
        """Load the account from the state file, or use the new one. `StateError` if the file is unusable."""
        self.stopping = threading.Event()
        """Set when the simulator stops, so that nobody goes on waiting."""
        self._lock = threading.Lock()
        self._requests: Counter[str] = Counter()
        self._faults = Faults()
        self._deliveries: deque[Delivery] = deque(maxlen=_DELIVERIES_KEPT)
        self._state = settings.state
        self._account = account
        self._saved = ""
        if self._state:
            if text := statefile.load(self._state):
                self._account = self._restore(text, self._state)
            self._save()  # shows before anything listens that the file can be written

    @abstractmethod
    def _dump(self, account: _Account) -> str:
        """The account as the text of its state file."""

    @abstractmethod
    def _restore(self, text: str, origin: object) -> _Account:
        """The account that a state file holds; `StateError` if it holds none."""

    @contextmanager
    def look(self) -> Iterator[tuple[_Account, datetime]]:
        """The account and its current time, for a look that changes nothing, while nobody else has it."""
        with self._lock:
            now = datetime.now(UTC) + self._account.ahead
            self._account.settle(now)
            yield self._account, now

    @contextmanager
    def account(self) -> Iterator[tuple[_Account, datetime]]:
        """The account and its current time, for one change, while nobody else has it.

        When this ends, the change is on disk. If it cannot be written, the change is undone, and this raises
        `StateError`.
        """
        with self.look() as found:
            try:
                yield found
            finally:
                self._save()

    def advance(self, days: float) -> datetime:
        """Move the account's time forward; whatever falls due happens. Returns the new time."""
        with self.account() as (account, now):
            account.ahead += timedelta(days=days)
            later = now + timedelta(days=days)
            account.settle(later)
            return later

    def count(self, endpoint: str) -> None:
        """Count a request, whatever its result."""
        with self._lock:
            self._requests[endpoint] += 1

    def requests(self) -> dict[str, int]:
        """The number of requests per endpoint."""
        with self._lock:
            return dict(self._requests)

    def delivered(self, deliveries: Iterable[Delivery]) -> None:
        """Remember what was sent."""
        with self._lock:
            self._deliveries.extend(deliveries)

    def deliveries(self) -> list[Delivery]:
        """Recent deliveries, oldest first."""
        with self._lock:
            return list(self._deliveries)

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

    def close(self) -> None:
        """Wake whoever waits, and return when the state is saved and no change is under way."""
        self.stopping.set()
        with self._lock:
            self._save()

    def _monotonic(self) -> float:
        return time.monotonic() + self._account.ahead.total_seconds()

    def _save(self) -> None:
        path = self._state
        if path is None:
            return
        text = self._dump(self._account)
        if text == self._saved and path.exists():
            return
        try:
            statefile.save(path, text)
        except statefile.StateError:
            if self._saved:
                self._account = self._restore(self._saved, path)
            raise
        self._saved = text
