"""The simulated Twilio as a whole: account, faults, and the lock around them."""

import threading

from receiver.simulator.provider import SharedProvider

from . import store
from .account import Account
from .settings import Settings


class Provider(SharedProvider[Account]):
    """Everything that requests share, guarded by one lock. Nobody waits for the network while holding it."""

    def __init__(self, settings: Settings) -> None:
        """Load the account from the state file, or open a new one. `StateError` if the file is unusable."""
        self.settings = settings
        self._under_way = 0
        self._under_way_lock = threading.Lock()
        super().__init__(Account(settings.currency, settings.balance), settings.state)

    def begin(self) -> int:
        """Count an API request that begins; returns how many are under way with it."""
        with self._under_way_lock:
            self._under_way += 1
            return self._under_way

    def end(self) -> None:
        """Count an API request that is over."""
        with self._under_way_lock:
            self._under_way -= 1

    def _dump(self, account: Account) -> str:
        return store.dump(account)

    def _restore(self, text: str, origin: object) -> Account:
        return store.restore(text, origin)
