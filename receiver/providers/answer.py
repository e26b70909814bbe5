"""What a callback is answered with beside its status."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """What a callback is answered with, once it is on stable storage."""

    content_type: str | None = None
    body: bytes = b""


NOTHING = Answer()
