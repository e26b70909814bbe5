"""The two addresses, checked and named without what is private in them."""

from __future__ import annotations

from urllib.parse import urlsplit

from receiver.outbound.address import network_of
from receiver.vocabulary.errors import OperatorError
from receiver.vocabulary.printable import printable


class AddressError(OperatorError):
    """An address cannot be used. The message does not hold it."""


def service_address(url: str) -> str:
    """The base of a service, without a slash at its end; it has no place for credentials."""
    _require_http(url, "--url", "https://receiver.example.com")
    parts = urlsplit(url)
    if parts.username is not None or parts.query or parts.fragment:
        raise AddressError("--url has no user name, query or fragment: the token goes into RECEIVER_TOKEN")
    return url.rstrip("/")


def local_address(url: str) -> str:
    """Where events go, as it was given."""
    _require_http(url, "--to", "http://localhost:3000/hook")
    return url


def host_of(url: str) -> str:
    """Host and port, all that is ever shown of an address."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return printable(host if parts.port is None else f"{host}:{parts.port}")


def in_the_clear(url: str) -> bool:
    """Whether others on the way could read what is sent there."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not network_of(parts.hostname or "").local


def _require_http(url: str, option: str, example: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise AddressError(f"{option} must be a full address such as {example}")
