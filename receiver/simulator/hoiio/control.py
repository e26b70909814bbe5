"""The simulator's own controls, `/control/`: make things arrive, fail or expire. Not the provider's API."""

import json
import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from typing import Any, cast, get_args

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import HTTPException

from . import arrivals
from .api import active, money
from .arrivals import ArrivalResult, IncomingCall, IncomingFax, IncomingSms
from .clock import written
from .faults import KINDS, STATUS, Fault
from .notify import Manner, Placement
from .provider import Provider
from .store import StateError

_NUMBER = re.compile(r"\+[1-9]\d{5,14}")
_DEFAULT_SECONDS = {"slow": 3.0, "timeout": 60.0}
_LONGEST_WAIT = 3600.0


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
        if not _NUMBER.fullmatch(value):
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

    def has(self, name: str) -> bool:
        """Whether the field was given and is not null."""
        return self._fields.get(name) is not None

    def texts_in_order(self, name: str) -> tuple[str, ...]:
        """A list of texts; empty if left out."""
        value = self._take(name, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise BadOrder(f"{name} must be a list of texts.")
        return tuple(_sendable(name, one) for one in value)

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


def control_blueprint(provider: Provider, endpoints: Collection[str]) -> Blueprint:
    """`/control/`: JSON in, JSON out, no credentials. A mistake gives 400 and `{"error": sentence}`."""
    blueprint = Blueprint("control", __name__, url_prefix="/control")

    @blueprint.errorhandler(BadOrder)
    def bad_order(error: BadOrder) -> tuple[Response, int]:
        return _json({"error": str(error)}), 400

    @blueprint.errorhandler(StateError)
    def not_saved(error: StateError) -> tuple[Response, int]:
        return _json({"error": str(error)}), 500

    # On the whole application, since an unknown path belongs to no blueprint.
    @blueprint.app_errorhandler(HTTPException)
    def http_error(error: HTTPException) -> tuple[Response, int]:
        return _json({"error": error.description}), error.code or 500

    @blueprint.post("/calls")
    def call() -> Response:
        order = Order(request.get_data())
        arrival = IncomingCall(
            sender=order.text("from"),
            recipient=order.telephone("to"),
            hold=order.number("hold", 0.0, 0, _LONGEST_WAIT),
            minutes=order.whole("minutes", None, 0, 1440) if order.has("minutes") else None,
            digits=order.texts_in_order("digits"),
            block_seconds=order.number("block_seconds", 0.0, 0, _LONGEST_WAIT),
            manner=_manner(order),
        )
        return _arrive(order, lambda: arrivals.call(provider, arrival))

    @blueprint.post("/faxes")
    def fax() -> Response:
        order = Order(request.get_data())
        has_lifetime = order.has("link_seconds")
        arrival = IncomingFax(
            sender=order.text("from"),
            recipient=order.telephone("to"),
            text=order.text("text", "A page from the simulator."),
            failed=order.flag("failed"),
            fax_error_code=order.text("fax_error_code", "busy"),
            minutes=order.whole("minutes", 1, 0, 1440),
            link_seconds=order.whole("link_seconds", None, 0, 10**9) if has_lifetime else None,
            manner=_manner(order),
        )
        return _arrive(order, lambda: arrivals.fax(provider, arrival, request.host_url))

    @blueprint.post("/sms")
    def sms() -> Response:
        order = Order(request.get_data())
        arrival = IncomingSms(
            sender=order.text("from"),
            recipient=order.telephone("to"),
            text=order.text("text"),
            manner=_manner(order),
        )
        return _arrive(order, lambda: arrivals.sms(provider, arrival))

    @blueprint.get("/account")
    def account() -> Response:
        return _json(overview(provider))

    @blueprint.post("/balance")
    def balance() -> Response:
        order = Order(request.get_data())
        text = order.text("balance")
        order.finish()
        try:
            amount = Decimal(text)
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite() or abs(amount) >= 10**9:
            raise BadOrder('balance must be an amount of money as text, such as "12.50".')
        with provider.account() as (held, now):
            held.set_balance(amount, now)
        return _json(overview(provider))

    @blueprint.post("/clock")
    def clock() -> Response:
        order = Order(request.get_data())
        days = order.number("advance_days", None, 0, 3660)
        order.finish()
        return _json({"now": written(provider.advance(days))})

    @blueprint.get("/faults")
    def faults() -> Response:
        return _json({"faults": [asdict(fault) for fault in provider.faults()]})

    @blueprint.post("/faults")
    def order_fault() -> Response:
        order = Order(request.get_data())
        endpoint = order.choice("endpoint", endpoints)
        fault = order.text("fault")
        if fault not in KINDS and not re.fullmatch(STATUS + r"error_\w+", fault):
            raise BadOrder(f"fault must be one of {', '.join(KINDS)}, or {STATUS}error_… .")
        times = order.whole("times", 1, 1, 1_000_000)
        seconds = order.number("seconds", _DEFAULT_SECONDS.get(fault, 0.0), 0, _LONGEST_WAIT)
        order.finish()
        provider.order_fault(Fault(endpoint, fault, times, seconds))
        return faults()

    @blueprint.delete("/faults")
    def clear_faults() -> Response:
        provider.clear_faults()
        return faults()

    return blueprint


def overview(provider: Provider) -> dict[str, Any]:
    """The account as its owner would like to see it, with recent deliveries."""
    with provider.account() as (account, now):
        state = {
            "now": written(now),
            "currency": account.currency,
            "balance": money(account.balance),
            "numbers": [active(subscription) for subscription in account.subscriptions.values()],
            "ledger": [
                asdict(entry) | {"debit": money(entry.debit), "balance": money(entry.balance)}
                for entry in account.ledger
            ],
        }
    return state | {
        "deliveries": [asdict(delivery) for delivery in provider.deliveries()],
        "faults": [asdict(fault) for fault in provider.faults()],
        "requests": provider.requests(),
    }


def _sendable(name: str, text: str) -> str:
    # JSON can hold half of a surrogate pair, which no notification can carry.
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadOrder(f"{name} holds an incomplete character.") from error
    return text


def _manner(order: Order) -> Manner:
    manner = Manner(
        parameters=cast(Placement, order.choice("parameters", get_args(Placement), "body")),
        duplicate=order.whole("duplicate", 1, 1, 1000),
        delay=order.number("delay", 0.0, 0, _LONGEST_WAIT),
        unsigned=order.flag("unsigned"),
        wrong_signature=order.flag("wrong_signature"),
        extra=order.texts("extra"),
    )
    if manner.unsigned and manner.wrong_signature:
        raise BadOrder("A notification cannot be unsigned and have a wrong_signature.")
    return manner


def _arrive(order: Order, arrive: Callable[[], ArrivalResult]) -> Response:
    order.finish()
    outcome = arrive()
    return _json({"notified": bool(outcome.deliveries)} | asdict(outcome))


def _json(answer: Mapping[str, Any]) -> Response:
    return current_app.response_class(json.dumps(answer, indent=1) + "\n", mimetype="application/json")
