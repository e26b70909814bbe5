"""What a search means in SQL: the types it asks for, and conditions on rows of `events`."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import TextClause, bindparam, text

from receiver.models import UtcTime
from receiver.providers.registry import PROVIDERS, identity_prefix
from receiver.search.duty import FOUND_OPEN_TYPES, HANDLED, OPEN
from receiver.search.found_at import FOUND_AT
from receiver.search.over import FOUND_AT_TYPES
from receiver.search.query import Search
from receiver.search.voicemail import BRINGS_VOICEMAIL
from receiver.vocabulary.kinds import OF_WHOLE_CALLS, EventState, EventType, Kind

_TYPES_OF: dict[Kind, tuple[EventType, ...]] = {
    Kind.VOICE: (
        EventType.CALL_RINGING,
        EventType.CALL_ONGOING,
        EventType.CALL_ENDED,
        EventType.TEST,
        EventType.UNKNOWN,
    ),
    Kind.FAX: (EventType.FAX_RECEIVED, EventType.FAX_FAILED, EventType.TEST, EventType.UNKNOWN),
    Kind.SMS: (EventType.SMS_RECEIVED, EventType.TEST, EventType.UNKNOWN),
}
ALL_TYPES = tuple((kind, type_) for kind, types in _TYPES_OF.items() for type_ in types)
"""Every kind with every type it can have."""
TYPES_OF_STATE = {
    EventState.RINGING: {EventType.CALL_RINGING},
    EventState.ONGOING: {EventType.CALL_ONGOING},
    EventState.ENDED: {EventType.CALL_ENDED},
    EventState.RECEIVED: {EventType.FAX_RECEIVED, EventType.SMS_RECEIVED},
    EventState.FAILED: {EventType.FAX_FAILED},
    **{state: {EventType.CALL_ENDED} for state in OF_WHOLE_CALLS},
}


NO_TEST = f"type <> '{EventType.TEST}'"
"""Leaves our own tests out."""


@dataclass(slots=True)
class Clause:
    """Conditions on `events` with their values."""

    parts: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)

    def add(self, part: str, **values: Any) -> None:
        self.parts.append(part)
        self.values |= values

    def __str__(self) -> str:
        return " AND ".join(self.parts) or "1 = 1"


def types_of(wanted: Search) -> list[tuple[Kind, EventType]]:
    """The kinds and types that a search asks for."""
    pairs = [
        (kind, type_)
        for kind, type_ in ALL_TYPES
        if wanted.kind in {None, kind} and wanted.type in {None, type_}
    ]
    pairs = [pair for pair in pairs if not wanted.open or pair[1] in FOUND_OPEN_TYPES]
    pairs = [pair for pair in pairs if not wanted.voicemail or pair[0] is Kind.VOICE]
    if wanted.state is None:
        return pairs
    # The end of a call may have got lost.
    types = FOUND_AT_TYPES if wanted.state in OF_WHOLE_CALLS else TYPES_OF_STATE[wanted.state]
    return [pair for pair in pairs if pair[1] in types]


def conditions(wanted: Search, *, types: bool) -> Clause:
    """Conditions that are checked on each row, since no index is followed for them."""
    clause = Clause()
    if not wanted.tests:
        clause.add(NO_TEST)
    if wanted.provider is not None:
        clause.add("provider = :provider", provider=wanted.provider)
    if wanted.session is not None:
        clause.add("session = :session", session=wanted.session)
    if wanted.txn_ref is not None:
        # The identity begins with it and is indexed. Every kind comes before "zz", in any collation.
        clause.add("txn_ref = :txn_ref", txn_ref=wanted.txn_ref)
        named = [wanted.provider] if wanted.provider else PROVIDERS
        either = []
        for at, provider in enumerate(named):
            prefix = f"{identity_prefix(provider)}{wanted.txn_ref[:64]}/"
            either.append(f"(identity >= :ref_low{at} AND identity < :ref_high{at})")
            clause.values |= {f"ref_low{at}": prefix, f"ref_high{at}": prefix + "zz"}
        clause.add(f"({' OR '.join(either)})")
    # Written so that no index is used for it: the ids are narrowed to that time already.
    if wanted.since is not None:
        clause.add("(received_at >= :since) IS TRUE", since=wanted.since)
    if wanted.until is not None:
        clause.add("(received_at < :until) IS TRUE", until=wanted.until)
    if wanted.quarantined is not None:
        clause.add(f"quarantine IS {'NOT ' if wanted.quarantined else ''}NULL")
    if wanted.problems is not None:
        clause.add(f"problems IS {'NOT ' if wanted.problems else ''}NULL")
    ended = FOUND_AT.get(wanted.state or EventState.ENDED, "")
    for asked, means in (
        (wanted.voicemail, BRINGS_VOICEMAIL),
        (wanted.open, OPEN),
        (wanted.handled, HANDLED),
        (bool(ended) or None, ended),
    ):
        if asked is not None:
            clause.add(means if asked else f"NOT {means}")
    pairs = types_of(wanted)
    if types and len(pairs) < len(ALL_TYPES):
        clause.add(
            "(" + " OR ".join(f"(kind = '{kind}' AND type = '{type_}')" for kind, type_ in pairs) + ")"
        )
    return clause


@lru_cache(512)
def prepared(statement: str) -> TextClause:
    """The statement, parsed once, with its times bound as times."""
    times = [bindparam(name, type_=UtcTime) for name in ("since", "until") if f":{name}" in statement]
    return text(statement).bindparams(*times)
