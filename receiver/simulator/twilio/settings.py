"""Settings of the simulated Twilio and its one customer."""

from dataclasses import dataclass

from receiver.simulator.settings import SharedSettings


@dataclass(frozen=True, kw_only=True)
class Settings(SharedSettings):
    """A simulator's settings; the defaults are the documented behaviour of the provider."""

    account_sid: str = "AC51000000000000000000000000000001"
    auth_token: str = "51000000000000000000000000000002"  # noqa: S105  # the stand-in's own
    api_key: str = "SK51000000000000000000000000000003"
    """Opens the API as the account and its token do, but signs nothing."""
    api_secret: str = "51000000000000000000000000000004"  # noqa: S105
    test_account_sid: str = "AC51000000000000000000000000000005"
    """The test credentials, with which magic numbers have their effects."""
    test_auth_token: str = "51000000000000000000000000000006"  # noqa: S105
    currency: str = "USD"
    pace: float = 0.0
    concurrency: int = 0
    """API requests at the same time, beyond which there is 429; 0 means no limit."""
    shared_key: str = "51000000000000000000000000000007"
    """Secret of the shared key, which signs callbacks in place of the token when asked to."""
