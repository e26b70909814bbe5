"""What the query API answers and takes, as the document describes it. Times are UTC, ISO 8601, with Z."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from receiver.search.index_lag import Lacks
from receiver.vocabulary.kinds import CallOutcome, EventState
from receiver.web.api.event_shapes import (
    Amount,
    Decision,
    Event,
    EventDocument,
    LinkedFile,
    Number,
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
