"""What the query API answers and takes about the spool and what was set aside."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from receiver.vocabulary.verdict import Verdict
from receiver.web.api.event_shapes import Raw
from receiver.web.api.shapes import Cursor, IdList, Time


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

    ids: IdList


class Retried(BaseModel):
    """What waits for the database again."""

    retried: int = Field(description="Those that are not set aside are passed over and not counted.")


class DroppedSetAside(BaseModel):
    """What was deleted."""

    dropped: int = Field(description="Those that are not set aside are passed over and not counted.")
