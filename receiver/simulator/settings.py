"""Settings that every simulator has."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class SharedSettings:
    """Those of the account, of the simulator's address, and of its time."""

    balance: Decimal = Decimal("100.00")
    """For a new account. An account from the state file keeps its own, and its currency."""
    currency: str
    state: Path | None = None
    base_url: str | None = None
    """Where others reach the simulator, for the links it gives; else the current request's address."""
    listen: str = ""
    """The host it listens on, by which it may be asked."""
    pace: float
    """Real seconds for each second that passes within a call."""
