"""The program on this machine that gets the events."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests

import receiver
from receiver.cli.listen.address import host_of
from receiver.outbound.signing import require_secret, sign_with_each
from receiver.search.payload import message_id, payload

LONGEST = 30.0
"""Seconds that the program may take to answer."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt ended."""

    status: int | None
    fault: str
    """In one word, if there was no answer."""
    seconds: float

    @property
    def acknowledged(self) -> bool:
        """Whether the program has taken the event."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def milliseconds(self) -> int:
        """How long it took."""
        return round(self.seconds * 1000)


class Local:
    """Posts events, signed if there are secrets."""

    def __init__(self, url: str, secrets: Sequence[str]) -> None:
        for secret in secrets:
            require_secret(secret)
        self.host = host_of(url)
        self._url = url
        self._secrets = secrets
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy does not know this machine's own addresses

    def post(self, event: Mapping[str, Any]) -> Outcome:
        """Post it once. Never raises for what the program does."""
        body = json.dumps(payload(event)).encode()
        name, now = message_id(event), int(time.time())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"Receiver/{receiver.__version__}",
            "webhook-id": name,
            "webhook-timestamp": str(now),
        }
        if self._secrets:
            headers["webhook-signature"] = sign_with_each(self._secrets, name, now, body)
        began = time.monotonic()
        status, fault = None, ""
        try:
            answer = self._session.post(
                self._url, data=body, headers=headers, timeout=LONGEST, allow_redirects=False
            )
            status = answer.status_code
        except requests.Timeout:
            fault = "timeout"
        except requests.ConnectionError as error:
            fault = "refused" if "refused" in str(error) else "broken"
        except (requests.RequestException, OSError, ValueError):
            fault = "garbled"
        return Outcome(status, fault, time.monotonic() - began)
