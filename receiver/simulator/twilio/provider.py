"""The simulated Twilio as a whole: account, faults, and the lock around them."""

import threading
from typing import Any

from receiver.simulator.provider import SharedProvider

from . import store
from .account import Account
from .cookies import Cookies
from .deliveries import FAILURES
from .settings import Settings

_REPORTS_KEPT = 1000


class Provider(SharedProvider[Account]):
    """Everything that requests share, guarded by one lock. Nobody waits for the network while holding it."""

    failures = FAILURES

    def __init__(self, settings: Settings) -> None:
        """Load the account from the state file, or open a new one. `StateError` if the file is unusable."""
        self.settings = settings
        self._reports: dict[str, dict[str, Any]] = {}
        self.cookies = Cookies()
        """Those of messages, not of calls; they are for whoever has the account."""
        self._under_way = 0
        self._under_way_lock = threading.Lock()
        super().__init__(Account(settings.currency, settings.balance), settings)

    def begin(self) -> int:
        """Count an API request that begins; returns how many are under way with it."""
        with self._under_way_lock:
            self._under_way += 1
            return self._under_way

    def end(self) -> None:
        """Count an API request that is over."""
        with self._under_way_lock:
            self._under_way -= 1

    def report(self, sid: str, report: dict[str, Any]) -> None:
        """Remember how a call went."""
        with self._lock:
            self._reports[sid] = report
            while len(self._reports) > _REPORTS_KEPT:
                del self._reports[next(iter(self._reports))]

    def reported(self, sid: str) -> dict[str, Any] | None:
        """How a call went; None if it is not known any more."""
        with self._lock:
            return self._reports.get(sid)

    def _dump(self, account: Account) -> str:
        return store.dump(account)

    def _restore(self, text: str, origin: object) -> Account:
        return store.restore(text, origin)
