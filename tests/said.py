"""Events that nobody received, for what is said of them."""

from datetime import UTC, datetime

from receiver.models import Event
from receiver.relay.delivery import Parcel

THEM, US = "+6591234567", "+6565110001"
AT = datetime(2025, 11, 26, 10, 12, tzinfo=UTC)


def an_event(type: str = "sms.received", **given) -> Event:
    kind = {"call": "voice", "fax": "fax"}.get(type.partition(".")[0], "sms")
    about = {"id": 7, "kind": kind, "provider": "hoiio", "received_at": AT, "sender": THEM, "recipient": US}
    return Event(type=type, **about | given)


def a_parcel(type: str = "sms.received", **given) -> Parcel:
    ours = {name: given.pop(name) for name in ("replayed", "test", "made_at", "attempt") if name in given}
    return Parcel(message_id="evt_7", event=an_event(type, **given), **{"attempt": 1} | ours)
