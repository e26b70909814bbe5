"""A setting that works, and costs callbacks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caution:
    """What is not as it should be, without a secret: it is logged at the start."""

    code: str
    """A short name, the same in every release."""
    sentence: str
    mend: str
    """What to do."""
