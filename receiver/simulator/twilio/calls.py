"""A call that comes in, from the first ring to the status callback after its end."""

from dataclasses import asdict
from decimal import Decimal
from typing import Any

from . import catalogue
from .account import Account, new_sid
from .callers import Caller
from .clock import stamp
from .deliveries import Manner
from .dialling import dial, ending, progress
from .provider import Provider
from .recording import record
from .records import API_VERSION, Call, Number
from .talk import Talk
from .webhook import Line

_MINUTE = Decimal("0.00850")


class NotDelivered(Exception):
    """Nothing at the number takes what arrives; the message is the reason."""


def place(
    provider: Provider,
    sender: str,
    recipient: str,
    caller: Caller,
    *,
    manner: Manner,
    base_url: str,
    **about: str,
) -> dict[str, Any]:
    """Call a number, and report the whole course when the call is over. `about` adds parameters."""
    with provider.account() as (account, now):
        number = voice_number(account, recipient)
        call = Call(
            sid=new_sid("CA"),
            from_=sender,
            to=recipient,
            direction="inbound",
            phone_number_sid=number.sid,
            date_created=stamp(now),
            date_updated=stamp(now),
            start_time=stamp(now),
            forwarded_from=about.get("ForwardedFrom"),
            caller_name=about.get("CallerName") if number.voice_caller_id_lookup else None,
        )
        account.calls[call.sid] = call
    if not number.voice_caller_id_lookup:
        about.pop("CallerName", None)  # it is the lookup that finds it
    line = Line(provider.settings, manner, voice=True)
    talk = Talk(provider, line, number, call, caller, long={"Record": record, "Dial": dial})
    talk.base_url = base_url
    talk.usual = _usual(provider, call, number) | about
    try:
        try:
            reason = talk.run()
        finally:
            _finish(provider, talk)  # a mistake of the simulator leaves no call that goes on for ever
    finally:
        line.session.close()
        provider.delivered(line.deliveries)
    report = {
        "notified": bool(line.deliveries),
        "reason": None if line.deliveries else line.not_sent,
        "session": call.sid,
        "sid": call.sid,
        "status": call.status,
        "duration": call.duration,
        "ended": reason,
        "heard": talk.course.heard,
        "way": talk.course.way,
        "recordings": talk.recordings,
        "deliveries": [asdict(delivery) for delivery in line.deliveries],
    }
    provider.report(call.sid, report)
    return report


def voice_number(account: Account, recipient: str) -> Number:
    """The number, if a call to it is a callback of ours."""
    number = account.number(recipient)
    if number is None:
        raise NotDelivered(f"{recipient} is not a number of this account")
    if not catalogue.COUNTRIES[number.country].kinds[number.type].capabilities["voice"]:
        raise NotDelivered(f"{recipient} takes no calls")
    if number.voice_receive_mode == "fax":
        raise NotDelivered(f"{recipient} takes faxes in place of calls")
    number = account.as_used(number)
    if number.trunk_sid or number.voice_application_sid:
        raise NotDelivered(f"{recipient} has a trunk or an application, so its URLs are ignored")
    if not number.voice_url:
        raise NotDelivered(f"{recipient} has no voice_url")
    return number


def _usual(provider: Provider, call: Call, number: Number) -> dict[str, str]:
    parameters = {
        "CallSid": call.sid,
        "AccountSid": provider.settings.account_sid,
        "ApiVersion": API_VERSION,
        "From": call.from_,
        "To": call.to,
        "Caller": call.from_,
        "Called": call.to,
        "Direction": call.direction,
    }
    ours = places(number)
    parameters |= {f"{end}{part}": value for end in ("To", "Called") for part, value in ours.items()}
    return parameters | {f"{end}{part}": "" for end in ("From", "Caller") for part in ours}


def places(number: Number) -> dict[str, str]:
    """Where a number is, as far as it is known."""
    entry = catalogue.find(number.phone_number)
    place = entry.place if entry else None
    return {
        "City": (place and place.locality) or "",
        "State": (place and place.region) or "",
        "Zip": (place and place.postal_code) or "",
        "Country": number.country,
    }


def _finish(provider: Provider, talk: Talk) -> None:
    """Bill the call and report its end."""
    talk.catch_up()
    call, course = talk.call, talk.course
    seconds = 0
    if course.answered_at is not None:
        seconds = max(1, round(course.seconds - course.answered_at))
        talk.set_status("completed")
    elif call.status == "ringing":
        talk.set_status("no-answer")  # the caller hung up before anybody answered
    with provider.account() as (account, now):
        call.duration, call.end_time = seconds, stamp(now)
        if seconds:
            price = _MINUTE * -(-seconds // 60)
            call.price = str(-price)
            account.charge("call", call.to, price, now, f"{seconds} s")
    number = talk.number
    if number.status_callback:
        told = talk.parameters() | progress(0, talk.now()) | ending(call.status, seconds)
        talk.report("status", number.status_callback, number.status_callback_method, told)
