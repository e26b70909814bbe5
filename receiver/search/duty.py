"""What is open, and what was handled, declared once, as conditions on rows of `events`.

Open is what somebody still has to deal with: calls that nobody answered, voicemails among them, faxes that
arrived, and conversations, in which the last word is always the sender's; as long as nobody handled them.
"""

# ruff: noqa: S608  # SQL is put together from our own words

from __future__ import annotations

from receiver.duty.things import Thing
from receiver.search.over import FOUND_AT, FOUND_AT_TYPES
from receiver.vocabulary.kinds import OF_WHOLE_CALLS, EventState, EventType

OPEN_TYPES = frozenset({EventType.CALL_ENDED, EventType.FAX_RECEIVED, EventType.SMS_RECEIVED})
OPEN_CALLS = OF_WHOLE_CALLS - {EventState.ANSWERED}
"""The states of calls that somebody has to deal with."""


def _done(thing: Thing, key: str, more: str = "") -> str:
    return (
        f"EXISTS (SELECT 1 FROM duty WHERE duty.thing = '{thing}' AND duty.key = {key}"
        f" AND duty.handled_at IS NOT NULL{more})"
    )


_CONVERSATION = "events.recipient || '/' || events.sender"
HANDLED = (
    "(events.quarantine IS NULL AND CASE events.kind"
    f" WHEN 'voice' THEN {_done(Thing.CALL, 'events.session')}"
    f" WHEN 'fax' THEN {_done(Thing.FAX, 'CAST(events.id AS TEXT)')}"
    f" ELSE {_done(Thing.CONVERSATION, _CONVERSATION, ' AND duty.up_to >= events.id')} END)"
)
FOUND_OPEN_TYPES = OPEN_TYPES | FOUND_AT_TYPES
"""The types of the events at which what is open is found."""
_OTHERS = ", ".join(f"'{type_}'" for type_ in sorted(OPEN_TYPES - {EventType.CALL_ENDED}))
_CALLS = " OR ".join(FOUND_AT[state] for state in sorted(OPEN_CALLS))
OPEN = (
    f"(events.quarantine IS NULL AND (events.type IN ({_OTHERS})"
    f" OR (events.kind = 'voice' AND events.session IS NOT NULL AND ({_CALLS}))) AND NOT {HANDLED})"
)


def _keys(thing: Thing, column: str) -> str:
    return f"(SELECT {column} FROM duty WHERE thing = '{thing}' AND handled_at IS NOT NULL)"


WALKS_OF_HANDLED = (
    ("ix_events_session_id", f"session IN {_keys(Thing.CALL, 'key')} AND kind = 'voice'"),
    ("NOT", f"id IN {_keys(Thing.FAX, 'CAST(key AS BIGINT)')} AND kind = 'fax'"),
    (
        "ix_events_sender_kind_type_id",
        f"sender IN {_keys(Thing.CONVERSATION, 'sender')} AND kind = 'sms' AND type = 'sms.received'",
    ),
)
"""Indexes of events along which the few that were handled are found, and the conditions for that. `HANDLED`
has to be asked as well."""
