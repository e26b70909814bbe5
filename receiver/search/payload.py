"""An event as programs outside get it, whoever sends it. Made from the API's JSON of the event alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def payload(event: Mapping[str, Any]) -> dict[str, Any]:
    """What is sent about an event, in the shape that Standard Webhooks recommends."""
    return {"type": event["type"], "timestamp": event["received_at"], "data": event}


def message_id(event: Mapping[str, Any]) -> str:
    """The same for each time the event is sent, so that a receiver knows it again."""
    return f"evt_{event['id']}"
