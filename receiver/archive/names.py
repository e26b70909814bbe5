"""What people save a document under."""

from __future__ import annotations

import re

from receiver.models import Event
from receiver.outbound.media import BY_TYPE

_WHICH = {"monitor_url": "-call"}
"""By field: what tells its document from that of another field of the same event."""


def file_name(event: Event, field: str, media_type: str | None, position: int = 0) -> str:
    """`fax-20260131-100000-6591234567-17.pdf`, of event 17: no other document has this name. Nothing of it is
    the sender's but digits."""
    digits = re.sub(r"[^0-9]", "", event.sender or "")[:15] or "unknown"
    media = BY_TYPE.get(media_type or "")
    which = _WHICH.get(field, "") + (f"-{position + 1}" if position else "")
    extension = media.extension if media else "bin"
    return f"{event.kind}-{event.received_at:%Y%m%d-%H%M%S}-{digits}-{event.id}{which}.{extension}"
