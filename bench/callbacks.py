"""Realistic callbacks, signed: half of them of calls, the rest SMS and now and then a fax."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bench.service import ACCESS_TOKEN, CALLBACK_KEY, HOST
from receiver.providers.registry import DEFAULT

PATH = f"/callbacks/{CALLBACK_KEY}"


@dataclass(frozen=True, slots=True)
class Call:
    """One signed callback, ready for the socket."""

    ref: str
    request: bytes


def calls(count: int, first: int = 0, *, under: str = PATH) -> list[Call]:
    """Signed callbacks of consecutive numbers, for the paths below `under`."""
    return [_call(number, under) for number in range(first, first + count)]


def texts(count: int, mark: str, *, conversations: int) -> list[Call]:
    """Signed SMS callbacks, which take turns among so many conversations."""
    made = []
    for number in range(count):
        ref = f"AA-SI-{mark}-{number}"
        sender = f"%2B65{91_000_000 + number % conversations}"
        body = f"txn_ref={ref}&msg=message+{number}&from={sender}&to=%2B6565111001"
        made.append(_signed(_said("sms", ref, body), PATH))
    return made


@dataclass(frozen=True, slots=True)
class Notification:
    """What the provider would say in the callback of one number. References and sessions count up."""

    kind: str
    ref: str
    body: bytes


_TYPES = ("ringing", "gather", "record", "ended", "sms", "sms", "sms", "fax")
"""Of eight notifications four are those of one call."""
_FIRST_REFERENCE = 10_000_000
_SENDERS, _RECIPIENTS = 200_003, 97
_FIRST_DATE = datetime(2026, 1, 1)  # noqa: DTZ001  # the provider's dates name no zone
_WORDS = ("please", "call", "me", "about", "order", "parcel", "invoice", "meeting", "tomorrow", "thanks")


def notification(number: int) -> Notification:
    """The notification of that number, the same each time."""
    type_, group = _TYPES[number % len(_TYPES)], number // len(_TYPES)
    # All of a call come from the same end; each text from another.
    caller = number if type_ in {"sms", "fax"} else group
    sender, recipient = 91_000_000 + caller * 7919 % _SENDERS, caller % _RECIPIENTS
    ends = f"&from=%2B65{sender}&to=%2B6565111{recipient:03d}"
    date = f"&date={_FIRST_DATE + timedelta(seconds=number):%Y-%m-%d+%H%%3A%M%%3A%S}&currency=SGD"
    reference = _FIRST_REFERENCE + number
    if type_ == "sms":
        ref = f"AA-SI-{reference}"
        text = "+".join(_WORDS[number // len(_WORDS) ** place % len(_WORDS)] for place in range(6))
        return _said("sms", ref, f"txn_ref={ref}&msg={text}{ends}{date}&debit=0.013")
    if type_ == "fax":
        ref = f"AA-FI-{reference}"
        url = f"&fax_url=https%3A%2F%2Ffax.example%2F{ref}.pdf"
        return _said("fax", ref, f"txn_ref={ref}&fax_status=answered{ends}{url}{date}&duration=1&debit=0.050")
    ref = f"AA-C-{reference}"
    happened = {
        "ringing": "ivr_block=answer&call_state=ringing",
        "gather": "ivr_block=gather&call_state=ongoing&digits=1",
        "record": f"ivr_block=record&call_state=ongoing&record_url=https%3A%2F%2Fcalls.example%2F{ref}.mp3",
        "ended": f"ivr_block=answer&call_state=ended{date}&duration=2&rate=0.020&debit=0.040",
    }[type_]
    return _said("voice", ref, f"{happened}&session=S{_FIRST_REFERENCE + group}&txn_ref={ref}{ends}")


def notifications(count: int) -> list[Notification]:
    """Those of the first numbers."""
    return [notification(number) for number in range(count)]


def _said(kind: str, ref: str, body: str) -> Notification:
    return Notification(kind, ref, body.encode())


def _call(number: int, under: str) -> Call:
    return _signed(notification(number), under)


def _signed(told: Notification, under: str) -> Call:
    path = f"{under}/{told.kind}"
    headers = DEFAULT.sign(f"http://{HOST}{path}", told.body, ACCESS_TOKEN)
    signed = "\r\n".join(f"{name}: {value}" for name, value in headers.items())
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: {DEFAULT.title}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\n"
        f"{signed}\r\nContent-Length: {len(told.body)}\r\n\r\n"
    )
    return Call(told.ref, head.encode() + told.body)
