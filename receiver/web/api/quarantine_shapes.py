"""What the query API answers and takes about the quarantine."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from receiver.web.api.shapes import Id, IdList, Time


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

    ids: IdList


class Released(BaseModel):
    """What happened to the events that were to be released."""

    released: int = Field(description="Those not in quarantine are passed over and not counted.")
    merged: int = Field(description="Of those, how many became a repeat of their trusted twin.")
    release: int | None = Field(description="By which it can be undone; null if nothing was released.")


class Release(BaseModel):
    """Which release is to be undone."""

    model_config = ConfigDict(extra="forbid", strict=True)

    release: Id


class PutBack(BaseModel):
    """What went back into quarantine."""

    events: int
    came_again: int = Field(description="Those that stay: a copy that is trusted came meanwhile.")
    delivered: int = Field(description="Deliveries since the release, which cannot be called back.")


class Dropped(BaseModel):
    """What was deleted."""

    events: int = Field(description="Those not in quarantine are passed over and not counted.")
    repeats: int
