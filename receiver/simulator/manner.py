"""How what arrives is sent: as documented, or in a way that tests a receiver."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .order import Order


@dataclass(frozen=True)
class Manner:
    """What every provider can be told. The defaults are as documented."""

    unsigned: bool = False
    wrong_signature: bool = False
    duplicate: int = 1
    """How often each request is sent."""
    extra: Mapping[str, str | None] = field(default_factory=dict)
    """Parameters to add or replace; None removes one."""


def manner_fields(order: Order) -> dict[str, Any]:
    """The fields of a `Manner`, taken from an order."""
    return {
        "unsigned": order.flag("unsigned"),
        "wrong_signature": order.flag("wrong_signature"),
        "duplicate": order.whole("duplicate", 1, 1, 1000),
        "extra": order.texts("extra"),
    }
