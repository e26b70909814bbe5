"""What a provider says in a callback, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from receiver.vocabulary.kinds import EventType, Kind

Params = dict[str, str | list[str]]


@dataclass(frozen=True, slots=True)
class Notification:
    """One notification, typed. `duration` is in minutes, money in `currency`, times are aware UTC."""

    kind: Kind
    type: EventType
    problems: tuple[str, ...]
    readable: bool
    """Whether anything the provider documents was found in it."""

    txn_ref: str | None = None
    session: str | None = None
    sender: str | None = None
    recipient: str | None = None
    text: str | None = None
    occurred_at: datetime | None = None
    tag: str | None = None

    ivr_block: str | None = None
    call_state: str | None = None
    digits: str | None = None
    dest: str | None = None
    dial_status: str | None = None
    transfer_status: str | None = None
    record_url: str | None = None
    monitor_url: str | None = None

    fax_status: str | None = None
    fax_url: str | None = None
    fax_error_code: str | None = None

    duration: int | None = None
    currency: str | None = None
    rate: Decimal | None = None
    debit: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of one callback as they came, body before query, and what was odd about them."""

    params: Params
    problems: tuple[str, ...] = ()
    in_query: frozenset[str] = frozenset()

    def first(self, name: str) -> str | None:
        """The value of a name; the first one where it came several times."""
        value = self.params.get(name)
        return value[0] if isinstance(value, list) else value
