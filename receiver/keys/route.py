"""What a URL is as a server takes it, however it is spelled: is it that of a callback, and by which key?"""

from __future__ import annotations

import contextlib
import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from receiver.keys.hidden import hidden
from receiver.outbound.address import Network, network_of
from receiver.providers.base import Provider
from receiver.providers.here import CALLBACKS
from receiver.providers.numbers import AnyNumber
from receiver.providers.registry import DEFAULT, PROVIDERS
from receiver.vocabulary.kinds import Kind

Address = tuple[str, str, int | None, str]
"""Scheme, host, port, and what stands in the path before the callbacks."""

_KEY = re.compile(rf"({CALLBACKS}/*)[^/?#]+")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Route:
    """A callback URL. The query is its owner's own, and not part of it."""

    address: Address
    key: str
    provider: Provider
    kind: Kind | None


def route_of(url: str) -> Route | None:
    """What a server makes of a URL; None if its path is not that of a callback."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    path = unquote(parts.path)
    before, found, _ = path.partition(CALLBACKS)
    if not found:
        return None
    key, rest = split_path(path.removeprefix(before))
    return Route((parts.scheme, _host(parts.hostname or ""), port, before), key, *read_path(rest))


def split_path(path: str) -> tuple[str, str]:
    """The key in the path of a callback URL, and what stands behind it. Doubled slashes are one."""
    key, _, rest = path.removeprefix(CALLBACKS).lstrip("/").partition("/")
    return key, rest


@lru_cache(maxsize=64)
def read_path(rest: str) -> tuple[Provider, Kind | None]:
    """What a callback URL says behind its key: `<provider>/<word>`, or `<word>` alone for the default.

    The kind of a word that the provider does not have is None.
    """
    words = [word for word in rest.lower().split("/") if word]
    named = PROVIDERS.get(words[0]) if words else None
    provider, left = (DEFAULT, words) if named is None else (named, words[1:])
    return provider, provider.paths.get(left[0]) if len(left) == 1 else None


def fragment_of(url: str) -> dict[str, str]:
    """What the fragment of a URL says, by name."""
    pairs = (pair.partition("=") for pair in url.partition("#")[2].split("&"))
    return {name: value for name, found, value in pairs if found}


def holds_key(url: str, secret: str) -> bool:
    """Whether a callback URL is made with this key."""
    route = route_of(url)
    return route is not None and route.key == secret


def uses_key(number: AnyNumber, secret: str) -> bool:
    """Whether a URL of a number, or of what is used in its place, is made with this key."""
    instead = (url for each in number.overruled.values() for url in each.urls)
    urls = (*number.routes.urls.values(), *number.routes.others.values(), *instead)
    return any(holds_key(url, secret) for url in urls)


def with_key(url: str, secret: str) -> str:
    """The same callback URL made with this key."""
    return _KEY.sub(lambda found: found[1] + secret, url, count=1)


def masked_url(url: str) -> str:
    """A URL without the callback key, if it is one of the kind this service has."""
    if CALLBACKS not in url and CALLBACKS in (plain := unquote(url)):
        url = plain  # a path that is spelled in percent signs holds the key all the same
    return hidden(_KEY.sub(r"\1•••", url))  # it may also stand in another URL's query


def shown_url(url: str) -> str:
    """Host and path of any URL, without what may be secret: callback key, password, query."""
    return re.sub(r"^[a-zA-Z]+://([^/?#]*@)?|[?#].*", "", masked_url(url), flags=re.DOTALL)


def _host(name: str) -> str:
    """A host in one spelling; all names and addresses of this machine are one."""
    if network_of(name) is Network.MACHINE:
        return "localhost"
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(name))
    with contextlib.suppress(UnicodeError):
        return name.rstrip(".").encode("idna").decode()
    return name
