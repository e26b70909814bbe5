"""What arrives at a number: a call, a fax or an SMS, and its notifications (protocol: notifications)."""

from dataclasses import dataclass, field
from datetime import datetime

from receiver.simulator.outcome import Delivery

from . import course
from .account import Account, Fax, Subscription
from .calls import Block, Call, Plan
from .clock import written
from .files import link
from .notify import Manner
from .provider import Provider
from .spoken import heard
from .tariff import FAX_RATE, SMS_RATE, charge

_LONGEST_SMS = 160
_LONGEST_PART = 152


@dataclass(frozen=True)
class Arrival:
    """Something that arrives at a number."""

    sender: str
    recipient: str
    manner: Manner = field(default_factory=Manner)


@dataclass(frozen=True)
class IncomingCall(Arrival):
    """A call. The caller hangs up after `hold` seconds, unless it is over before."""

    hold: float = 0.0
    rings_for: float | None = None
    """Seconds after which the caller hangs up if the application has requested nothing; None for `hold`."""
    minutes: int | None = None
    """Minutes to bill, if not those that passed."""
    plan: Plan = field(default_factory=Plan)
    block_seconds: float = 0.0
    """How long each step takes that the application requests."""


@dataclass(frozen=True)
class IncomingFax(Arrival):
    """A fax, or a failed attempt to send one."""

    text: str = ""
    failed: bool = False
    fax_error_code: str = "busy"
    minutes: int = 1
    link_seconds: int | None = None


@dataclass(frozen=True)
class IncomingSms(Arrival):
    """A text message of any length."""

    text: str = ""


@dataclass
class ArrivalResult:
    """The result of an arrival. If nothing was notified, `reason` says why."""

    reason: str | None = None
    txn_refs: list[str] = field(default_factory=list)
    session: str | None = None
    heard: list[str] = field(default_factory=list)
    """What a caller heard."""
    way: list[dict[str, str]] = field(default_factory=list)
    """The steps of a call that the application requested."""
    deliveries: list[Delivery] = field(default_factory=list)


class _NotDeliverable(Exception):
    """The number cannot take what arrives; the message is the reason."""


def call(provider: Provider, arrival: IncomingCall) -> ArrivalResult:
    """Call a number and wait until the call is over (protocol: incoming call).

    If the application does not act on it, there are two notifications: `ringing`, and `ended` with the cost.
    The outcome has all notifications, including those that the application's requests caused.
    """
    try:
        with provider.account() as (account, _):
            held = _reached(account, arrival, mode="voice")
            incoming = Call(
                session=f"S{account.reference()}",
                txn_ref=f"AA-C-{account.reference()}",
                billed_to=held.number,
                parties={"from": arrival.sender, "to": held.number},
                block=Block("answer", held.forward_to),
                manner=arrival.manner,
                plan=arrival.plan,
                block_seconds=arrival.block_seconds,
                minutes=arrival.minutes,
            )
            provider.calls[incoming.session] = incoming
            url, ringing = held.forward_to, incoming.report({})
    except _NotDeliverable as problem:
        return ArrivalResult(reason=str(problem))
    course.send(provider, incoming, url, ringing)
    rings = arrival.hold if arrival.rings_for is None else min(arrival.hold, arrival.rings_for)
    if not incoming.over.wait(rings) and incoming.way:
        incoming.over.wait(arrival.hold - rings)
    if not provider.stopping.is_set():
        course.finish(provider, incoming)  # the caller hangs up
        incoming.over.wait()
    return ArrivalResult(
        txn_refs=[incoming.txn_ref],
        session=incoming.session,
        heard=[said for step in incoming.way if "refused" not in step for said in heard(step.get("msg", ""))],
        way=list(incoming.way),
        deliveries=list(incoming.deliveries),
    )


def fax(provider: Provider, arrival: IncomingFax, base_url: str) -> ArrivalResult:
    """Send a fax to a number. One notification, with a link to the PDF or with what went wrong."""
    try:
        with provider.account() as (account, now):
            url = _reached(account, arrival, mode="fax").forward_to
            txn_ref = f"AA-F-{account.reference()}"
            minutes = 0 if arrival.failed else arrival.minutes
            result = {"fax_status": "failed", "fax_error_code": arrival.fax_error_code}
            if not arrival.failed:
                account.faxes[txn_ref] = Fax(arrival.sender, arrival.recipient, arrival.text, written(now))
                result = {
                    "fax_status": "answered",
                    "fax_url": _fax_link(provider, base_url, txn_ref, now, arrival.link_seconds),
                }
            debit = FAX_RATE * minutes
            parameters = (
                {"txn_ref": txn_ref, "from": arrival.sender, "to": arrival.recipient}
                | result
                | {"duration": str(minutes)}
                | charge(account, "fax", arrival.recipient, debit, now, detail=f"{minutes} min")
            )
    except _NotDeliverable as problem:
        return ArrivalResult(reason=str(problem))
    return ArrivalResult(
        txn_refs=[txn_ref], deliveries=provider.notify("fax", url, parameters, arrival.manner)
    )


def sms(provider: Provider, arrival: IncomingSms) -> ArrivalResult:
    """Send a message to a number. One notification and one charge per part (protocol: incoming SMS)."""
    try:
        with provider.account() as (account, now):
            url = _reached(account, arrival, mode=None).forward_sms_to
            messages = [
                {
                    "txn_ref": f"AA-SI-{account.reference()}",
                    "msg": part,
                    "from": arrival.sender,
                    "to": arrival.recipient,
                }
                | charge(account, "sms", arrival.recipient, SMS_RATE, now)
                for part in _parts(arrival.text)
            ]
    except _NotDeliverable as problem:
        return ArrivalResult(reason=str(problem))
    outcome = ArrivalResult(txn_refs=[message["txn_ref"] for message in messages])
    for message in messages:
        outcome.deliveries += provider.notify("sms", url, message, arrival.manner)
    return outcome


def _reached(account: Account, arrival: Arrival, mode: str | None) -> Subscription:
    """The number, if it takes this and has a notify URL for it. `mode` None stands for an SMS."""
    number = arrival.recipient
    held = account.subscriptions.get(number)
    if held is None:
        raise _NotDeliverable(f"{number} is not a subscribed number")
    if mode is None:
        if not held.can("SMS"):
            raise _NotDeliverable(f"{number} cannot receive SMS")
        if not held.forward_sms_to:
            raise _NotDeliverable(f"{number} has no forward_sms_to URL")
        return held
    if held.mode != mode:
        raise _NotDeliverable(f"{number} is in {held.mode} mode, so it takes no {mode} call")
    if not held.forward_to:
        raise _NotDeliverable(f"{number} has no forward_to URL")
    return held


def _parts(text: str) -> list[str]:
    """The messages as which a text arrives: one if it is short, else parts without part number or total."""
    if len(text) <= _LONGEST_SMS:
        return [text]
    return [text[i : i + _LONGEST_PART] for i in range(0, len(text), _LONGEST_PART)]


def _fax_link(provider: Provider, base_url: str, name: str, now: datetime, seconds: int | None) -> str:
    settings = provider.settings
    lifetime = settings.fax_link_seconds if seconds is None else seconds
    return link(settings.base_url or base_url, name, int(now.timestamp()) + lifetime, settings.access_token)
