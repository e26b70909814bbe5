"""The simulator's own controls, `/control/`: make things arrive, fail or fall due. Not Twilio's API."""

import re
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, abort, request

from receiver.simulator.control import control_room, json_answer, take_account, take_faults
from receiver.simulator.faults import STATUS
from receiver.simulator.manner import manner_fields
from receiver.simulator.order import BadOrder, Order
from receiver.simulator.outcome import judged

from . import calls, texts
from .account import Account, new_sid
from .callers import Caller, Leg
from .calls import NotDelivered
from .clock import stamp
from .deliveries import FAILURES, Manner
from .errors import CODES
from .provider import Provider
from .records import Bundle
from .segments import LONGEST_BODY

_NUMBER_TYPES = ("local", "mobile", "toll-free", "national")
_DIAL_STATUSES = ("answered", "busy", "no-answer", "failed")
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

    @blueprint.post("/calls")
    def call() -> Response:
        order = Order(request.get_data())
        sender, recipient, manner = order.text("from"), order.telephone("to"), _manner(order)
        caller = Caller(
            digits=deque(order.texts_in_order("digits")),
            speech=deque(order.texts_in_order("speech")),
            legs=_legs(order),
            record_seconds=order.whole("record_seconds", Caller.record_seconds, 0, 3600),
            record_key=order.choice("record_key", ("", *"0123456789*#"), ""),
            hangs_up_after=order.number("hangs_up_after", Caller.hangs_up_after, 0, 86_400),
        )
        # What every simulator is told, and never happens here: a document is asked for at the first ring.
        order.number("rings_for", 0.0, 0, 86_400)
        about = {
            word: order.text(name)
            for name, word in (("caller_name", "CallerName"), ("forwarded_from", "ForwardedFrom"))
            if order.has(name)
        }
        order.finish()
        return _arrive(
            lambda: calls.place(
                provider, sender, recipient, caller, manner=manner, base_url=_base_url(provider), **about
            )
        )

    @blueprint.get("/calls/<sid>")
    def course(sid: str) -> Response:
        report = provider.reported(sid)
        if report is None:
            abort(404, "There is no such call, or it is not over.")
        return json_answer(judged(report, FAILURES))

    @blueprint.post("/sms")
    def sms() -> Response:
        order = Order(request.get_data())
        sender, recipient, manner = order.text("from"), order.telephone("to"), _manner(order)
        media = order.texts_in_order("media")
        text = order.text("text", "") if media else order.text("text")
        if len(text) > LONGEST_BODY:
            raise BadOrder(f"text has more than {LONGEST_BODY} characters; longer messages do not arrive.")
        order.finish()
        return _arrive(
            lambda: texts.deliver(
                provider,
                sender,
                recipient,
                text,
                media_types=media,
                manner=manner,
                base_url=_base_url(provider),
            )
        )

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

    take_account(blueprint, provider, _owned, stamp)
    codes = "|".join(map(str, sorted(CODES)))
    take_faults(blueprint, provider, endpoints, re.compile(f"{STATUS}({codes})"))
    return blueprint


def _owned(account: Account, now: datetime) -> dict[str, Any]:
    """The account as its owner would like to see it."""
    return {
        "now": stamp(now),
        "currency": account.currency,
        "balance": str(account.balance),
        "numbers": [asdict(number) for number in account.numbers.values()],
        "ledger": [asdict(entry) for entry in account.ledger],
    }


def _manner(order: Order) -> Manner:
    manner = Manner(own_key=order.flag("own_key"), **manner_fields(order))
    if manner.unsigned and (manner.wrong_signature or manner.own_key):
        raise BadOrder("A request that is unsigned has no key.")
    return manner


def _legs(order: Order) -> deque[Leg]:
    seconds = order.whole("dial_seconds", Leg.seconds, 0, 14_400)
    statuses = order.choices("dial", _DIAL_STATUSES) or ("answered",)
    return deque(Leg(status, seconds) for status in statuses)


def _arrive(arrive: Callable[[], dict[str, Any]]) -> Response:
    try:
        outcome = arrive()
    except NotDelivered as problem:
        outcome = {"notified": False, "reason": str(problem), "deliveries": []}
    return json_answer(judged(outcome, FAILURES))


def _base_url(provider: Provider) -> str:
    return (provider.settings.base_url or request.host_url).rstrip("/")
