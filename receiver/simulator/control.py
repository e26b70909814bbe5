"""What the controls of all simulators share: how they answer, the account, and faults."""

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import HTTPException

from .faults import KINDS, STATUS, Fault
from .order import BadOrder, Order
from .outcome import in_words
from .provider import Account, SharedProvider
from .statefile import StateError

LONGEST_WAIT = 3600.0
"""The most seconds that an order may make anything wait."""

_DEFAULT_SECONDS = {"slow": 3.0, "timeout": 60.0}

_Account = TypeVar("_Account", bound=Account)


def control_room() -> Blueprint:
    """`/control/`: JSON in, JSON out, no credentials. A mistake gives 400 and `{"error": sentence}`."""
    blueprint = Blueprint("control", __name__, url_prefix="/control")

    @blueprint.errorhandler(BadOrder)
    def bad_order(error: BadOrder) -> tuple[Response, int]:
        return json_answer({"error": str(error)}), 400

    @blueprint.errorhandler(StateError)
    def not_saved(error: StateError) -> tuple[Response, int]:
        return json_answer({"error": str(error)}), 500

    # On the whole application, since an unknown path belongs to no blueprint.
    @blueprint.app_errorhandler(HTTPException)
    def http_error(error: HTTPException) -> tuple[Response, int]:
        return json_answer({"error": error.description}), error.code or 500

    return blueprint


def overview(
    provider: SharedProvider[_Account], owned: Callable[[_Account, datetime], dict[str, Any]]
) -> dict[str, Any]:
    """The account as its owner would like to see it: what is `owned`, and what happened lately."""
    with provider.look() as (account, now):
        state = owned(account, now)
    return state | {
        "deliveries": [in_words(asdict(one), provider.failures) for one in provider.deliveries()],
        "faults": [asdict(fault) for fault in provider.faults()],
        "requests": provider.requests(),
    }


def take_account(
    blueprint: Blueprint,
    provider: SharedProvider[_Account],
    owned: Callable[[_Account, datetime], dict[str, Any]],
    written: Callable[[datetime], str],
) -> None:
    """`/control/account`, `/balance` and `/clock`: see the account, and change it by hand."""

    @blueprint.get("/account")
    def account() -> Response:
        return json_answer(overview(provider, owned))

    @blueprint.post("/balance")
    def balance() -> Response:
        order = Order(request.get_data())
        amount = order.money("balance")
        order.finish()
        with provider.account() as (held, now):  # a top-up or correction, which the ledger shows
            held.charge("adjust", "", held.balance - amount, now, "balance set by hand")
        return account()

    @blueprint.post("/clock")
    def clock() -> Response:
        order = Order(request.get_data())
        days = order.number("advance_days", None, 0, 3660)
        order.finish()
        return json_answer({"now": written(provider.advance(days))})


def take_faults(
    blueprint: Blueprint, provider: SharedProvider[Any], endpoints: Collection[str], refusal: re.Pattern[str]
) -> None:
    """`/control/faults`: make requests fail. `refusal` matches `status:…` as this provider has it."""

    @blueprint.get("/faults")
    def faults() -> Response:
        return json_answer({"faults": [asdict(fault) for fault in provider.faults()]})

    @blueprint.post("/faults")
    def order_fault() -> Response:
        order = Order(request.get_data())
        endpoint = order.choice("endpoint", endpoints)
        fault = order.text("fault")
        if fault not in KINDS and not refusal.fullmatch(fault):
            raise BadOrder(f"fault must be one of {', '.join(KINDS)}, or {STATUS}… with a status.")
        times = order.whole("times", 1, 1, 1_000_000)
        seconds = order.number("seconds", _DEFAULT_SECONDS.get(fault, 0.0), 0, LONGEST_WAIT)
        order.finish()
        provider.order_fault(Fault(endpoint, fault, times, seconds))
        return faults()

    @blueprint.delete("/faults")
    def clear_faults() -> Response:
        provider.clear_faults()
        return faults()


def json_answer(answer: Mapping[str, Any]) -> Response:
    """What a person or a test reads."""
    return current_app.response_class(json.dumps(answer, indent=1) + "\n", mimetype="application/json")
