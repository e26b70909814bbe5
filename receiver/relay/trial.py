"""Sending a target something made up, at once: does it reach the other side, and what does that say?

It takes the same sender as deliveries, but not the log and not the queue: so it works while the target is
paused, and nothing of it stays.
"""

from __future__ import annotations

import secrets
import time
from collections import namedtuple
from datetime import UTC, datetime
from typing import Any, cast

from receiver.models import WHOLE_EVENT, Event
from receiver.providers.registry import DEFAULT, configured
from receiver.relay.attempts import LONGEST_ANSWER
from receiver.relay.deliveries import Attempt
from receiver.relay.delivery import Parcel
from receiver.relay.sender import Surroundings
from receiver.relay.sorts import SORTS
from receiver.relay.target import Target
from receiver.search.query import Search
from receiver.search.voicemail import RECORDING_READY
from receiver.vocabulary.fields import SAID, Sort
from receiver.vocabulary.kinds import OF_WHOLE_CALLS, EventState, EventType, Kind
from receiver.vocabulary.verdict import Verdict

_Row = namedtuple("_Row", [column.key for column in WHOLE_EVENT])  # type: ignore[misc]
"""Like a row of the log: read by name or by position."""
FROM, TO = "+12025550123", "+12025550199"
"""Numbers that nobody has: set aside for examples."""


def try_out(target: Target, around: Surroundings) -> Attempt:
    """Send it an event of the kind that its search asks for, marked as a test."""
    usual = next(iter(configured(around.config)), DEFAULT)
    event = made_up(target.search, usual.name)
    parcel = Parcel(f"evt_test_{secrets.token_hex(8)}", event, attempt=1, test=True)
    sender = SORTS[target.sort].sender(target, around)
    began, start = datetime.now(UTC), time.monotonic()
    try:
        result = sender.send(parcel)
    finally:
        sender.close()
    return Attempt(
        began_at=began,
        milliseconds=round((time.monotonic() - start) * 1000),
        delivered=result.delivered,
        status=result.status,
        reason=result.reason,
        request=result.request,
        answer=result.answer and result.answer[:LONGEST_ANSWER],
    )


def made_up(search: Search, usual: str = DEFAULT.name) -> Event:
    """An event that looks like what the search finds, of the `usual` provider unless that names one. Its id
    is 0: it is not in the log."""
    provider = search.provider or usual
    kind = search.kind or _kind_of(search)
    type_ = search.type or _TYPES.get((kind, _state_of(search))) or _TYPES[kind, None]
    now = datetime.now(UTC)
    said: dict[str, Any] = {"occurred_at": now, "txn_ref": "TEST", **_SAID[kind]}
    if type_ is EventType.FAX_FAILED:
        said |= {"fax_status": "failed", "fax_error_code": "test"}
    if search.voicemail:
        report = next(iter(RECORDING_READY[provider]), "record")
        said |= {"call_state": "ongoing", "ivr_block": report, "record_url": _NOWHERE}
    if search.session:
        said["session"] = search.session
    columns: dict[str, Any] = dict.fromkeys(_Row._fields) | dict.fromkeys(_FILES, ())
    columns |= dict(
        id=0,
        identity="",
        arrival="",
        provider=provider,
        kind=kind,
        type=type_,
        received_at=now,
        signature=Verdict.VALID,
        repeats=0,
        method="POST",
        query_string=b"",
        headers=b"",
        body=b"",
        peer="",
        sender=search.sender or FROM,
        recipient=search.recipient or search.number or TO,
        **said,
    )
    return cast(Event, _Row(**columns))


def _kind_of(search: Search) -> Kind:
    word = (search.type or "").partition(".")[0]
    if word == "fax" or search.state is EventState.FAILED:
        return Kind.FAX
    if word == "call" or search.session or search.voicemail or search.state in _CALL_STATES:
        return Kind.VOICE
    return Kind.SMS


def _state_of(search: Search) -> EventState | None:
    """A message of a caller comes while the call goes on."""
    return EventState.ONGOING if search.voicemail and search.state is None else search.state


_NOWHERE = "https://example.com/voicemail.wav"
"""Nothing is there, and nothing of it is fetched."""
_FILES = [name for name, field in SAID.items() if field.sort is Sort.FILES]
_CALL_STATES = {
    *(EventState.RINGING, EventState.ONGOING, EventState.ENDED),
    *OF_WHOLE_CALLS,
}
_TYPES = {
    (Kind.SMS, None): EventType.SMS_RECEIVED,
    (Kind.FAX, None): EventType.FAX_RECEIVED,
    (Kind.FAX, EventState.FAILED): EventType.FAX_FAILED,
    (Kind.VOICE, None): EventType.CALL_ENDED,
    (Kind.VOICE, EventState.RINGING): EventType.CALL_RINGING,
    (Kind.VOICE, EventState.ONGOING): EventType.CALL_ONGOING,
}
_SAID: dict[Kind, dict[str, Any]] = {
    Kind.SMS: {"text": "This is a test. Nobody sent it."},
    Kind.FAX: {"fax_status": "received", "fax_pages": 1},
    Kind.VOICE: {"session": "TEST", "call_state": "ended"},
}
