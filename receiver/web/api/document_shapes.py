"""What the query API says of the documents that events link to."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from receiver.web.api.shapes import Cursor, Time


class EventDocument(BaseModel):
    """A link of an event, and what became of it."""

    event_id: int
    address: str | None = Field(
        description="Where the document is, below the address of this API; null unless it is kept.",
        examples=["/events/8/documents/fax_url?position=0"],
    )
    field: str = Field(description="The field of the event that holds the link.")
    position: int = Field(description="Which of several links in the field, from 0.")
    state: Literal["waiting", "kept", "lapsed", "refused"] = Field(
        description="`lapsed`: the link led nowhere any more before we had it. `refused`: we do not fetch or"
        " keep what it leads to."
    )
    reason: str | None = Field(description="Why it is not kept, or not yet.")
    attempts: int
    due_at: Time | None = Field(description="When it is tried next.")
    media_type: str | None = Field(description="As its bytes tell.")
    size: int | None = Field(description="Bytes.")
    pages: int | None
    sha256: str | None
    preview: Literal["waiting", "yes", "no", "failed"] | None
    kept_at: Time | None


class EventDocuments(BaseModel):
    """The links of an event."""

    documents: list[EventDocument]


class DocumentPage(BaseModel):
    """The links of events, those of the newest event first."""

    documents: list[EventDocument]
    next: Cursor | None


class DocumentFile(BaseModel):
    """A file."""
