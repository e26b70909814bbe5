"""What people save a document under."""

from __future__ import annotations

import re

from receiver.models import Event
from receiver.outbound.media import BY_TYPE


def file_name(event: Event, media_type: str | None, position: int = 0) -> str:
    """`fax-20260131-100000-6591234567.pdf`: nothing of it is the sender's but digits."""
    digits = re.sub(r"[^0-9]", "", event.sender or "")[:15] or "unknown"
    media = BY_TYPE.get(media_type or "")
    which = f"-{position + 1}" if position else ""
    extension = media.extension if media else "bin"
    return f"{event.kind}-{event.received_at:%Y%m%d-%H%M%S}-{digits}{which}.{extension}"
