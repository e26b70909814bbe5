"""One number: its settings, its term, when it was last proven, what arrived last, and a test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flask import Blueprint, abort, make_response, render_template
from werkzeug.wrappers import Response

from receiver import current
from receiver.access.scopes import Scope
from receiver.keys.doors import Door, doors_of
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


def _proofs(held: KnownNumber) -> list[tuple[str, Proof]]:
    """A test of each of its URLs, by title."""
    provider = PROVIDERS[held.provider]
    secret, urls = current.secret(provider), current.our_urls(provider)
    proofs = (
        (door, prove(current.engine(), door.url, door.kind, secret, provider=provider))
        for door in _doors(held, urls)
    )
    return [(_title(door), proof.about(door.setting)) for door, proof in proofs]


def _doors(held: KnownNumber, urls: CallbackUrls) -> list[Door]:
    """What of it leads here."""
    return list(doors_of(urls, held))


def _title(door: Door) -> str:
    if door.name == door.kind:
        return shown.kind_title(door.kind)
    name = door.name.replace(Kind.SMS, shown.kind_title(Kind.SMS))
    return f"{name[:1].upper()}{name[1:]}"


def _page(held: KnownNumber, *, proofs: Sequence[tuple[str, Proof]] = ()) -> Response:
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
            testable=bool(ours and _doors(held, ours)),
            lacking=[name for kind in held.routes.urls for name in ours.lacking(held, kind)] if ours else [],
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
