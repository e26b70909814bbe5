"""A request as it stands on the wire, so that nothing in it can begin another one."""

from __future__ import annotations

import re
from collections.abc import Mapping

from receiver.outbound.refusal import Refused
from receiver.outbound.target import Target

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OURS = frozenset(
    {"accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "te", "trailer"}
    | {"proxy-authorization", "proxy-connection", "transfer-encoding", "upgrade"}
)


def check_headers(headers: Mapping[str, str]) -> None:
    """Raises `Refused` for headers that cannot be sent, or that are ours to set."""
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise Refused("A header's name may hold only letters, digits and hyphens.")
        if name.lower() in _OURS:
            raise Refused(f"The header {name} is set by this service: leave it out.")
        if not _VALUE.fullmatch(value):
            raise Refused(f"The header {name} must be one line of Latin letters.")


def request_bytes(method: str, target: Target, headers: Mapping[str, str], data: bytes | None) -> bytes:
    """Head and body. An answer is asked for as it is: packed small, it could unpack to anything."""
    check_headers(headers)
    lines = [f"{method} {target.path} HTTP/1.1", f"Host: {target.authority}", "Accept-Encoding: identity"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if not any(name.lower() == "user-agent" for name in headers):
        lines.append("User-Agent: receiver")
    if data is not None:
        lines.append(f"Content-Length: {len(data)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (data or b"")
