"""What the service is compared with: the plain ways to keep a callback, one commit a request.

All check the key and the signature, read the same fields, and store the same row with the same indexes, as
durably.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from config import Config
from receiver.intake.arrival import KEPT_HEADERS, Arrival, Row, event_row
from receiver.providers.base import Request
from receiver.providers.registry import DEFAULT
from receiver.vocabulary.kinds import Kind

CONNECTIONS = 32
"""To the database, and threads where threads do the work: as many as callers."""
SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-16384")
"""As the service sets them."""

Header = Callable[[str], str | None]
"""A request's header by name."""


class Callbacks:
    """What is the same for all: who may call, and the row a callback becomes."""

    def __init__(self, config: Config) -> None:
        self._verify = DEFAULT.reception(config).verify
        self._key = config.callback_keys[0].get_secret_value().encode()

    def accepts(self, key: str) -> bool:
        return hmac.compare_digest(key.encode(), self._key)

    def row(self, kind: str, query: bytes, header: Header, body: bytes, peer: str) -> Row:
        """The row of `events`, without its number."""
        kept = [
            f"{name}: {value}"
            for name in (*KEPT_HEADERS, *DEFAULT.kept_headers)
            if (value := header(name)) is not None
        ]
        arrival = Arrival(
            id=Arrival.new_id(),
            provider=DEFAULT.name,
            kind=Kind(kind),
            received_at=Arrival.now(),
            method="POST",
            query=query,
            headers="\r\n".join(kept).encode("latin-1", "replace"),
            body=body,
            peer=peer,
            content_type=header("Content-Type") or "",
            signature=self._verify(Request(str, body, header)),
            distrust=None,
        )
        return event_row(arrival)
