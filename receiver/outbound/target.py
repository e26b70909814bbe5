"""Reading a URL strictly: what different readers would take for different hosts is none for us."""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from receiver.outbound.refusal import Refused
from receiver.settings.values import HOST_NAME, is_spelled

_PORTS = {"http": 80, "https": 443}
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{0,5}))?")
_INVALID = "The address is not a valid URL such as https://example.com/path."


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes."""

    secure: bool
    host: str
    """In small letters, without brackets and without a dot at the end."""
    port: int
    path: str
    """With the query."""

    @property
    def origin(self) -> tuple[bool, str, int]:
        return self.secure, self.host, self.port

    @property
    def authority(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS["https" if self.secure else "http"] else f"{host}:{self.port}"

    @property
    def fault(self) -> str | None:
        """Why it may be reached only if the allow list says so, apart from where it leads."""
        if not self.secure:
            return f"The address of {self.host} is not https; only what OUTBOUND_ALLOW names may do without."
        if self.port != 443:
            return f"Port {self.port} of {self.host} is refused: it is not 443, and not in OUTBOUND_ALLOW."
        return None


def read_url(url: str) -> Target:
    """Raises `Refused` for what is no plain http or https URL. The fragment is left out."""
    if not is_spelled(url):
        raise Refused(_INVALID)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Refused(_INVALID) from None
    if parts.scheme not in _PORTS:
        raise Refused("The address is not https.")
    if "@" in parts.netloc:
        raise Refused("The address holds a user name or a password: leave it out.")
    match = _AUTHORITY.fullmatch(parts.netloc.lower())
    if match is None:
        raise Refused(_INVALID)
    port = int(match[2] or _PORTS[parts.scheme])
    if not 0 < port < 65536:
        raise Refused(_INVALID)
    path = parts.path or "/"
    return Target(
        parts.scheme == "https",
        read_host(match[1].strip("[]")),
        port,
        f"{path}?{parts.query}" if parts.query else path,
    )


def read_host(text: str) -> str:
    """A name or an address, as `Target` has it. Raises `Refused`."""
    host = text.lower().removesuffix(".")
    if HOST_NAME.fullmatch(host):
        return host
    with suppress(ValueError):
        address = ipaddress.IPv6Address(host)
        if address.scope_id is None:
            return str(address)
    raise Refused("The host is not a valid name or address.")
