"""The fields of an event, each declared once.

A field is declared here, with what it holds and which kinds have it. Columns, rows, the JSON of API and
command line, the headers of exports, spreadsheet cells, masks and the OpenAPI document are derived from that.
To add one, add a line here, a migration for its column, and the code that reads it for the provider.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, get_type_hints

from receiver.vocabulary.kinds import EventType, Kind
from receiver.vocabulary.linked import Linked
from receiver.vocabulary.verdict import Verdict


class Sort(Enum):
    """What a field holds. How it is stored, written and masked follows from this alone."""

    OURS = "a word of ours"
    WORD = "a word or reference of the provider's"
    NUMBER = "a telephone number"
    TEXT = "what somebody wrote, of any length"
    LABEL = "a short text of somebody's"
    KEYS = "keys that somebody pressed"
    LINK = "a link to a document or a recording"
    FILES = "links to several files, with the type of each"
    TIME = "a moment"
    AMOUNT = "an exact decimal number"
    COUNT = "a whole number"
    PLACE = "a coordinate: it says where somebody is"
    FLAG = "yes or no"
    LINES = "several sentences"


@dataclass(frozen=True, slots=True)
class Field:
    """The declaration of one field of an event."""

    sort: Sort
    about: str = ""
    """A sentence for the documents."""
    kinds: tuple[Kind, ...] = ()
    """Which kinds have it; none named means all."""
    name: str = ""
    type: Any = None

    def belongs_to(self, kind: str) -> bool:
        """Whether an event of this kind has the field."""
        return not self.kinds or kind in self.kinds


_VOICE, _FAX, _SMS = (Kind.VOICE,), (Kind.FAX,), (Kind.SMS,)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What we record about an event ourselves."""

    id: Annotated[int, Field(Sort.COUNT)]
    received_at: Annotated[datetime, Field(Sort.TIME, "When the callback was whole, by our clock.")]
    kind: Annotated[Kind, Field(Sort.OURS)]
    type: Annotated[EventType, Field(Sort.OURS)]
    signature: Annotated[Verdict, Field(Sort.OURS)]
    quarantined: Annotated[bool, Field(Sort.FLAG, "Whether it is kept but not trusted.")]
    quarantine_reason: Annotated[str | None, Field(Sort.OURS, "Why it is not trusted.")]
    repeats: Annotated[int, Field(Sort.COUNT, "How often it came again.")]
    problems: Annotated[list[str], Field(Sort.LINES, "What was missing, odd or unreadable in it.")]
    provider: Annotated[str, Field(Sort.OURS, "Which provider sent it.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the provider says in an event. A field that was missing or could not be read is None."""

    txn_ref: Annotated[str | None, Field(Sort.WORD, "The provider's reference.")] = None
    session: Annotated[str | None, Field(Sort.WORD, "What the events of one call share.")] = None
    sender: Annotated[
        str | None, Field(Sort.NUMBER, "Who it came from; in a call, also where the callback names nobody.")
    ] = None
    recipient: Annotated[str | None, Field(Sort.NUMBER, "Where it came to; likewise.")] = None
    text: Annotated[str | None, Field(Sort.TEXT)] = None
    occurred_at: Annotated[datetime | None, Field(Sort.TIME, "The provider's date.")] = None
    currency: Annotated[str | None, Field(Sort.WORD)] = None
    debit: Annotated[Decimal | None, Field(Sort.AMOUNT, "What it cost.")] = None
    sender_name: Annotated[
        str | None, Field(Sort.LABEL, "The sender's name, as far as the network knows.")
    ] = None
    tag: Annotated[str | None, Field(Sort.LABEL, "What the owner of the number attached to it.")] = None
    media: Annotated[tuple[Linked, ...], Field(Sort.FILES, "Files that came with the message.", _SMS)] = ()

    ivr_block: Annotated[str | None, Field(Sort.WORD, "Which step of a call reports.", _VOICE)] = None
    call_state: Annotated[str | None, Field(Sort.WORD, "How the call stands.", _VOICE)] = None
    digits: Annotated[str | None, Field(Sort.KEYS, "What the caller pressed.", _VOICE)] = None
    dest: Annotated[str | None, Field(Sort.NUMBER, "Who was dialled.", _VOICE)] = None
    dial_status: Annotated[str | None, Field(Sort.WORD, "What became of dialling.", _VOICE)] = None
    transfer_status: Annotated[str | None, Field(Sort.WORD, "What became of a transfer.", _VOICE)] = None
    record_url: Annotated[str | None, Field(Sort.LINK, "A recorded message.", _VOICE)] = None
    monitor_url: Annotated[str | None, Field(Sort.LINK, "A recording of the whole call.", _VOICE)] = None
    duration: Annotated[int | None, Field(Sort.COUNT, "Minutes, as billed.", _VOICE + _FAX)] = None
    seconds: Annotated[int | None, Field(Sort.COUNT, "How long it took.", _VOICE)] = None
    forwarded_from: Annotated[str | None, Field(Sort.NUMBER, "Who forwarded the call here.", _VOICE)] = None
    rate: Annotated[Decimal | None, Field(Sort.AMOUNT, "The price of a minute.", _VOICE + _FAX)] = None
    attestation: Annotated[
        str | None, Field(Sort.WORD, "Whether the network vouches for the caller's number.", _VOICE)
    ] = None
    error_code: Annotated[
        str | None, Field(Sort.WORD, "Why something failed, or the fallback URL was asked.", _VOICE + _SMS)
    ] = None
    fax_status: Annotated[str | None, Field(Sort.WORD, "Whether the fax came through.", _FAX)] = None
    fax_url: Annotated[str | None, Field(Sort.LINK, "The document.", _FAX)] = None
    fax_error_code: Annotated[str | None, Field(Sort.WORD, "Why the fax failed.", _FAX)] = None
    fax_pages: Annotated[int | None, Field(Sort.COUNT, "How many pages the fax has.", _FAX)] = None


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of an event besides, at the moment at which it is read."""

    contact: Annotated[str | None, Field(Sort.LABEL, "Who the sender is, by your contacts.")] = None


def _read(declared: type) -> dict[str, Field]:
    fields = {}
    for name, hint in get_type_hints(declared, include_extras=True).items():
        said: Field = hint.__metadata__[0]
        fields[name] = Field(said.sort, said.about, said.kinds, name, hint.__origin__)
    return fields


KEPT: Mapping[str, Field] = _read(Kept)
SAID: Mapping[str, Field] = _read(Said)
KNOWN: Mapping[str, Field] = _read(Known)
FIELDS: Mapping[str, Field] = {
    # When, what and who first: the order in which a person reads a spreadsheet.
    **{name: KEPT[name] for name in ("id", "received_at")},
    "occurred_at": SAID["occurred_at"],
    **{name: KEPT[name] for name in ("kind", "type")},
    "sender": SAID["sender"],
    **KNOWN,
    **{name: SAID[name] for name in ("recipient", "text", "txn_ref", "session")},
    **KEPT,
    **SAID,
}
"""Every field of an event by name, in the order in which it is shown."""


def fields_of(kind: str) -> tuple[str, ...]:
    """The names of the fields that an event of this kind has."""
    return tuple(name for name, field in FIELDS.items() if field.belongs_to(kind))
