"""Calls and conversations as the query API answers them."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, Field

from receiver.vocabulary.kinds import CallOutcome, EventState
from receiver.web.api.event_shapes import Decision, Event, LinkedFile
from receiver.web.api.shapes import Amount, Cursor, NotIndexed, Number, Time


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
