"""The service beside a simulated Twilio, each over HTTP: what they must agree on without a word in common."""

import pytest
import requests
from answered import CALLER, EXAMPLES, service
from conftest import API_TOKEN
from pydantic import SecretStr

from receiver.simulator.twilio.server import SimulatorServer
from receiver.simulator.twilio.settings import Settings

RULES = (EXAMPLES / "shop.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(("known", "verdict"), [(True, "valid"), (False, "invalid")])
def test_a_callback_signed_by_the_shared_key_is_verified_by_the_signing_keys(tmp_path, known, verdict):
    settings = Settings(shared_key="a-key-of-this-test")
    keys = (SecretStr(settings.shared_key if known else "another"),)
    with (
        SimulatorServer(settings) as twilio,
        service(twilio, tmp_path, f"sqlite:///{tmp_path}/r.db", RULES, twilio_signing_keys=keys) as here,
    ):
        number = twilio.buy()
        here.take(number)
        (sent,) = twilio.control.sms(CALLER, number, "Hi", own_key=True)["deliveries"]
        assert sent["status"] == 200
        listed = requests.get(
            f"{here.url}api/v1/events",
            {"q": "kind:sms", "quarantined": str(not known).lower()},
            headers={"Authorization": f"Bearer {API_TOKEN}"},
            timeout=10,
        )
    assert [event["signature"] for event in listed.json()["events"]] == [verdict]
