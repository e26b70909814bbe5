"""Fields of an answer in JSON, whatever stands in them. Fractions were read as `Decimal`."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

_MOST_DIGITS = 15
"""Of an amount, before or after the point. One written as 1e999999 is no money, and would fill the memory."""


def text(entry: Mapping[str, Any], field: str) -> str:
    """A text or a whole number; empty if it is neither."""
    value = entry.get(field)
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""


def integer(entry: Mapping[str, Any], field: str) -> int | None:
    """A count, also one that came as a text."""
    digits = text(entry, field)
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None


def money(entry: Mapping[str, Any], field: str) -> Decimal | None:
    """An amount, exactly as it was written."""
    value = entry.get(field)
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and abs(amount.adjusted()) < _MOST_DIGITS else None
