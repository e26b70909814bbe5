"""The test credentials: magic numbers decide, nothing is charged or called, no callback is sent."""

from receiver.simulator.twilio.endpoint import Sent
from receiver.simulator.twilio.errors import ApiError
from receiver.simulator.twilio.records import Message, Number

from .configuration import configure

_NUMBER = "+1500555"
_AVAILABLE = f"{_NUMBER}0006"
_WHEN = "2026-01-02T03:04:05Z"
_PHONE_NUMBERS = {f"{_NUMBER}0000": 21422, f"{_NUMBER}0001": 21421}
_AREA_CODES = {"533": 21452}
_SENDERS = {f"{_NUMBER}0008": 21611}
_RECIPIENTS = {
    f"{_NUMBER}0001": 21211,
    f"{_NUMBER}0002": 21612,
    f"{_NUMBER}0003": 21408,
    f"{_NUMBER}0004": 21610,
    f"{_NUMBER}0009": 21614,
}


def buy(sent: Sent) -> Number:
    """A number that looks bought."""
    phone_number, area_code = sent.parameter("PhoneNumber"), sent.parameter("AreaCode")
    if code := _PHONE_NUMBERS.get(phone_number) or _AREA_CODES.get(area_code):
        raise ApiError(code)
    if phone_number != _AVAILABLE and area_code != "500":
        raise ApiError(21422 if phone_number else 21452)
    number = Number(
        sid="PN" + "0" * 31 + "1",
        phone_number=_AVAILABLE,
        friendly_name="(500) 555-0006",
        country="US",
        type="local",
        renews="",
        date_created=_WHEN,
        date_updated=_WHEN,
    )
    configure(number, sent, {"sms": True})
    return number


def check_message(message: Message) -> None:
    """Refuse a message as its magic numbers say."""
    if code := _SENDERS.get(message.from_):
        raise ApiError(code)
    if message.from_ != _AVAILABLE:
        raise ApiError(21606)
    if code := _RECIPIENTS.get(message.to):
        raise ApiError(code)
