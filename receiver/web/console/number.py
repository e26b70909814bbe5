"""One number: its settings, its term, when it was last proven, what arrived last, and a test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flask import Blueprint, abort, make_response, render_template
from werkzeug.wrappers import Response

from receiver import current
from receiver.access.scopes import Scope
from receiver.keys.hops import Proof
from receiver.keys.proof import prove
from receiver.keys.urls import CallbackUrls
from receiver.models import Event
from receiver.numbers import findings, known
from receiver.numbers.known import KnownNumber
from receiver.providers.base import NotConfigured
from receiver.providers.registry import PROVIDERS
from receiver.search.query import Search
from receiver.vocabulary.kinds import EventType, Kind
from receiver.vocabulary.printable import sentence
from receiver.web.console import guard, relay, shown
from receiver.web.console.findings import told
from receiver.web.console.lists import live, row
from receiver.web.console.numbers import our_urls, settings_of

number = Blueprint("number", __name__)

_NEWEST = 10


@number.get("/numbers/<number>")
def show(number: str) -> Response:
    """One number that is held."""
    return _page(_held(number))


@number.post("/numbers/<number>")
def test(number: str) -> Response:
    """Post a signed test to each of its URLs that leads here, and show what became of it."""
    guard.require_scope(Scope.OPERATE)
    held = _held(number)
    try:
        return _page(held, proofs=_proofs(held))
    except NotConfigured as error:
        abort(400, sentence(str(error)))


def _held(number: str) -> KnownNumber:
    held = next((one for one in known.read(current.engine()).numbers if one.number == number), None)
    if held is None:
        abort(404, "This number is not among those that the provider listed last.")
    return held


def _proofs(held: KnownNumber) -> dict[Kind, Proof]:
    provider = PROVIDERS[held.provider]
    secret, urls = current.secret(provider), current.our_urls(provider)
    return {
        kind: prove(current.engine(), url, kind, secret, provider=provider)
        for kind, url in _brought_here(held, urls).items()
    }


def _brought_here(held: KnownNumber, urls: CallbackUrls) -> dict[Kind, str]:
    """Its URLs that lead here, and that the provider does use."""
    here = urls.brought_here(held.routes)
    return {kind: url for kind, url in here.items() if kind not in held.overruled}


def _page(held: KnownNumber, *, proofs: Mapping[Kind, Proof] | None = None) -> Response:
    to_it = Search(recipient=held.number)
    moves = None if shown.masked() else live(to_it, None)
    ours = our_urls().get(held.provider)
    account = known.read(current.engine()).of(held.provider)
    return make_response(
        render_template(
            "number.html",
            page="numbers",
            number=settings_of(held, ours),
            held=held,
            provider=PROVIDERS[held.provider].title,
            currency=account.currency,
            kinds=list(_brought_here(held, ours)) if ours else [],
            lacking=[name for kind in held.routes.urls for name in ours.lacking(held.routes, kind)]
            if ours
            else [],
            findings=[told(one) for one in findings.read(current.engine()) if one.subject == held.number],
            tested=dict(_last_tests(held)),
            proofs=proofs,
            events=[row(event) for event in current.event_log().find(to_it, limit=_NEWEST).events],
            live=moves,
            most=_NEWEST,
            search=str(to_it),
            may=relay.may,
        )
    )


def _last_tests(held: KnownNumber) -> Iterator[tuple[Kind, Event | None]]:
    """For each kind that leads somewhere, the last test that arrived from its provider's side.

    Numbers of a provider share their URLs, so a test is of all that lead there.
    """
    for kind in held.routes.urls:
        wanted = Search(provider=held.provider, kind=kind, type=EventType.TEST, quarantined=False)
        yield kind, next(iter(current.event_log().find(wanted, limit=1).events), None)
