"""What the service says over HTTP: a command of its own would take a second to start."""

from __future__ import annotations

from typing import Any

import requests

from receiver.quickstart.errors import QuickstartError
from receiver.quickstart.processes import http


class Asked:
    """The API of the service that is served here."""

    def __init__(self, url: str, token: str) -> None:
        self._url = f"{url.rstrip('/')}/api/v1"
        self._session = http()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def events(self, **asked: object) -> list[dict[str, Any]]:
        """Events, newest first."""
        return self._list("events", asked)

    def deliveries(self, **asked: object) -> list[dict[str, Any]]:
        """Deliveries, newest first."""
        return self._list("deliveries", asked)

    def documents(self) -> list[dict[str, Any]]:
        """Documents of the newest events."""
        return self._list("documents", {})

    def _list(self, what: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
        try:
            answer = self._session.get(f"{self._url}/{what}", params=asked, timeout=30)
            answer.raise_for_status()
            found: list[dict[str, Any]] = answer.json()[what]
        except (requests.RequestException, ValueError, KeyError) as error:
            raise QuickstartError(
                f"The service does not say what {what} it has ({type(error).__name__}); see var/serve.log."
            ) from error
        return found
