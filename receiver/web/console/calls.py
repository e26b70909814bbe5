"""Calls: the list, and one call as a time line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, abort, render_template, request, url_for

from receiver import current
from receiver.duty.duty import duty_json
from receiver.search.call import Call, call_json
from receiver.search.decided import call_in_full, decided_of
from receiver.search.duty import OPEN_CALLS
from receiver.search.index_lag import words_lag
from receiver.search.outcome import step_of
from receiver.search.query import Search
from receiver.vocabulary.kinds import OF_WHOLE_CALLS, CallOutcome, CallStep, EventState, Kind
from receiver.web.console import kept, rules, shown
from receiver.web.console.lists import Chip, listing, live, open_chip, parsed, whole_number
from receiver.web.console.timeline import time_line

calls = Blueprint("calls", __name__)

_STATES = (
    (None, "All"),
    (EventState.MISSED, "Missed"),
    (EventState.VOICEMAIL, "Voicemail"),
    (EventState.ANSWERED, "Answered"),
    (EventState.ONGOING, "Ongoing"),
)
_OUTCOMES = tuple(outcome for outcome in CallOutcome if outcome.value not in OF_WHOLE_CALLS)
"""Those that are no states, too."""


@calls.get("/calls")
def show_list() -> Response:
    """Calls, newest first; `q` is in the search language."""
    text = request.args.get("q", "").strip()
    wanted, wrong = parsed(text, calls=True)
    before = whole_number(request.args.get("before"))
    moves = live(wanted and Search(kind=Kind.VOICE, quarantined=False), before)
    page = current.calls().find(wanted, before=before) if wanted else None
    asked = wanted or Search()
    chips = [
        Chip(
            name,
            str(replace(asked, kind=None, state=state, outcome=None, open=None)),
            asked.state is state and not (asked.outcome or asked.open),
        )
        for state, name in _STATES
    ]
    chips += [
        Chip(
            outcome.capitalize(),
            str(replace(asked, kind=None, state=None, outcome=outcome, open=None)),
            asked.outcome is outcome,
        )
        for outcome in _OUTCOMES
    ]
    chips.insert(1, open_chip(asked, kind=None, state=None, outcome=None))
    older = page.next if page else None
    lag = words_lag(current.engine(), wanted, before=before, end=older) if wanted else None
    return listing(
        "calls",
        text,
        wrong,
        lag,
        before=before,
        older=older,
        calls=[_line(call) for call in page.calls] if page else [],
        chips=chips,
        live=moves,
        cut_short=bool(page and page.cut_short),
    )


@calls.get("/calls/<rest:session>", merge_slashes=False)
def show(session: str) -> str:
    """One call."""
    call = current.calls().get(session)
    if call is None:
        abort(404, "There is no call with this session.")
    return _page(call)


@calls.get("/events/<int:event_id>/call")
def of_event(event_id: int) -> str:
    """The call that an event belongs to, at an address without the session in it."""
    event = current.event_log().get(event_id) if event_id < 2**63 else None
    if event is None or event.kind != Kind.VOICE or not event.session:
        abort(404, "This event does not belong to a call.")
    return show(event.session)


def _page(call: Call) -> str:
    decided = decided_of(current.engine(), call)
    document = shown.document(call_in_full(call, decided)) | _duty(call)
    documents = kept.of(call.events)
    return render_template(
        "call.html",
        page="calls",
        masked_at=url_for(".of_event", event_id=call.id),
        call=document,
        steps=time_line(document),
        rules=rules.drawn(call, decided),
        kept=documents,
        players=kept.players(call, documents),
        deliveries=current.deliveries().of_events([event.id for event in call.events]),
    )


def _line(call: Call) -> dict[str, Any]:
    """A call as a line of the list."""
    told = tuple(event for event in call.events if event.transfer_status or event.dial_status)
    # What became of a dial says once more what was reported of whom it dialled.
    told = tuple(event for event in told if step_of(event) is not CallStep.DIALLING) or told[-1:]
    document = shown.document(call_json(replace(call, events=told)))  # a line shows no others
    masked = shown.masked()
    address = url_for(".of_event", event_id=call.id) if masked else url_for(".show", session=call.session)
    return document | {"address": address} | _duty(call)


def _duty(call: Call) -> dict[str, Any]:
    return shown.on_duty(duty_json(call.duty)) | {"waits": call.state in OPEN_CALLS}
