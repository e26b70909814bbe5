"""What a sort of target has to offer: read its settings, say what they are, and send.

To add a sort, write a `Sort` and add its line in `receiver.relay.sorts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Engine

from config import Config
from receiver.outbound.guard import Guard
from receiver.relay.delivery import Parcel, Result
from receiver.relay.documents import Documents, NoDocuments
from receiver.relay.options import Option, TargetError
from receiver.relay.target import Target

__all__ = ["Option", "Sender", "Sort", "Surroundings", "TargetError"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What senders work with."""

    config: Config
    engine: Engine
    guard: Guard
    documents: Documents = field(default_factory=NoDocuments)


class Sender(Protocol):
    """Sends to one target. Several threads use it at once."""

    def send(self, parcel: Parcel) -> Result:
        """One attempt. Never raises for what the other side does, and ends in bounded time."""

    def close(self) -> None:
        """Let go of connections."""


class Sort(Protocol):
    """One sort of target."""

    about: str
    """What it is for, in a sentence, for those who choose a sort."""
    options: tuple[Option, ...]
    """What a person may say of a target. Commands, API and forms are made from it; what they read has the
    form that is declared here."""
    lanes: int
    """How many deliveries to one target may be under way at once, unless its settings say so by `lanes`."""

    def read(
        self, given: Mapping[str, Any], known: Mapping[str, Any], around: Surroundings
    ) -> dict[str, Any]:
        """The settings as they are stored, made from what a person gave; `known` are the settings that the
        target has so far, empty for a new one. `TargetError` if something is missing, wrong, or would be
        refused on sending."""

    def shown(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings without anything secret, for pages, API and command line."""

    def place(self, settings: Mapping[str, Any]) -> str:
        """Where it leads, in a few words and without secrets: `hooks.example.com`, `front@example.com`."""

    def secret(self, settings: Mapping[str, Any]) -> str | None:
        """What the other side verifies deliveries with; None if a sort has nothing like that. One that has
        it takes `rotate` in `read`, for a new one."""

    def sender(self, target: Target, around: Surroundings) -> Sender:
        """What sends to the target."""
