"""The simulated provider as a whole: account, calls, deliveries, rate limit, and the lock around them."""

import threading
from collections.abc import Mapping

from receiver.simulator.outcome import Delivery
from receiver.simulator.provider import SharedProvider

from . import store
from .account import Account
from .calls import Call
from .notify import Manner, deliver
from .ratelimit import RateLimit
from .settings import Settings

_LOOK_AT_CLOCK = 0.05
"""Seconds between two looks at the account's time, which may be moved forward."""


class Provider(SharedProvider[Account]):
    """Everything that requests share, guarded by one lock. Nobody waits for the network while holding it."""

    def __init__(self, settings: Settings) -> None:
        """Load the account from the state file, or open a new one. `StateError` if the file is unusable."""
        self.settings = settings
        self.calls: dict[str, Call] = {}
        """Calls by session, including ended ones. Use it only while holding the account."""
        self._rate_limit = RateLimit(settings.rate_limit)
        super().__init__(Account(settings.currency, settings.balance), settings)

    def wait(self, over: threading.Event, seconds: float) -> None:
        """Wait until something is over, or for so many seconds of the account's time."""
        ends = self._monotonic() + seconds
        while not self.stopping.is_set() and (left := ends - self._monotonic()) > 0:
            if over.wait(min(left, _LOOK_AT_CLOCK)):
                return

    def accepts(self, endpoint: str) -> bool:
        """Whether a request to the endpoint is within its limit, by the account's time."""
        with self._lock:
            return self._rate_limit.accepts(endpoint, self._monotonic())

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
        self.delivered(sent)
        return sent

    def close(self) -> None:
        """Wake whoever waits, and return when the state is saved and no change is under way."""
        self.stopping.set()
        with self._lock:
            for call in self.calls.values():
                call.over.set()
        super().close()

    def _dump(self, account: Account) -> str:
        return store.dump(account)

    def _restore(self, text: str, origin: object) -> Account:
        return store.restore(text, origin)
