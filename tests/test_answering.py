"""Calls that ring here are answered by the rules: three offices, at several times, over HTTP."""

from __future__ import annotations

import pytest
from answered import EXAMPLES, Service, service
from conftest import DATABASES, migrated_database

from receiver.simulator.twilio.server import SimulatorServer

CALLER = "+6591234567"
OURS = {"+6561234567": "shop", "+6562345678": "clinic", "+498912345678": "support"}


@pytest.fixture(scope="module")
def twilio():
    with SimulatorServer() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def numbers(twilio) -> dict[str, str]:
    return {name: twilio.buy() for name in OURS.values()}


@pytest.fixture(scope="module", params=DATABASES)
def offices(request, tmp_path_factory, twilio, numbers):
    """The three example files as one service for each; all of them have the same account."""
    path = tmp_path_factory.mktemp("offices")
    with migrated_database(request, path) as url:
        text = (EXAMPLES / "shop.toml").read_text(encoding="utf-8")
        with service(twilio, path, url, text.replace("+6561234567", numbers["shop"])) as running:
            for number in numbers.values():
                sid = next(
                    each["sid"] for each in twilio.account["numbers"] if each["phone_number"] == number
                )
                twilio.request(
                    "POST",
                    f"IncomingPhoneNumbers/{sid}.json",
                    VoiceUrl=running.callback("voice"),
                    SmsUrl=running.callback("sms"),
                    StatusCallback=running.callback("status"),
                )
            yield running


def test_nobody_picks_up_at_the_shop(offices: Service, twilio, numbers):
    offices.at("2026-11-26 10:00")
    call = twilio.control.call(CALLER, numbers["shop"], dial=["busy", "no-answer"])
    assert call["heard"] == [
        "Good day, this is Lim's Flowers. One moment please.",
        "Please leave a message, and your number.",
        "Thank you. Good bye.",
    ]
    assert offices.why(call["sid"]) == [
        "rule 2 (shop open) holds; not rule 1 (on holiday off)",
        "done",
        "busy +6591110001",
        "no answer +6591110002",
        "go voicemail",
        "recorded",
        "done",
    ]
