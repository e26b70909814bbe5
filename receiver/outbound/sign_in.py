"""What a server wants to see before it gives out a document."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class SignIn:
    """What one server wants to see. No other gets it, wherever a link or a redirect leads."""

    server: str
    """A URL there; its scheme, host and port count."""
    authorization: str

    def headers(self, url: str) -> dict[str, str]:
        """The headers for a request to this URL."""
        return {"Authorization": self.authorization} if _origin(url) == _origin(self.server) else {}


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)
