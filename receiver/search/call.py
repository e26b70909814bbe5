"""A call: the events of one `session` as one time line, in whatever order they arrived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from receiver.duty.duty import NOTHING, Standing, duty_json
from receiver.models import Event
from receiver.search.answered import SERVED, shows
from receiver.search.events import event_json, iso
from receiver.search.outcome import outcome_of, step_of
from receiver.search.over import is_over, state_so_far
from receiver.search.told import Told
from receiver.vocabulary.kinds import REPORTS, CallOutcome, EventState, EventType

_ORDER = {EventType.CALL_RINGING: 0, EventType.CALL_ONGOING: 1, EventType.CALL_ENDED: 2}

LONGEST_SILENCE = timedelta(hours=6)
"""After this long without a word of a call, its end was lost."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `events` are in the order of what happened: ringing, each block, the end."""

    session: str
    provider: str
    id: int
    """The id of the first event, by which calls are ordered."""
    state: EventState
    """`ringing`, `ongoing`, `answered`, `voicemail` or `missed`; `ended` if its end was lost, long ago.

    A call is missed if it ended without reaching anybody: those who were dialled did not answer, or it was
    never asked for anything; and if the caller left no message.
    """
    outcome: CallOutcome | None
    """What became of it; None while it goes on."""
    sender: str | None
    contact: str | None
    """Who the sender is, by the contacts."""
    recipient: str | None
    txn_ref: str | None
    started_at: datetime
    ended_at: datetime | None
    duration: int | None
    """Minutes, as billed."""
    seconds: int | None
    """How long it took, if the provider says so."""
    cost: Decimal | None
    currency: str | None
    digits: tuple[str, ...]
    """What was pressed, menu by menu."""
    recordings: tuple[str, ...]
    """Links to recordings, as the provider sent them."""
    events: tuple[Event, ...]
    duty: Standing = NOTHING
    """What people on duty did about it."""


def call_of(session: str, events: list[Event], told: Told | None = None) -> Call:
    """The call that these events tell of; `told` is what the rules told it, if they did."""
    line = sorted(events, key=_moment)
    last = next((event for event in line if event.type == EventType.CALL_ENDED), None)
    ended = [event for event in line if event.type == EventType.CALL_ENDED]
    billed = next((event for event in ended if event.debit is not None), last)
    state = state_so_far(line, told)
    lost = state is None and datetime.now(UTC) - max(event.received_at for event in events) > LONGEST_SILENCE
    outcome = outcome_of(line, told) if state else CallOutcome.UNKNOWN if lost else None
    # A later notification (of the recording, say) may repeat the bill; that is not another bill.
    return Call(
        session=session,
        provider=line[0].provider,
        id=min(event.id for event in events),
        state=state or (EventState.ENDED if lost else _under_way(line)),
        outcome=outcome,
        sender=_first(line, "sender"),
        contact=_first(line, "contact"),
        recipient=_first(line, "recipient"),
        txn_ref=_first(line, "txn_ref"),
        started_at=min(event.received_at for event in events),
        # By our clock, as its beginning: the provider's has whole seconds, and may go wrong.
        ended_at=billed.received_at if billed else _last_moment(line) if is_over(line, told) else None,
        duration=None if billed is None else billed.duration,
        seconds=None if billed is None else billed.seconds,
        cost=None if billed is None else billed.debit,
        currency=None if billed is None else billed.currency,
        digits=tuple(event.digits for event in line if event.digits),
        recordings=tuple(
            dict.fromkeys(link for event in line for link in (event.record_url, event.monitor_url) if link)
        ),
        events=tuple(line),
    )


def _moment(event: Event) -> tuple[int, datetime, int]:
    # Only the last notifications carry the provider's date, so the others are ordered by ours. A recording of
    # a call is reported after its end.
    stage = _ORDER.get(EventType(event.type), 1)
    if (stage == 2 and event.monitor_url) or step_of(event) in REPORTS:
        stage = 3
    return stage, event.received_at, event.id


def _last_moment(line: Sequence[Event]) -> datetime:
    """When a call went on for the last time."""
    steps = [event.received_at for event in line if step_of(event) not in REPORTS]
    return max(steps, default=line[-1].received_at)


def _under_way(line: Sequence[Event]) -> EventState:
    ongoing = any(event.type == EventType.CALL_ONGOING and step_of(event) not in REPORTS for event in line)
    return EventState.ONGOING if ongoing or shows(line, SERVED) else EventState.RINGING


def _first(line: Sequence[Event], name: str) -> Any:
    return next((value for event in line if (value := getattr(event, name)) is not None), None)


def call_json(call: Call) -> dict[str, Any]:
    """The form of a call in the API and on the command line."""
    return {
        "session": call.session,
        "provider": call.provider,
        "id": call.id,
        "state": call.state.value,
        "outcome": call.outcome,
        "sender": call.sender,
        "contact": call.contact,
        "recipient": call.recipient,
        "txn_ref": call.txn_ref,
        "started_at": iso(call.started_at),
        "ended_at": iso(call.ended_at),
        "duration": call.duration,
        "seconds": call.seconds,
        "cost": None if call.cost is None else f"{call.cost:f}",
        "currency": call.currency,
        "digits": list(call.digits),
        "recordings": list(call.recordings),
        **duty_json(call.duty),
        "events": [event_json(event) for event in call.events],
    }
