"""An event as a handler gets it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from receiver.vocabulary.fields import FIELDS, Field, Kept, Known, Said, Sort
from receiver.vocabulary.linked import Linked
from receiver.vocabulary.notification import Params


@dataclass(frozen=True, kw_only=True, repr=False)
class Event(Said, Kept, Known):
    """An event of the log, and which attempt at it this is.

    A field that events of its kind do not have is None.
    """

    params: Params = field(default_factory=dict, hash=False)
    """All that came, by its provider's names, also what has no field; what came several times is a list. A
    callback key in it is masked."""
    attempt: int = 1
    """1 for the first. A later one means that the function failed, or was cut short, before."""
    replay: bool = False
    """Whether somebody asked for the event once more."""
    test: bool = False
    """Whether it only tries the way here: nothing has happened."""

    def __repr__(self) -> str:
        """Without numbers and texts, so that a print for finding mistakes does not spread them."""
        return f"Event(id={self.id}, type='{self.type}', attempt={self.attempt})"

    @classmethod
    def read(
        cls, data: Mapping[str, Any], *, attempt: int = 1, replay: bool = False, test: bool = False
    ) -> Event:
        """From the JSON of an event, as the API gives it."""
        values = {name: _value(one, data.get(name)) for name, one in FIELDS.items()}
        return cls(**values, params=data.get("params", {}), attempt=attempt, replay=replay, test=test)


def _value(field: Field, said: Any) -> Any:
    if said is None:
        return () if field.sort is Sort.FILES else None
    if field.sort is Sort.TIME:
        return datetime.fromisoformat(said)
    if field.sort is Sort.AMOUNT:
        return Decimal(said)
    if field.sort is Sort.FILES:
        return tuple(Linked(**file) for file in said)
    if isinstance(field.type, type) and issubclass(field.type, Enum):
        return field.type(said)
    return said
