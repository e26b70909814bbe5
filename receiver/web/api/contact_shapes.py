"""Contacts as the query API's document describes them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from receiver.web.api.shapes import Cursor, Number, Time


class Contact(BaseModel):
    """A number and its name."""

    number: Number
    name: str
    made_at: Time
    changed_at: Time


class ContactPage(BaseModel):
    """Contacts, newest first."""

    contacts: list[Contact]
    next: Cursor | None


class NewName(BaseModel):
    """What a number is to be called."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(min_length=1)


class RemovedContact(BaseModel):
    """Whose name was taken away."""

    removed: str
