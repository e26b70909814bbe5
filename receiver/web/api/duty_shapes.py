"""What people on duty did, as the query API's document describes it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from receiver.duty.duty import LONGEST_NOTE
from receiver.web.api.shapes import Time


class Duty(BaseModel):
    """What was done about a call, a fax or a conversation."""

    handled_by: str | None = Field(description="Who dealt with it; null while it is open.")
    handled_at: Time | None
    note: str | None


class ChangedDuty(BaseModel):
    """What to change; the rest stays."""

    model_config = ConfigDict(extra="forbid", strict=True)

    handled: bool | None = None
    note: str | None = Field(None, max_length=LONGEST_NOTE, description="An empty one removes it.")
    before: str | None = Field(
        None, max_length=LONGEST_NOTE, description="The note as you know it, to replace it."
    )
