"""Where a number's URLs lead: to this service, by which key, or elsewhere."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from receiver.outbound.address import Network, network_of
from receiver.providers.base import Provider
from receiver.providers.here import CALLBACKS, Here
from receiver.providers.registry import DEFAULT, PROVIDERS
from receiver.vocabulary.kinds import Kind


def callback_url(public_url: str, key: str, word: str, provider: Provider = DEFAULT) -> str:
    """Where a provider should POST what belongs to one of its `paths`. `public_url` ends in a slash."""
    return Here(public_url, key).callback(provider.name, word)


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


@dataclass(frozen=True)
class _Route:
    """A callback URL as a server takes it, however it is spelled. The query is the owner's own."""

    address: tuple[str, str, int | None, str]
    """Scheme, host, port, and what stands in the path before the callbacks."""
    key: str
    provider: Provider
    kind: Kind | None


def _route(url: str) -> _Route | None:
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
    return _Route((parts.scheme, _host(parts.hostname or ""), port, before), key, *read_path(rest))


def _host(name: str) -> str:
    """A host in one spelling; all names and addresses of this machine are one."""
    if network_of(name) is Network.MACHINE:
        return "localhost"
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(name))
    with contextlib.suppress(UnicodeError):
        return name.rstrip(".").encode("idna").decode()
    return name


def holds_key(url: str, secret: str) -> bool:
    """Whether a callback URL is made with this key."""
    route = _route(url)
    return route is not None and route.key == secret


_KEY = re.compile(rf"({CALLBACKS}/*)[^/?#]+")
_PORTS = {"http": 80, "https": 443}


class Target(StrEnum):
    """Where a number's URL leads."""

    UNSET = "not set"
    HERE = "this service"
    OLDER_KEY = "this service, older key"
    DEAD_KEY = "this service, dead key"
    """Our address, with a key that is no longer accepted: what arrives is turned away right now."""
    WRONG_KIND = "this service, as another kind"
    """Our address and key, and the path of another kind: an SMS taken for a call, and the like."""
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True)
class CallbackUrls:
    """This service's callback URLs; `accepted` has the same with older keys that still work."""

    voice: str
    fax: str
    sms: str
    accepted: tuple[CallbackUrls, ...] = ()

    @classmethod
    def made_with(cls, public_url: str, key: str) -> CallbackUrls:
        """The URLs with one key, and no others."""
        voice, fax, sms = (callback_url(public_url, key, kind) for kind in (Kind.VOICE, Kind.FAX, Kind.SMS))
        return cls(voice, fax, sms)

    def of(self, kind: Kind) -> str:
        """The URL for one kind."""
        return {Kind.VOICE: self.voice, Kind.FAX: self.fax, Kind.SMS: self.sms}[kind]

    def target(self, url: str, kind: Kind) -> Target:
        """Where the URL leads that a number has for a kind, however it is spelled."""
        if not url:
            return Target.UNSET
        route = _route(url)
        if route is None or route.address != self._own.address:
            return Target.ELSEWHERE
        if route.key != self._own.key:
            accepted = {urls._own.key for urls in self.accepted}
            return Target.OLDER_KEY if route.key in accepted else Target.DEAD_KEY
        right = (route.provider, route.kind) == (self._own.provider, kind)
        return Target.HERE if right else Target.WRONG_KIND

    @property
    def _own(self) -> _Route:
        route = _route(self.voice)
        if route is None:
            raise ValueError("not made by callback_url")
        return route

    def is_ours(self, url: str) -> bool:
        """Whether a URL leads to this service, even with a key that is no longer accepted."""
        route = _route(url)
        return route is not None and route.address == self._own.address

    def instead_of(self, url: str, kind: Kind) -> str:
        """The URL to set where a number has `url` now: that one, if it leads here as it should.

        A query on a URL of ours is its owner's, who gets it back with each callback: it stays.
        """
        if self.target(url, kind) is Target.HERE:
            return url
        query = urlsplit(url).query if self.is_ours(url) else ""
        return f"{self.of(kind)}?{query}" if query else self.of(kind)


def masked_url(url: str) -> str:
    """A URL without the callback key, if it is one of the kind this service has."""
    if CALLBACKS not in url and CALLBACKS in (plain := unquote(url)):
        url = plain  # a path that is spelled in percent signs holds the key all the same
    return _KEY.sub(r"\1•••", url)


def shown_url(url: str) -> str:
    """Host and path of any URL, without what may be secret: callback key, password, query."""
    return re.sub(r"^[a-zA-Z]+://([^/?#]*@)?|[?#].*", "", masked_url(url), flags=re.DOTALL)
