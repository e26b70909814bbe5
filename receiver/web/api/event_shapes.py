"""An event as the query API's document describes it, made from the table of fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, create_model
from pydantic import Field as About

from receiver.search.repeats import MOST
from receiver.vocabulary.fields import FIELDS, Field, Sort
from receiver.vocabulary.verdict import Verdict

Time = Annotated[str, About(json_schema_extra={"format": "date-time"}, examples=["2026-01-31T02:00:00.000Z"])]
Number = Annotated[str, About(examples=["+6591234567"])]
Amount = Annotated[str, About(description="A decimal number as the provider wrote it.", examples=["0.040"])]


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
    """The callback as it was received."""

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
        params=(dict[str, str | list[str]], About(description="All parameters as they came.")),
    )


class Repeat(BaseModel):
    """A later callback with the same content as the event."""

    received_at: Time
    signature: Verdict
    raw: Raw


class WholeEvent(Event):
    """One event with its raw request and its repeats."""

    raw: Raw
    repeated: list[Repeat] = About(description=f"Oldest first, at most {MOST} of them.")
