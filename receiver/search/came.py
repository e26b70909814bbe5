"""A callback as it came, as far as it may be shown: everything but callback keys."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from receiver.intake.arrival import RawCallback, parameters_of
from receiver.keys.hidden import hidden, hidden_bytes
from receiver.models import Event, Repeat
from receiver.vocabulary.notification import Params


def params_json(kept: RawCallback) -> Params:
    """Its parameters, read again from the raw bytes: those are the source of truth, and a second copy could
    disagree."""
    return {
        hidden(name): [hidden(one) for one in value] if isinstance(value, list) else hidden(value)
        for name, value in parameters_of(kept).params.items()
    }


def raw_json(kept: Event | Repeat) -> dict[str, Any]:
    """The request as it was received."""
    return request_json(kept.method, kept.query_string, kept.headers, kept.body, kept.peer)


def request_json(method: str, query: bytes, headers: bytes, body: bytes, peer: str) -> dict[str, Any]:
    """The form of a raw request, wherever it is kept."""
    return {
        "method": method,
        "query_string": hidden(query.decode("latin-1")),
        "headers": dict(_header_lines(headers)),
        "body_base64": base64.b64encode(hidden_bytes(body)).decode(),
        "peer": peer,
    }


def _header_lines(headers: bytes) -> Iterator[tuple[str, str]]:
    for line in headers.decode("latin-1").split("\r\n"):
        name, found, value = line.partition(": ")
        if found:
            yield name, hidden(value)
