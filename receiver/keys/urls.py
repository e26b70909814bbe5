"""Where a number's URLs lead: to this service, by which key, or elsewhere."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, lru_cache
from urllib.parse import unquote, urlsplit

from receiver.keys.hidden import hidden
from receiver.outbound.address import Network, network_of
from receiver.providers.base import Provider
from receiver.providers.here import CALLBACKS, Here
from receiver.providers.numbers import Routes
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


_Address = tuple[str, str, int | None, str]


@dataclass(frozen=True)
class _Route:
    """A callback URL as a server takes it, however it is spelled. The query is the owner's own."""

    address: _Address
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


def _fragment(url: str) -> dict[str, str]:
    """What the fragment of a URL says, by name."""
    pairs = (pair.partition("=") for pair in url.partition("#")[2].split("&"))
    return {name: value for name, found, value in pairs if found}


def holds_key(url: str, secret: str) -> bool:
    """Whether a callback URL is made with this key."""
    route = _route(url)
    return route is not None and route.key == secret


def uses_key(routes: Routes, secret: str) -> bool:
    """Whether a URL of a number is made with this key."""
    return any(holds_key(url, secret) for url in (*routes.urls.values(), *routes.others.values()))


_KEY = re.compile(rf"({CALLBACKS}/*)[^/?#]+")
OVERRIDES = "connection overrides"
"""What a fragment that tells the provider how to call is called."""
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
    """This service's callback URLs for one provider; `accepted` has the same with older keys that still work.

    A kind that the provider does not have is empty.
    """

    voice: str
    fax: str
    sms: str
    accepted: tuple[CallbackUrls, ...] = ()
    beside: Mapping[Kind, Mapping[str, str]] = field(default_factory=dict)
    """What a number has beside the URL of a kind that leads here (`Way.others`)."""
    second: str = ""
    """One of the provider's URLs on PUBLIC_URL_FALLBACK, if that is set."""

    @classmethod
    def made_with(
        cls, public_url: str, key: str, provider: Provider = DEFAULT, fallback_url: str | None = None
    ) -> CallbackUrls:
        """The URLs with one key, and no others."""
        here = Here(public_url, key, fallback_url)
        ways = {kind: way for kind in Kind if (way := provider.way(here, kind))}
        voice, fax, sms = (
            ways[kind].url if kind in ways else "" for kind in (Kind.VOICE, Kind.FAX, Kind.SMS)
        )
        beside = {kind: way.others for kind, way in ways.items() if way.others}
        return cls(
            voice, fax, sms, beside=beside, second=here.fallback(provider.name, next(iter(ways))) or ""
        )

    def of(self, kind: Kind) -> str:
        """The URL for one kind."""
        return {Kind.VOICE: self.voice, Kind.FAX: self.fax, Kind.SMS: self.sms}[kind]

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds that the provider has."""
        return tuple(kind for kind in Kind if self.of(kind))

    def target(self, url: str, kind: Kind) -> Target:
        """Where the URL leads that a number has for a kind, however it is spelled."""
        if not url:
            return Target.UNSET
        route = _route(url)
        if route is None or not self.at_first(url):
            return Target.ELSEWHERE
        if route.key != self._own.key:
            return Target.OLDER_KEY if route.key in self.older else Target.DEAD_KEY
        right = (route.provider, route.kind) == (self._own.provider, kind)
        return Target.HERE if right else Target.WRONG_KIND

    def brought_here(self, routes: Routes) -> dict[Kind, str]:
        """Those of a number's URLs that lead to this service, even if by a wrong key or kind."""
        return {kind: url for kind, url in routes.urls.items() if self.at_first(url)}

    def lacking(self, routes: Routes, kind: Kind) -> tuple[str, ...]:
        """What is missing, different or left over beside a URL that leads here, by names for a person.

        Nothing, while the URL for the kind does not lead here.
        """
        if self.target(routes.of(kind), kind) not in (Target.HERE, Target.OLDER_KEY):
            return ()
        names = [] if _fragment(self.of(kind)).items() <= _fragment(routes.of(kind)).items() else [OVERRIDES]
        # What still has an older key says so elsewhere, and works.
        wrong = (
            name
            for name, value in self._wanted(routes, kind).items()
            if self.with_current_key(routes.others.get(name, "")) != value
        )
        return (*names, *map(words_of, wrong))

    def stale(self, routes: Routes, kind: Kind) -> bool:
        """Whether a number brings a kind here with a key that is not the current one, all of it or a part."""
        url = routes.of(kind)
        if self.target(url, kind) in (Target.UNSET, Target.ELSEWHERE):
            return False
        others = (routes.others.get(name, "") for name in self._wanted(routes, kind))
        return any(self._made_here(each) and not holds_key(each, self._own.key) for each in (url, *others))

    @property
    def _own(self) -> _Route:
        route = _route(self.voice or self.sms or self.fax)
        if route is None:
            raise ValueError("not made by callback_url")
        return route

    @property
    def older(self) -> frozenset[str]:
        """The keys that are accepted besides the one that these are made with."""
        return frozenset(urls._own.key for urls in self.accepted)

    @cached_property
    def _addresses(self) -> frozenset[_Address]:
        beside = (url for others in self.beside.values() for url in others.values())
        return frozenset(route.address for url in (self.voice, *beside) if (route := _route(url)))

    def at_first(self, url: str) -> bool:
        """Whether a URL leads to PUBLIC_URL, where each kind belongs, even by a key that is not accepted."""
        route = _route(url)
        return route is not None and route.address == self._own.address

    def is_ours(self, url: str) -> bool:
        """The same, or to the second machine, which belongs beside these URLs and not in their place."""
        route = _route(url)
        return route is not None and route.address in {self._own.address, *self._addresses}

    def _made_here(self, url: str) -> bool:
        """Whether a URL is ours, by its address or by a key that is accepted."""
        route = _route(url)
        return route is not None and (self.is_ours(url) or route.key in {self._own.key, *self.older})

    def with_current_key(self, url: str) -> str:
        """A URL with the current key, if it leads here."""
        return _KEY.sub(lambda found: found[1] + self._own.key, url, count=1) if self.is_ours(url) else url

    def instead_of(self, url: str, kind: Kind) -> str:
        """The URL to set where a number has `url` now: that one, if it leads here as it should.

        A query on a URL of ours is its owner's, who gets it back with each callback: it stays. So does what a
        fragment tells the provider besides what ours does.
        """
        base, _, fragment = (url if self.is_ours(url) else "").partition("#")
        wanted, _, _ = self.of(kind).partition("#")
        if self.target(url, kind) is not Target.HERE:
            query = urlsplit(base).query
            base = f"{wanted}?{query}" if query else wanted
        if endings := _fragment(self.of(kind)):
            fragment = "&".join(f"{name}={value}" for name, value in (_fragment(url) | endings).items())
        elif self.target(url, kind) is not Target.HERE:
            fragment = ""
        return f"{base}#{fragment}" if fragment else base

    def others_with(self, routes: Routes, kinds: Iterable[Kind], *, take_over: bool) -> dict[str, str]:
        """What a number with these routes gets beside the URLs of some kinds, once they lead here.

        What somebody else has set stays, unless `take_over`: a URL that leads elsewhere, and what would have
        to be cleared.
        """
        wanted = {name: value for kind in kinds for name, value in self._wanted(routes, kind).items()}
        has = routes.others
        return {
            name: value
            for name, value in wanted.items()
            if take_over or not has.get(name) or self._may_replace(has[name], value)
        }

    def others_without(self, routes: Routes, kinds: Iterable[Kind]) -> dict[str, str]:
        """What such a number gets beside the URLs of kinds that lead elsewhere or nowhere: none of our URLs.

        What somebody else has set stays.
        """
        names = {name for kind in kinds for name in self._wanted(routes, kind)}
        return {name: "" for name in names if self._made_here(routes.others.get(name, ""))}

    def _wanted(self, routes: Routes, kind: Kind) -> dict[str, str]:
        """What stands beside the URL of a kind that leads here: what belongs there, and nothing left over.

        What is left over is a URL that was made here for an address that is no longer ours.
        """
        beside = self.beside.get(kind, {})
        left = {
            name: ""
            for name, url in routes.others.items()
            if name not in beside
            and self._made_here(url)
            and not self.is_ours(url)
            and (route := _route(url))
            and route.kind is kind
        }
        return {**beside, **left}

    def _may_replace(self, value: str, wanted: str) -> bool:
        return self._made_here(value) if "://" in value else bool(wanted)


def words_of(setting: str) -> str:
    """A provider's name of a setting, in words: `voice fallback URL`."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", setting).lower()
    return re.sub(r"\b(url|sid)\b", lambda found: found[0].upper(), words)


def masked_url(url: str) -> str:
    """A URL without the callback key, if it is one of the kind this service has."""
    if CALLBACKS not in url and CALLBACKS in (plain := unquote(url)):
        url = plain  # a path that is spelled in percent signs holds the key all the same
    return hidden(_KEY.sub(r"\1•••", url))  # it may also stand in another URL's query


def shown_url(url: str) -> str:
    """Host and path of any URL, without what may be secret: callback key, password, query."""
    return re.sub(r"^[a-zA-Z]+://([^/?#]*@)?|[?#].*", "", masked_url(url), flags=re.DOTALL)
