"""What all targets share that are sent to by HTTP: one POST, and what its answer says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from receiver.outbound.refusal import Refused, Unreachable
from receiver.outbound.session import Reply, Session
from receiver.relay.delivery import Result
from receiver.vocabulary.printable import printable

LONGEST = 15.0
"""Seconds for one attempt; Standard Webhooks advises 15 to 30."""
LARGEST_ANSWER = 4096
"""Bytes that are read of an answer."""


def read_reply(reply: Reply, request: str) -> Result:
    """What an answer says of the attempt."""
    delivered = 200 <= reply.status < 300
    reason = None
    if not delivered:
        reason = f"answered {reply.status}"
        if 300 <= reply.status < 400:
            reason += ": redirects are not followed, give the address that it leads to"
    return Result(
        delivered=delivered,
        request=request,
        status=reply.status,
        reason=reason,
        answer=printable(reply.body.decode("utf-8", "replace")) or None,
        retry_after=None if delivered else retry_after(reply.headers),
        pause="the other side answered 410: it wants no more" if reply.status == 410 else None,
    )


def post(
    session: Session,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    read: Callable[[Reply, str], Result] = read_reply,
) -> Result:
    """POST it, and read the answer."""
    request = f"POST {host_of(url)}, {len(body)} bytes"
    try:
        reply = session.post(url, headers, body)
    except (Refused, Unreachable) as error:
        return Result(delivered=False, request=request, reason=str(error))
    return read(reply, request)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that `Retry-After` asks for, as a number or a date; None if that cannot be read."""
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return float(said[:9])
    try:
        when = parsedate_to_datetime(said)
    except (ValueError, OverflowError):
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def host_of(url: str) -> str:
    """Host and port of an address, without user name and password."""
    return str(urlsplit(url).netloc.rpartition("@")[2])
