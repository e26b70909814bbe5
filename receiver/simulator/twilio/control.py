"""The simulator's own controls, `/control/`: make things arrive, fail or fall due. Not Twilio's API."""

import re
from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, request

from receiver.simulator.control import control_room, json_answer, take_faults
from receiver.simulator.faults import STATUS
from receiver.simulator.order import Order

from .account import new_sid
from .clock import stamp
from .errors import CODES
from .provider import Provider
from .records import Bundle

_BUNDLE_STATUSES = (
    "draft",
    "pending-review",
    "in-review",
    "twilio-rejected",
    "twilio-approved",
    "provisionally-approved",
)


def control_blueprint(provider: Provider, endpoints: Collection[str]) -> Blueprint:
    """`/control/`: JSON in, JSON out, no credentials. A mistake gives 400 and `{"error": sentence}`."""
    blueprint = control_room()

    @blueprint.get("/account")
    def account() -> Response:
        return json_answer(overview(provider))

    @blueprint.post("/balance")
    def balance() -> Response:
        order = Order(request.get_data())
        amount = order.money("balance")
        order.finish()
        with provider.account() as (held, now):
            held.set_balance(amount, now)
        return json_answer(overview(provider))

    @blueprint.post("/clock")
    def clock() -> Response:
        order = Order(request.get_data())
        days = order.number("advance_days", None, 0, 3660)
        order.finish()
        return json_answer({"now": stamp(provider.advance(days))})

    @blueprint.post("/bundles")
    def bundle() -> Response:
        order = Order(request.get_data())
        country, number_type = order.text("country"), order.choice("number_type", _NUMBER_TYPES)
        status = order.choice("status", _BUNDLE_STATUSES, "twilio-approved")
        order.finish()
        with provider.account() as (held, now):
            made = Bundle(
                sid=new_sid("BU"),
                friendly_name=f"{country} {number_type}",
                iso_country=country,
                number_type=number_type,
                status=status,
                date_created=stamp(now),
                date_updated=stamp(now),
            )
            held.bundles[made.sid] = made
        return json_answer(asdict(made))

    codes = "|".join(map(str, sorted(CODES)))
    take_faults(blueprint, provider, endpoints, re.compile(f"{STATUS}({codes})"))
    return blueprint


def overview(provider: Provider) -> dict[str, Any]:
    """The account as its owner would like to see it."""
    with provider.account() as (account, now):
        state = {
            "now": stamp(now),
            "currency": account.currency,
            "balance": str(account.balance),
            "numbers": [asdict(number) for number in account.numbers.values()],
            "ledger": [asdict(entry) for entry in account.ledger],
        }
    return state | {
        "faults": [asdict(fault) for fault in provider.faults()],
        "requests": provider.requests(),
    }


_NUMBER_TYPES = ("local", "mobile", "toll-free", "national")
