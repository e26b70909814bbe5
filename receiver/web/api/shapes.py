"""What the query API answers and takes, as the document describes it. Times are UTC, ISO 8601, with Z."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from receiver.search.index_lag import Lacks
from receiver.vocabulary.kinds import CallOutcome, EventState
from receiver.vocabulary.verdict import Verdict
from receiver.web.api.event_shapes import (
    Amount,
    Decision,
    Event,
    EventDocument,
    LinkedFile,
    Number,
    Raw,
    Time,
)

Cursor = Annotated[str, Field(description="Give it as `before` for the next page; null on the last one.")]


class Problem(BaseModel):
    """What went wrong."""

    code: str = Field(description="For programs: always the same for the same reason.")
    message: str = Field(description="For people: what it was, and what to do.")


class Error(BaseModel):
    """The one shape of every failure."""

    error: Problem


class Lag(BaseModel):
    """The index is so far behind that the answer may lack events: those received from `first` to `last`."""

    behind: int = Field(description="Events that it has not reached, about. It catches up by itself.")
    lacks: Lacks = Field(
        description="`words`: no words are looked for in them; `counts`: they are not counted."
    )
    first: Time
    last: Time


NotIndexed = Annotated[Lag | None, Field(description="Null unless the answer may lack something.")]


class SomeFields(BaseModel):
    """An event, or the fields of it that were asked for."""

    model_config = ConfigDict(extra="allow")


class EventPage(BaseModel):
    """Events, newest first."""

    events: list[Event | SomeFields]
    next: Cursor | None
    not_indexed: NotIndexed


class Call(BaseModel):
    """The events of one session as a time line, in the order in which things happened."""

    session: str
    provider: str
    id: int = Field(description="The first event's id.")
    state: EventState = Field(
        description="`missed`: it ended, and nobody was reached. `voicemail`: nor was anybody then, but the"
        " caller left a message. `ended`: how is unknown."
    )
    outcome: CallOutcome | None = Field(description="What became of it; null while it goes on.")
    sender: Number | None
    contact: str | None = Field(description="Who the sender is, by your contacts.")
    recipient: Number | None
    txn_ref: str | None
    started_at: Time
    ended_at: Time | None
    duration: int | None = Field(description="Minutes, as billed.")
    seconds: int | None = Field(description="How long it took.")
    cost: Amount | None
    currency: str | None
    digits: list[str] = Field(description="What was pressed, menu by menu.")
    recordings: list[str]
    handled_by: str | None
    handled_at: Time | None = Field(description="When somebody said that it was dealt with.")
    note: str | None = Field(description="What people on duty wrote about it.")
    events: list[Event]


class CallInFull(Call):
    """One call, with what your rules decided about it."""

    decisions: list[Decision] = Field(description="In their order; none if no rules answered the call.")


class CallPage(BaseModel):
    """Calls, newest first."""

    calls: list[Call]
    next: Cursor | None
    not_indexed: NotIndexed


class Part(BaseModel):
    """An event that is part of a message."""

    id: int
    text: str | None
    txn_ref: str | None
    media: list[LinkedFile]


class Message(BaseModel):
    """A message as it was written."""

    id: int = Field(description="The newest part's id.")
    text: str
    joined: bool = Field(description="It came in several parts, which plainly belong together.")
    gap: bool = Field(description="A part seems to be missing; […] stands in its place.")
    sent_at: Time
    received_at: Time
    cost: Amount | None
    currency: str | None
    parts: list[Part]


class Conversation(BaseModel):
    """What one sender wrote to one number, newest first."""

    number: Number
    provider: str | None = Field(description="From which provider the newest message came.")
    sender: str
    contact: str | None = Field(description="Who the sender is, by your contacts.")
    count: int = Field(description="SMS in all, each part for itself.")
    messages: Sequence[Message]
    next: Cursor | None
    handled_by: str | None
    handled_at: Time | None = Field(description="When somebody dealt with it, if nothing came since.")
    note: str | None = Field(description="What people on duty wrote about it.")


class MessageInFull(Message):
    """A message, with what your rules decided about it."""

    decisions: list[Decision] = Field(description="In their order; none if no rules are for it.")


class ConversationInFull(Conversation):
    """What one sender wrote to one number, with what your rules decided."""

    messages: Sequence[MessageInFull]


class ConversationPage(BaseModel):
    """Conversations, each with its newest message that matches, newest first."""

    conversations: list[Conversation]
    next: Cursor | None
    not_indexed: NotIndexed


class QuarantineReason(BaseModel):
    """Why events are not trusted, and how many for that reason."""

    reason: str
    events: int
    bytes: int


class Quarantine(BaseModel):
    """What is kept but not trusted."""

    events: int
    bytes: int = Field(description="With repeats, as QUARANTINE_LIMIT_MB counts them.")
    limit: int = Field(description="Bytes.")
    full: bool = Field(description="Whether the next callback that is not trusted will be answered 503.")
    reasons: list[QuarantineReason]
    oldest: Time | None


class Ids(BaseModel):
    """Which events, by id."""

    model_config = ConfigDict(extra="forbid", strict=True)

    ids: list[Annotated[int, Field(ge=1, lt=2**63)]] = Field(min_length=1, max_length=1000)


class Released(BaseModel):
    """What happened to the events that were to be released."""

    released: int = Field(description="Those not in quarantine are passed over and not counted.")
    merged: int = Field(description="Of those, how many became a repeat of their trusted twin.")
    release: int | None = Field(description="By which it can be undone; null if nothing was released.")


class Release(BaseModel):
    """Which release is to be undone."""

    model_config = ConfigDict(extra="forbid", strict=True)

    release: Annotated[int, Field(ge=1, lt=2**63)]


class PutBack(BaseModel):
    """What went back into quarantine."""

    events: int
    came_again: int = Field(description="Those that stay: a copy that is trusted came meanwhile.")
    delivered: int = Field(description="Deliveries since the release, which cannot be called back.")


class Dropped(BaseModel):
    """What was deleted."""

    events: int = Field(description="Those not in quarantine are passed over and not counted.")
    repeats: int


class KnownNumber(BaseModel):
    """A telephone number of the account, as the provider last described it."""

    number: Number
    provider: str
    country: str
    state: str
    capabilities: list[str]
    mode: str
    expires_on: str | None = Field(json_schema_extra={"format": "date"})
    auto_extend: bool | None
    checked_at: Time


class Numbers(BaseModel):
    """The numbers that are held. Where they point is left out: the URLs hold callback keys."""

    numbers: list[KnownNumber]
    checked_at: Time | None = Field(
        description="When the provider last answered; null if it was never asked."
    )


class Hour(BaseModel):
    """Events of one kind in the hour that begins at `hour`."""

    hour: Time
    kind: str
    events: int


class Total(BaseModel):
    """Events of one kind and type."""

    kind: str
    type: str
    events: int


class NumberTotal(BaseModel):
    """Events at one number."""

    number: str = Field(description="Empty for events that named none.")
    events: int
    last_at: Time | None


class Stats(BaseModel):
    """Counts of events."""

    since: Time
    until: Time
    hours: list[Hour]
    kinds: list[Total]
    numbers: list[NumberTotal] = Field(
        description="The busiest first: of what matches, or without a filter of the whole log."
    )
    not_indexed: NotIndexed


class Finding(BaseModel):
    """Something that is wrong, and what fixes it."""

    code: str
    severity: Literal["warning", "error"]
    sentence: str
    mend: str
    subject: str
    provider: str | None = Field(description="Whose account or number it is about, if any.")
    since: Time | None


class Findings(BaseModel):
    """What needs attention, errors first."""

    findings: list[Finding]


class Spool(BaseModel):
    """Callbacks waiting on this machine until the database takes them."""

    waiting: int
    set_aside: int = Field(description="The database refused them; see `/spool/set-aside`.")
    oldest: Time | None


class SetAside(BaseModel):
    """A callback that the database refused. It is no event."""

    id: int = Field(description="In the spool of this machine; other machines have others of this id.")
    received_at: Time
    provider: str
    kind: str
    size: int = Field(description="Bytes of the body.")
    reason: str


class WholeSetAside(SetAside):
    """The same with its raw request."""

    signature: Verdict
    distrust: str | None = Field(description="Why it would be quarantined; null if it would not.")
    raw: Raw


class SetAsidePage(BaseModel):
    """What was set aside, newest first."""

    set_aside: list[SetAside]
    next: Cursor | None


class SetAsideIds(BaseModel):
    """Which callbacks, by id."""

    model_config = ConfigDict(extra="forbid", strict=True)

    ids: list[Annotated[int, Field(ge=1, lt=2**63)]] = Field(min_length=1, max_length=1000)


class Retried(BaseModel):
    """What waits for the database again."""

    retried: int = Field(description="Those that are not set aside are passed over and not counted.")


class DroppedSetAside(BaseModel):
    """What was deleted."""

    dropped: int = Field(description="Those that are not set aside are passed over and not counted.")


class EventDocuments(BaseModel):
    """The links of an event."""

    documents: list[EventDocument]


class DocumentPage(BaseModel):
    """The links of events, those of the newest event first."""

    documents: list[EventDocument]
    next: Cursor | None


class DocumentFile(BaseModel):
    """A file."""


class Document(BaseModel):
    """This document."""

    model_config = ConfigDict(extra="allow")

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]
