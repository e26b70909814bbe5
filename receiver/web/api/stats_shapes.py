"""Counts as the query API answers them."""

from __future__ import annotations

from pydantic import BaseModel, Field

from receiver.web.api.shapes import NotIndexed, Time


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
