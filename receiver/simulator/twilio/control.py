"""The simulator's own controls, `/control/`: make things arrive, fail or fall due. Not Twilio's API."""

import re
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, abort, request

from receiver.simulator.control import control_room, json_answer, take_faults
from receiver.simulator.faults import STATUS
from receiver.simulator.order import BadOrder, Order
from receiver.simulator.outcome import in_words, judged

from . import calls, texts
from .account import new_sid
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
    with provider.look() as (account, now):
        state = {
            "now": stamp(now),
            "currency": account.currency,
            "balance": str(account.balance),
            "numbers": [asdict(number) for number in account.numbers.values()],
            "ledger": [asdict(entry) for entry in account.ledger],
        }
    return state | {
        "deliveries": [in_words(asdict(delivery), FAILURES) for delivery in provider.deliveries()],
        "faults": [asdict(fault) for fault in provider.faults()],
        "requests": provider.requests(),
    }


def _manner(order: Order) -> Manner:
    manner = Manner(
        unsigned=order.flag("unsigned"),
        wrong_signature=order.flag("wrong_signature"),
        own_key=order.flag("own_key"),
        duplicate=order.whole("duplicate", 1, 1, 1000),
        extra=order.texts("extra"),
    )
    if manner.unsigned and (manner.wrong_signature or manner.own_key):
        raise BadOrder("A request that is unsigned has no key.")
    return manner


def _legs(order: Order) -> deque[Leg]:
    seconds = order.whole("dial_seconds", Leg.seconds, 0, 14_400)
    statuses = order.texts_in_order("dial")
    if wrong := [status for status in statuses if status not in _DIAL_STATUSES]:
        raise BadOrder(f"dial must be a list of {', '.join(_DIAL_STATUSES)}, not {wrong[0]}.")
    return deque(Leg(status, seconds) for status in statuses or ("answered",))


def _arrive(arrive: Callable[[], dict[str, Any]]) -> Response:
    try:
        return json_answer(judged(arrive(), FAILURES))
    except NotDelivered as problem:
        return json_answer(judged({"notified": False, "reason": str(problem), "deliveries": []}))


def _base_url(provider: Provider) -> str:
    return (provider.settings.base_url or request.host_url).rstrip("/")
