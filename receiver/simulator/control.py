"""What the controls of all simulators share: how they answer, and faults."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any, Protocol

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import HTTPException

from .faults import KINDS, STATUS, Fault
from .order import BadOrder, Order
from .statefile import StateError

LONGEST_WAIT = 3600.0
"""The most seconds that an order may make anything wait."""

_DEFAULT_SECONDS = {"slow": 3.0, "timeout": 60.0}


class Faulty(Protocol):
    """A provider whose requests can be made to fail."""

    def faults(self) -> list[Fault]: ...

    def order_fault(self, fault: Fault) -> None: ...

    def clear_faults(self) -> None: ...


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


def take_faults(
    blueprint: Blueprint, provider: Faulty, endpoints: Collection[str], refusal: re.Pattern[str]
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
