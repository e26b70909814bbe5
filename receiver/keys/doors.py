"""The URLs at which a provider calls, each with the setting that its address is from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from receiver.keys import presence
from receiver.keys.urls import CallbackUrls
from receiver.providers.numbers import AnyNumber, words_of
from receiver.vocabulary.kinds import Kind

PUBLIC_URL, FALLBACK = "PUBLIC_URL", "PUBLIC_URL_FALLBACK"


@dataclass(frozen=True)
class Door:
    """One of them."""

    name: str
    """Its kind or, beside the URLs of the kinds, the setting of a number in words: `voice fallback`."""
    kind: Kind
    url: str
    setting: str


def doors(urls: CallbackUrls) -> Iterator[Door]:
    """All that setup gives a number."""
    for kind in urls.kinds:
        yield _door(urls, kind, kind, urls.of(kind))
        yield from _beside(urls, kind, urls.beside.get(kind, {}))


def doors_of(urls: CallbackUrls, number: AnyNumber) -> Iterator[Door]:
    """Those by which a number leads to this service, and what of ours stands beside URLs that are used."""
    here = urls.brought_here(number)
    for kind in Kind:
        if kind in here:
            yield _door(urls, kind, kind, here[kind])
        if kind not in number.overruled:
            yield from _beside(urls, kind, number.routes.others)


def addresses(urls: CallbackUrls) -> Iterator[Door]:
    """One for each address that is set, the usual one first."""
    kind = urls.kinds[0]
    yield Door(kind, kind, urls.of(kind), PUBLIC_URL)
    if urls.second:
        yield Door("second machine", kind, urls.second, FALLBACK)


def no_second(engine: Engine, urls: CallbackUrls) -> str:
    """Why what answers on PUBLIC_URL_FALLBACK is no second machine, in a sentence; empty if it may be one."""
    if not urls.second:
        return ""
    if urls.at_first(urls.second):
        return f"{FALLBACK} is {PUBLIC_URL}: when this machine does not answer, nobody does."
    machines = presence.machines(engine)
    if len(machines) != 1:
        return ""
    return (
        f"{FALLBACK} answers, but only {machines.pop()} serves with this database: it leads to this very"
        " machine, or to one with another database."
    )


def named(some: Sequence[Door]) -> str:
    """Their names, for a sentence."""
    *others, last = (door.name for door in some)
    return f"{', '.join(others)} and {last}" if others else last


def _beside(urls: CallbackUrls, kind: Kind, others: Mapping[str, str]) -> Iterator[Door]:
    for name in urls.beside.get(kind, {}):
        if urls.is_ours(url := others.get(name, "")):
            yield _door(urls, words_of(name).removesuffix(" URL"), kind, url)


def _door(urls: CallbackUrls, name: str, kind: Kind, url: str) -> Door:
    return Door(name, kind, url, PUBLIC_URL if urls.at_first(url) else FALLBACK)
