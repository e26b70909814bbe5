"""What the query API says of the numbers that are held, and of what needs attention."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from receiver.web.api.shapes import Number, Time


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
