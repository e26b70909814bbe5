"""The simulator's own controls, `/control/`: make things arrive, fail or expire. Not the provider's API."""

import re
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any, cast, get_args

from flask import Blueprint, Response, request

from receiver.simulator.control import LONGEST_WAIT, control_room, json_answer, take_account, take_faults
from receiver.simulator.faults import STATUS
from receiver.simulator.manner import manner_fields
from receiver.simulator.order import BadOrder, Order
from receiver.simulator.outcome import judged

from . import arrivals
from .account import Account
from .api import active, money
from .arrivals import ArrivalResult, IncomingCall, IncomingFax, IncomingSms
from .calls import Outcome, Passage, Plan
from .clock import written
from .notify import Manner, Placement
from .provider import Provider

_DIALLED: dict[str, Outcome] = {one: one for one in get_args(Outcome)} | {"no-answer": "unanswered"}
"""What becomes of somebody who is dialled: its own words, and the one that the other simulators have."""


def control_blueprint(provider: Provider, endpoints: Collection[str]) -> Blueprint:
    """`/control/`: JSON in, JSON out, no credentials. A mistake gives 400 and `{"error": sentence}`."""
    blueprint = control_room()

    @blueprint.post("/calls")
    def call() -> Response:
        order = Order(request.get_data())
        arrival = IncomingCall(
            sender=order.text("from"),
            recipient=order.telephone("to"),
            hold=_hold(order),
            rings_for=order.number("rings_for", 0.0, 0, LONGEST_WAIT) if order.has("rings_for") else None,
            minutes=order.whole("minutes", None, 0, 1440) if order.has("minutes") else None,
            plan=_plan(order),
            block_seconds=order.number("block_seconds", 0.0, 0, LONGEST_WAIT),
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

    take_account(blueprint, provider, owned, written)
    take_faults(blueprint, provider, endpoints, re.compile(STATUS + r"error_\w+"))
    return blueprint


def owned(account: Account, now: datetime) -> dict[str, Any]:
    """The account as its owner would like to see it."""
    return {
        "now": written(now),
        "currency": account.currency,
        "balance": money(account.balance),
        "numbers": [active(subscription) for subscription in account.subscriptions.values()],
        "ledger": [
            asdict(entry) | {"debit": money(entry.debit), "balance": money(entry.balance)}
            for entry in account.ledger
        ],
    }


def _manner(order: Order) -> Manner:
    manner = Manner(
        parameters=cast(Placement, order.choice("parameters", get_args(Placement), "body")),
        delay=order.number("delay", 0.0, 0, LONGEST_WAIT),
        **manner_fields(order),
    )
    if manner.unsigned and manner.wrong_signature:
        raise BadOrder("A notification cannot be unsigned and have a wrong_signature.")
    return manner


def _plan(order: Order) -> Plan:
    return Plan(
        digits=deque(order.texts_in_order("digits")),
        dial=deque(_DIALLED[one] for one in order.choices("dial", _DIALLED)),
        dial_seconds=order.number("dial_seconds", 0.0, 0, LONGEST_WAIT)
        if order.has("dial_seconds")
        else None,
        hangs_up_in=order.whole("hangs_up_in", 0, 0, 1000),
        notifications=deque(cast(Passage, one) for one in order.choices("notifications", get_args(Passage))),
        late_seconds=order.number("late_seconds", Plan.late_seconds, 0, LONGEST_WAIT),
    )


def _hold(order: Order) -> float:
    """Seconds until the caller hangs up, by the name that every simulator knows, or as it is called here."""
    name = "hangs_up_after" if order.has("hangs_up_after") else "hold"
    return order.number(name, 0.0, 0, LONGEST_WAIT)


def _arrive(order: Order, arrive: Callable[[], ArrivalResult]) -> Response:
    order.finish()
    outcome = arrive()
    return json_answer(judged({"notified": bool(outcome.deliveries)} | asdict(outcome), {}))
