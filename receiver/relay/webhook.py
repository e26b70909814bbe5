"""Webhooks: the JSON of an event, POSTed and signed as the Standard Webhooks specification has it.

Only a 2xx answer is success. A redirect is a failure, since whoever follows one sends what is private where
nobody said it should go. 410 pauses the target: the other side wants no more.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from receiver.outbound.guard import Guard
from receiver.outbound.session import Session
from receiver.outbound.signing import SigningSecretError, require_secret, sign_with_each
from receiver.relay.delivery import Parcel, Result
from receiver.relay.options import Form, Option
from receiver.relay.posting import LARGEST_ANSWER, LONGEST, host_of, post
from receiver.relay.sender import Surroundings, TargetError
from receiver.relay.target import Target
from receiver.search.events import event_json
from receiver.search.payload import payload
from receiver.vocabulary.printable import printable

OLD_SECRET_LASTS = timedelta(hours=24)
"""For how long after a rotation deliveries are signed with the secret before as well."""
MOST_HEADERS = 20
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", re.ASCII)
_OURS = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection", "user-agent"})


class Webhook:
    """The sort of target."""

    about = "POST the JSON of an event to a program of yours, signed."
    options: tuple[Option, ...] = (
        Option(
            "url",
            "Where it is POSTed to.",
            required=True,
            secret=True,
            example="https://example.com/hook",
        ),
        Option(
            "headers",
            "A fixed header of your own.",
            Form.PAIRS,
            secret=True,
            example="X-Key: …",
            word="header",
        ),
        Option(
            "secret",
            "What it is signed with, as whsec_ and base64.",
            without="Without this, one is made.",
            secret=True,
        ),
    )
    lanes = 8

    def read(
        self, given: Mapping[str, Any], known: Mapping[str, Any], around: Surroundings
    ) -> dict[str, Any]:
        """From `url`, `headers`, `secret`, and `rotate` for a new secret beside the one before."""
        settings: dict[str, Any] = {"url": "", "headers": {}, "old_secret": None, "rotated_at": None}
        settings |= {"secret": new_secret(), **known}
        if "url" in given:
            settings["url"] = str(given["url"]).strip()
        if not settings["url"]:
            raise TargetError("a webhook needs the address that it is sent to")
        if "url" in given or not known:
            around.guard.check(settings["url"])
        if "headers" in given:
            settings["headers"] = read_headers(given["headers"])
        if given.get("secret"):
            try:
                require_secret(given["secret"])
            except SigningSecretError as error:
                raise TargetError(str(error)) from None
            settings["secret"] = given["secret"]
        elif given.get("rotate"):
            settings["old_secret"], settings["secret"] = settings["secret"], new_secret()
            settings["rotated_at"] = datetime.now(UTC).isoformat()
        return settings

    def shown(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "url": shown_address(settings["url"]),
            "headers": dict.fromkeys(settings["headers"], "•••"),
            "old_secret_until": None if (until := _old_until(settings)) is None else until.isoformat(),
        }

    def place(self, settings: Mapping[str, Any]) -> str:
        return host_of(settings["url"])

    def secret(self, settings: Mapping[str, Any]) -> str:
        return str(settings["secret"])

    def sender(self, target: Target, around: Surroundings) -> WebhookSender:
        return WebhookSender(target.settings, around.guard)


class WebhookSender:
    """Sends to one webhook, over connections that are kept."""

    def __init__(self, settings: Mapping[str, Any], guard: Guard) -> None:
        self._url: str = settings["url"]
        self._settings = settings
        self._session: Session = guard.session(longest=LONGEST, largest=LARGEST_ANSWER)

    def send(self, parcel: Parcel) -> Result:
        body = body_of(parcel)
        now = int(time.time())
        keys = [self._settings["secret"]]
        if (until := _old_until(self._settings)) and until > datetime.now(UTC):
            keys.append(self._settings["old_secret"])
        headers = {
            **self._settings["headers"],
            "Content-Type": "application/json",
            "User-Agent": "Receiver",
            "webhook-id": parcel.message_id,
            "webhook-timestamp": str(now),
            "webhook-signature": sign_with_each(keys, parcel.message_id, now, body),
        }
        return post(self._session, self._url, headers, body)

    def close(self) -> None:
        self._session.close()


def body_of(parcel: Parcel) -> bytes:
    """The JSON that is sent. A replay says that it is one, and a test too."""
    said = payload(event_json(parcel.event))
    if parcel.replayed:
        said["replay"] = True
    if parcel.test:
        said["test"] = True
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def read_headers(given: Mapping[str, Any]) -> dict[str, str]:
    """Fixed headers of the owner's own; `TargetError` if one cannot be sent."""
    if len(given) > MOST_HEADERS:
        raise TargetError(f"more than {MOST_HEADERS} headers")
    headers = {}
    for name, value in given.items():
        text = str(value).strip()
        if not _HEADER.fullmatch(name) or name.lower() in _OURS or name.lower().startswith("webhook-"):
            raise TargetError(f"{printable(name)[:64]!r} cannot be a header of your own")
        if not text.isprintable() or len(text) > 1000 or not text.isascii():
            raise TargetError(f"the value of the header {name} must be printable ASCII, 1000 at most")
        headers[name] = text
    return headers


def new_secret() -> str:
    """A secret for signing, in the specification's form."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"


def shown_address(url: str) -> str:
    """An address for people: without a password or a query, where many services have their secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{host_of(url)}{parts.path}{'?…' if parts.query else ''}"


def _old_until(settings: Mapping[str, Any]) -> datetime | None:
    if not settings.get("old_secret") or not settings.get("rotated_at"):
        return None
    return datetime.fromisoformat(settings["rotated_at"]) + OLD_SECRET_LASTS
