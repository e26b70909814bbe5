"""What the service says over HTTP: a command of its own would take a second to start."""

from __future__ import annotations

import re
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


def signs_in(url: str, name: str, password: str) -> bool:
    """Whether the console at this URL lets a person in with this password."""
    try:
        with http() as browser:
            form = browser.get(f"{url}/login", timeout=30).text
            token = re.search(r'name="form_token" value="([^"]+)"', form)
            given = {"name": name, "password": password, "form_token": token[1] if token else ""}
            return browser.post(f"{url}/login", data=given, timeout=30, allow_redirects=False).is_redirect
    except requests.RequestException as error:
        raise QuickstartError(
            f"The console does not answer ({type(error).__name__}); see var/serve.log."
        ) from error
