"""Settings of the simulated provider and its one customer."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """A simulator's settings; the defaults are the documented behaviour of the provider."""

    app_id: str = "sim-app"
    access_token: str = "sim-token"  # noqa: S105  # the stand-in's own, printed in the README
    balance: Decimal = Decimal("100.00")
    """For a new account. An account from the state file keeps its own, and its currency."""
    currency: str = "SGD"
    state: Path | None = None
    base_url: str | None = None
    """Where others reach the simulator, for links in notifications; else the current request's address."""
    listen: str = ""
    """The host it listens on, by which it may be asked."""
    rate_limit: int = 60
    """Requests per minute to one endpoint; 0 means no limit."""
    max_subscriptions: int = 100
    card_on_file: bool = True
    merge_forwarding: bool = False
    resolve_hosts: bool = True
    expiry_with_time: bool = False
    listing_delay: float = 0.0
    """Seconds after a purchase until `get_active` lists the number."""
    notification_timeout: float = 10.0
    pace: float = 1.0
    """Real seconds that a second of a step takes."""
    fax_link_seconds: int = 3600
