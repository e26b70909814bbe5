"""The JSON of a control request, taken field by field."""

import json
import math
from collections.abc import Collection
from decimal import Decimal, InvalidOperation
from typing import Any

from .telephone import is_international


class BadOrder(Exception):
    """A control request that makes no sense. The message is a sentence for whoever sent it."""


class Order:
    """The JSON of a control request. Fields are taken one by one; a field that nobody took is an error."""

    def __init__(self, body: bytes) -> None:
        try:
            fields = json.loads(body or b"{}")
        except ValueError as error:
            raise BadOrder("The request is not JSON.") from error
        if not isinstance(fields, dict):
            raise BadOrder("The request must be a JSON object.")
        self._fields: dict[str, Any] = fields

    def text(self, name: str, default: str | None = None) -> str:
        """A text; required without a default."""
        value = self._take(name, default)
        if not isinstance(value, str):
            raise BadOrder(f"{name} must be a text.")
        return _sendable(name, value)

    def telephone(self, name: str) -> str:
        """A telephone number in international form; required."""
        value = self.text(name)
        if not is_international(value):
            raise BadOrder(f"{name} must be a telephone number such as +6511111111.")
        return value

    def choice(self, name: str, choices: Collection[str], default: str | None = None) -> str:
        """One of these words."""
        value = self.text(name, default)
        if value not in choices:
            raise BadOrder(f"{name} must be one of {', '.join(choices)}.")
        return value

    def flag(self, name: str) -> bool:
        """true or false; false if left out."""
        value = self._take(name, False)
        if not isinstance(value, bool):
            raise BadOrder(f"{name} must be true or false.")
        return value

    def number(self, name: str, default: float | None, low: float, high: float) -> float:
        """A number within limits; required without a default."""
        value = self._take(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise BadOrder(f"{name} must be a number from {low:g} to {high:g}.")
        return value

    def whole(self, name: str, default: int | None, low: int, high: int) -> int:
        """A whole number within limits."""
        value = self.number(name, default, low, high)
        if value != math.floor(value):
            raise BadOrder(f"{name} must be a whole number.")
        return int(value)

    def money(self, name: str) -> Decimal:
        """An amount of money, written as a text; required."""
        text = self.text(name)
        try:
            amount = Decimal(text)
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite() or abs(amount) >= 10**9:
            raise BadOrder(f'{name} must be an amount of money as text, such as "12.50".')
        return amount

    def has(self, name: str) -> bool:
        """Whether the field was given and is not null."""
        return self._fields.get(name) is not None

    def texts_in_order(self, name: str) -> tuple[str, ...]:
        """A list of texts; empty if left out."""
        value = self._take(name, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise BadOrder(f"{name} must be a list of texts.")
        return tuple(_sendable(name, one) for one in value)

    def choices(self, name: str, choices: Collection[str]) -> tuple[str, ...]:
        """A list of these words; empty if left out."""
        values = self.texts_in_order(name)
        if wrong := [value for value in values if value not in choices]:
            raise BadOrder(f"{name} must be a list of {', '.join(choices)}, not {wrong[0]}.")
        return values

    def texts(self, name: str) -> dict[str, str | None]:
        """An object whose values are texts or null; empty if left out."""
        value = self._take(name, {})
        if not isinstance(value, dict) or not all(v is None or isinstance(v, str) for v in value.values()):
            raise BadOrder(f"{name} must be an object whose values are texts or null.")
        return {_sendable(name, key): v and _sendable(name, v) for key, v in value.items()}

    def finish(self) -> None:
        """Refuse fields that mean nothing here: most likely typing mistakes."""
        if self._fields:
            raise BadOrder(f"There is no field {', '.join(sorted(self._fields))} here.")

    def _take(self, name: str, default: Any) -> Any:
        value = self._fields.pop(name, None)
        if value is None:
            value = default
        if value is None:
            raise BadOrder(f"{name} is missing.")
        return value


def _sendable(name: str, text: str) -> str:
    # JSON can hold half of a surrogate pair, which no notification can carry.
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadOrder(f"{name} holds an incomplete character.") from error
    return text
