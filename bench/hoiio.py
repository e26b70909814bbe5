"""Notifications of Hoiio: half of them of calls, the rest SMS and now and then a fax."""

from __future__ import annotations

from datetime import datetime, timedelta

from bench.notification import FIRST_REFERENCE, Notification, ends, words

_TYPES = ("ringing", "gather", "record", "ended", "sms", "sms", "sms", "fax")
"""Of eight notifications four are those of one call."""
_FIRST_DATE = datetime(2026, 1, 1)  # noqa: DTZ001  # the provider's dates name no zone


def notification(number: int) -> Notification:
    """The notification of that number, the same each time. References and sessions count up."""
    type_, group = _TYPES[number % len(_TYPES)], number // len(_TYPES)
    # All of a call come from the same end; each text from another.
    sender, recipient = ends(number if type_ in {"sms", "fax"} else group)
    between = f"&from={sender}&to={recipient}"
    date = f"&date={_FIRST_DATE + timedelta(seconds=number):%Y-%m-%d+%H%%3A%M%%3A%S}&currency=SGD"
    reference = FIRST_REFERENCE + number
    if type_ == "sms":
        ref = f"AA-SI-{reference}"
        return _said("sms", ref, f"txn_ref={ref}&msg={words(number)}{between}{date}&debit=0.013")
    if type_ == "fax":
        ref = f"AA-FI-{reference}"
        url = f"&fax_url=https%3A%2F%2Ffax.example%2F{ref}.pdf"
        return _said(
            "fax", ref, f"txn_ref={ref}&fax_status=answered{between}{url}{date}&duration=1&debit=0.050"
        )
    ref = f"AA-C-{reference}"
    happened = {
        "ringing": "ivr_block=answer&call_state=ringing",
        "gather": "ivr_block=gather&call_state=ongoing&digits=1",
        "record": f"ivr_block=record&call_state=ongoing&record_url=https%3A%2F%2Fcalls.example%2F{ref}.mp3",
        "ended": f"ivr_block=answer&call_state=ended{date}&duration=2&rate=0.020&debit=0.040",
    }[type_]
    return _said("voice", ref, f"{happened}&session=S{FIRST_REFERENCE + group}&txn_ref={ref}{between}")


def text(ref: str, sender: str, recipient: str, words: str) -> Notification:
    """An SMS with that reference."""
    return _said("sms", ref, f"txn_ref={ref}&msg={words}&from={sender}&to={recipient}")


def _said(kind: str, ref: str, body: str) -> Notification:
    return Notification(kind, ref, body.encode())
