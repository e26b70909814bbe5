"""Settings of the simulated provider and its one customer."""

from dataclasses import dataclass

from receiver.simulator.settings import SharedSettings


@dataclass(frozen=True, kw_only=True)
class Settings(SharedSettings):
    """A simulator's settings; the defaults are the documented behaviour of the provider."""

    app_id: str = "sim-app"
    access_token: str = "sim-token"  # noqa: S105  # the stand-in's own, printed in the README
    currency: str = "SGD"
    pace: float = 1.0
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
    fax_link_seconds: int = 3600
