"""What a number gets in place of its URLs, and beside them, so that it leads here or no longer does."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from receiver.keys.route import fragment_of
from receiver.keys.urls import CallbackUrls, Target
from receiver.providers.numbers import Routes
from receiver.vocabulary.kinds import Kind


def instead_of(url: str, kind: Kind, ours: CallbackUrls) -> str:
    """The URL to set where a number has `url` now: that one, if it leads here as it should.

    A query on a URL of ours is its owner's, who gets it back with each callback: it stays. So does what a
    fragment tells the provider besides what ours does.
    """
    base, _, fragment = (url if ours.is_ours(url) else "").partition("#")
    wanted, _, _ = ours.of(kind).partition("#")
    if ours.target(url, kind) is not Target.HERE:
        query = urlsplit(base).query
        base = f"{wanted}?{query}" if query else wanted
    if endings := fragment_of(ours.of(kind)):
        fragment = "&".join(f"{name}={value}" for name, value in (fragment_of(url) | endings).items())
    elif ours.target(url, kind) is not Target.HERE:
        fragment = ""
    return f"{base}#{fragment}" if fragment else base


def others_with(
    routes: Routes, kinds: Iterable[Kind], ours: CallbackUrls, *, take_over: bool
) -> dict[str, str]:
    """What a number with these routes gets beside the URLs of some kinds, once they lead here.

    What somebody else has set stays, unless `take_over`: a URL that leads elsewhere, and what would have to
    be cleared.
    """
    wanted = {name: value for kind in kinds for name, value in ours.belonging(routes, kind).items()}
    has = routes.others
    return {
        name: value
        for name, value in wanted.items()
        if take_over or not has.get(name) or _may_replace(has[name], value, ours)
    }


def others_without(routes: Routes, kinds: Iterable[Kind], ours: CallbackUrls) -> dict[str, str]:
    """What such a number gets beside the URLs of kinds that lead elsewhere or nowhere: none of our URLs.

    What somebody else has set stays.
    """
    names = {name for kind in kinds for name in ours.belonging(routes, kind)}
    return {name: "" for name in names if ours.made_here(routes.others.get(name, ""))}


def _may_replace(value: str, wanted: str, ours: CallbackUrls) -> bool:
    return ours.made_here(value) if "://" in value else bool(wanted)
