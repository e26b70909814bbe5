"""Where a number's URLs lead: to this service, by which key, or elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from receiver.keys.route import Address, Route, fragment_of, holds_key, route_of, with_key
from receiver.providers.base import Provider
from receiver.providers.here import Here
from receiver.providers.numbers import AnyNumber, Instead, Routes, words_of
from receiver.providers.registry import DEFAULT
from receiver.vocabulary.kinds import Kind

OVERRIDES = "connection overrides"
"""What a fragment that tells the provider how to call is called."""


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
        route = route_of(url)
        if route is None or not self.at_first(url):
            return Target.ELSEWHERE
        if route.key != self._own.key:
            return Target.OLDER_KEY if route.key in self.older else Target.DEAD_KEY
        right = (route.provider, route.kind) == (self._own.provider, kind)
        return Target.HERE if right else Target.WRONG_KIND

    def leads(self, number: AnyNumber, kind: Kind) -> Target:
        """Where what arrives for a number goes: by its own URL, or by what the provider uses instead."""
        instead = number.overruled.get(kind)
        if instead is None:
            return self.target(number.routes.of(kind), kind)
        return self.target(instead.url, kind) if instead.url else Target.ELSEWHERE

    def serves(self, number: AnyNumber, kind: Kind) -> bool:
        """Whether what arrives for it is accepted here, and taken for what it is."""
        return self.leads(number, kind) in (Target.HERE, Target.OLDER_KEY)

    def brought_here(self, number: AnyNumber) -> dict[Kind, str]:
        """The URLs by which a number leads to this service, even if by a wrong key or kind."""
        instead = {kind: each.url or "" for kind, each in number.overruled.items()}
        return {kind: url for kind, url in {**number.routes.urls, **instead}.items() if self.at_first(url)}

    def taken(self, number: AnyNumber) -> dict[Kind, Instead]:
        """What the provider uses in place of a number's URLs and does not lead here."""
        here = self.brought_here(number)
        return {kind: instead for kind, instead in number.overruled.items() if kind not in here}

    def lacking(self, number: AnyNumber, kind: Kind) -> tuple[str, ...]:
        """What is missing, different or left over beside a URL that leads here, by names for a person.

        Nothing, while the URL for the kind does not lead here or is not used.
        """
        if kind in number.overruled or not self.serves(number, kind):
            return ()
        routes = number.routes
        names = (
            [] if fragment_of(self.of(kind)).items() <= fragment_of(routes.of(kind)).items() else [OVERRIDES]
        )
        # What still has an older key says so elsewhere, and works.
        wrong = (
            name
            for name, value in self.belonging(routes, kind).items()
            if self.with_current_key(routes.others.get(name, "")) != value
        )
        return (*names, *map(words_of, wrong))

    def stale(self, routes: Routes, kind: Kind) -> bool:
        """Whether a number brings a kind here with a key that is not the current one, all of it or a part."""
        url = routes.of(kind)
        if self.target(url, kind) in (Target.UNSET, Target.ELSEWHERE):
            return False
        others = (routes.others.get(name, "") for name in self.belonging(routes, kind))
        return any(self.made_here(each) and not holds_key(each, self._own.key) for each in (url, *others))

    @property
    def _own(self) -> Route:
        route = route_of(self.voice or self.sms or self.fax)
        if route is None:
            raise ValueError("not made by `made_with`")
        return route

    @property
    def older(self) -> frozenset[str]:
        """The keys that are accepted besides the one that these are made with."""
        return frozenset(urls._own.key for urls in self.accepted)

    @cached_property
    def _addresses(self) -> frozenset[Address]:
        beside = (url for others in self.beside.values() for url in others.values())
        return frozenset(route.address for url in (self.voice, *beside) if (route := route_of(url)))

    def at_first(self, url: str) -> bool:
        """Whether a URL leads to PUBLIC_URL, where each kind belongs, even by a key that is not accepted."""
        route = route_of(url)
        return route is not None and route.address == self._own.address

    def is_ours(self, url: str) -> bool:
        """The same, or to the second machine, which belongs beside these URLs and not in their place."""
        route = route_of(url)
        return route is not None and route.address in {self._own.address, *self._addresses}

    def made_here(self, url: str) -> bool:
        """Whether a URL is ours, by its address or by a key that is accepted."""
        route = route_of(url)
        return route is not None and (self.is_ours(url) or route.key in {self._own.key, *self.older})

    def with_current_key(self, url: str) -> str:
        """A URL with the current key, if it leads here."""
        return with_key(url, self._own.key) if self.is_ours(url) else url

    def belonging(self, routes: Routes, kind: Kind) -> dict[str, str]:
        """What stands beside the URL of a kind that leads here: what belongs there, and nothing left over.

        What is left over is a URL that was made here for an address that is no longer ours.
        """
        beside = self.beside.get(kind, {})
        left = {
            name: ""
            for name, url in routes.others.items()
            if name not in beside
            and self.made_here(url)
            and not self.is_ours(url)
            and (route := route_of(url))
            and route.kind is kind
        }
        return {**beside, **left}
