"""A stretch of the log, by ids."""

from __future__ import annotations

from dataclasses import dataclass

END = 2**63 - 1
"""Above every id."""


@dataclass(frozen=True, slots=True)
class Span:
    """Ids above `above` and below `below`."""

    above: int = 0
    below: int = END
