"""What several answers of the query API have in common. Times are UTC, ISO 8601, with Z."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from receiver.search.index_lag import Lacks

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-01-31T02:00:00.000Z"])]
Number = Annotated[str, Field(examples=["+6591234567"])]
Amount = Annotated[str, Field(description="A decimal number as the provider wrote it.", examples=["0.040"])]
Id = Annotated[int, Field(ge=1, lt=2**63)]
IdList = Annotated[list[Id], Field(min_length=1, max_length=1000)]
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


class Document(BaseModel):
    """This document."""

    model_config = ConfigDict(extra="allow")

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]
