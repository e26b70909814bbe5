"""The numbers of the account: where they lead, when they expire, when something last arrived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, render_template, request, url_for

from receiver import current
from receiver.keys.route import shown_url
from receiver.keys.urls import CallbackUrls, Target
from receiver.numbers import known
from receiver.numbers.known import KnownNumber
from receiver.providers.registry import PROVIDERS, configured
from receiver.search.counts import NumberTotal
from receiver.search.events import iso
from receiver.search.query import Search
from receiver.vocabulary.kinds import Kind
from receiver.web.console import shown
from receiver.web.console.lists import live

numbers = Blueprint("numbers", __name__)

_LEADS = {
    Target.UNSET: ("not set", "warn"),
    Target.HERE: ("here", "good"),
    Target.OLDER_KEY: ("here, older key", "warn"),
    Target.DEAD_KEY: ("here, dead key", "bad"),
    Target.WRONG_KIND: ("here, wrong kind", "bad"),
}
_SOON = 14
"""Days before its expiry from which a number that is not renewed is marked."""


@dataclass(frozen=True, slots=True)
class Leads:
    """Where a number's URL leads, in a few words and without the callback key."""

    words: str
    mood: str


@numbers.get("/numbers")
def show_list() -> str:
    """Every number, as the provider last described it."""
    moves = live(Search(), None)
    state = known.read(current.engine())
    wish = request.args.get("q", "").strip()
    titles = {name: provider.title for name, provider in PROVIDERS.items()}
    asked = {provider.name for provider in configured(current.config())}
    return render_template(
        "numbers.html",
        accounts=[account for account in state.accounts if account.provider in asked],
        page="numbers",
        numbers=known_numbers(wish),
        wish=wish,
        known=state,
        titles=titles,
        several=_several(),
        live=moves,
    )


def known_numbers(wish: str = "") -> list[dict[str, Any]]:
    """The numbers held that have all words of `wish` in what is shown of them, each with that."""
    urls, several = our_urls(), _several()
    held = known.read(current.engine()).numbers
    totals = {one.number: one for one in current.counts().by_number({one.number for one in held})}
    lines = [_line(one, totals.pop(one.number, None), urls.get(one.provider), several) for one in held]
    words = wish.casefold().split()
    return [line for line in lines if all(word in _words(line) for word in words)]


EXPORTED = (
    *("number", "provider", "country", "can", "calls_to", "sms_to", "expires_on", "renews", "events"),
    "last_at",
)
"""The columns of an export."""


def exported_numbers(wish: str) -> list[dict[str, Any]]:
    """The same as documents of an export."""
    return [
        {
            **{name: line[name] for name in EXPORTED if name in line},
            "provider": line["of"],
            "calls_to": line["calls"].words,
            "sms_to": line["sms"].words if line["sms"] else None,
            "expires_on": line["expires_on"] and line["expires_on"].isoformat(),
            "last_at": iso(line["last_at"]),
        }
        for line in known_numbers(wish)
    ]


def _words(line: Mapping[str, Any]) -> str:
    leads = [where.words for where in (line["calls"], line["sms"]) if where]
    said = (line["number"], line["of"], line["country"], line["mode"], *line["can"], *leads)
    return " ".join(word for word in said if word).casefold()


def _line(
    number: KnownNumber, total: NumberTotal | None, ours: CallbackUrls | None, several: bool
) -> dict[str, Any]:
    return settings_of(number, ours) | {
        "of": number.provider,
        "provider": PROVIDERS[number.provider].title if several else None,
        "events": total.events if total else 0,
        "last_at": total.last_at if total else None,
    }


def settings_of(number: KnownNumber, ours: CallbackUrls | None) -> dict[str, Any]:
    """What a page shows of a number, as the provider last described it."""
    left = number.days_left(datetime.now(UTC))
    return {
        "number": shown.own_number(number.number),
        "address": None if shown.masked() else url_for("console.number.show", number=number.number),
        "country": " ".join(part for part in (number.country, number.state) if part),
        "mode": number.routes.mode,
        "can": sorted(word.lower() for word in number.capabilities),
        "calls": _leads(number, number.routes.calls, ours),
        "sms": _leads(number, Kind.SMS, ours) if "SMS" in number.capabilities else None,
        "expires_on": number.expires_on,
        "days_left": left,
        "renews": number.auto_extend,
        "ends_soon": left is not None and left <= _SOON and not number.auto_extend,
    }


def _leads(number: KnownNumber, kind: Kind, urls: CallbackUrls | None) -> Leads:
    instead = number.overruled.get(kind)
    if instead and (urls is None or kind in urls.taken(number)):
        return Leads(instead.name, "bad" if kind in number.were_here else "warn")
    url = instead.url or "" if instead else number.routes.of(kind)
    target = urls.target(url, kind) if urls else Target.ELSEWHERE if url else Target.UNSET
    return (
        Leads(*_LEADS[target]) if target in _LEADS else Leads(shown_url(url), "" if urls is None else "warn")
    )


def our_urls() -> dict[str, CallbackUrls]:
    """This service's callback URLs for each provider; none while PUBLIC_URL is not set."""
    made = {name: current.keys().urls(current.config(), each) for name, each in PROVIDERS.items()}
    return {name: urls for name, urls in made.items() if urls is not None}


def _several() -> bool:
    """Whether there are accounts with several providers."""
    return len(configured(current.config())) > 1
