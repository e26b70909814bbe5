"""An event as the query API's document describes it, made from the table of fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, create_model
from pydantic import Field as About

from receiver.answering.why import Cause
from receiver.search.repeats import MOST
from receiver.vocabulary.fields import FIELDS, Field, Sort
from receiver.vocabulary.verdict import Verdict
from receiver.web.api.document_shapes import EventDocument
from receiver.web.api.shapes import Amount, Cursor, NotIndexed, Number, Time


class LinkedFile(BaseModel):
    """A link to a file, and what the provider says that it is."""

    media_type: str
    url: str


_TYPES: dict[Sort, Any] = {
    Sort.TIME: Time,
    Sort.NUMBER: Number,
    Sort.AMOUNT: Amount,
    Sort.FILES: list[LinkedFile],
}


class Raw(BaseModel):
    """The callback as it was received, but for callback keys, for which *** stands."""

    method: str
    query_string: str
    headers: dict[str, str]
    body_base64: str
    peer: str


def _described(field: Field) -> tuple[Any, Any]:
    type_, nullable = field.type, False
    if field.sort in _TYPES:
        nullable = type(None) in getattr(field.type, "__args__", ())
        type_ = _TYPES[field.sort] | None if nullable else _TYPES[field.sort]
    about = {"description": field.about} if field.about else {}
    # A field that only some kinds have is left out of the others.
    return type_, About(**({"default": None} | about if field.kinds else about))


if TYPE_CHECKING:

    class Event(BaseModel):
        """One notification of a provider. A field that only other kinds have is left out."""
else:
    Event = create_model(
        "Event",
        __doc__="One notification of a provider. A field that only other kinds have is left out.",
        **{name: _described(field) for name, field in FIELDS.items()},
        params=(
            dict[str, str | list[str]],
            About(description="All parameters as they came, but for callback keys."),
        ),
    )


class Repeat(BaseModel):
    """A later callback with the same content as the event."""

    received_at: Time
    signature: Verdict
    raw: Raw


class Why(BaseModel):
    """Why something was decided. Rules and steps count from 1."""

    cause: Cause
    rule: int | None = About(description="The rule that applied, of those of the number.")
    flow: str | None = About(description="The flow in which the call was.")
    step: int | None
    said: str = About(description="For people.")


class Decision(BaseModel):
    """What your rules decided."""

    decided_at: Time
    event_id: int | None = About(description="The event that led to it; null if none did.")
    why: list[Why]
    does: str | None = About(description="What is done, in words; null for nothing.")
    flow: str | None = About(description="Where the call is then; null at its end.")
    step: int | None


class WholeEvent(Event):
    """One event with its raw request, its repeats and its documents, and what it led to."""

    raw: Raw
    repeated: list[Repeat] = About(description=f"Oldest first, at most {MOST} of them.")
    documents: list[EventDocument] = About(description="What became of its links, such as that to a fax.")
    decisions: list[Decision] = About(description="What your rules decided when it came, if any are for it.")


class SomeFields(BaseModel):
    """An event, or the fields of it that were asked for."""

    model_config = ConfigDict(extra="allow")


class EventPage(BaseModel):
    """Events, newest first."""

    events: list[Event | SomeFields]
    next: Cursor | None
    not_indexed: NotIndexed
