"""What is open, and what was handled, declared once, as conditions on rows of `events`.

Open is what somebody still has to deal with: calls that nobody answered, voicemails among them, faxes that
arrived, and conversations, in which the last word is always the sender's; as long as nobody handled them.
"""

# ruff: noqa: S608  # SQL is put together from our own words

from __future__ import annotations

from receiver.duty.things import Thing
from receiver.search.found_at import FOUND_AT
from receiver.search.over import FOUND_AT_TYPES
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


def _handled(dialect: str) -> str:
    """Fewer are handled than came, so events are found from there."""
    events = (
        _found_from(dialect, thing, index, condition)
        for thing, index, condition in (
            (Thing.CALL, "ix_events_session_id", "events.session = duty.key AND (kind = 'voice') IS TRUE"),
            (
                Thing.CONVERSATION,
                "ix_events_sender_kind_type_id",
                "events.sender = duty.sender AND kind = 'sms' AND type = 'sms.received'",
            ),
        )
    )
    faxes = f"SELECT CAST(key AS BIGINT) FROM duty WHERE {_HANDLED.format(thing=Thing.FAX)}"
    return " UNION ALL ".join([*events, faxes])


_HANDLED = "thing = '{thing}' AND handled_at IS NOT NULL"


def _found_from(dialect: str, thing: Thing, index: str, condition: str) -> str:
    few = _HANDLED.format(thing=thing)
    if dialect == "sqlite":
        return f"SELECT events.id FROM duty CROSS JOIN events INDEXED BY {index} ON {condition} WHERE {few}"
    # OFFSET keeps PostgreSQL from reading the whole log once for what is asked of a few.
    found = f"SELECT events.id FROM events WHERE {condition} OFFSET 0"
    return f"SELECT found.id FROM duty CROSS JOIN LATERAL ({found}) AS found WHERE {few}"


IDS_OF_HANDLED = {dialect: _handled(dialect) for dialect in ("sqlite", "postgresql")}
"""The events of what was handled, and more. `HANDLED` has to be asked as well."""
