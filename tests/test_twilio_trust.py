"""Which callbacks of Twilio are trusted: what it signed for our account is its own word."""

import hashlib
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from conftest import KEY, ON_BOTH, make_config, on_sqlite
from twilio_callbacks import PUBLIC, SETTINGS, SID, TOKEN, payload, post, signature

from receiver.numbers import known as numbers
from receiver.providers.numbers import SubscribedNumber
from receiver.providers.twilio.provider import TWILIO

database_url = on_sqlite

OURS, OTHER = "+6565111001", "AC" + "9" * 32
CALL = {"AccountSid": SID, "CallSid": "CA" + "1" * 32, "CallStatus": "ringing", "From": "+6591234567"}
REPORT = payload("sms/delivered")
WHATSAPP = payload("sms/whatsapp")
UNSIGNED = {"X-Twilio-Signature": ""}


@pytest.fixture
def config(database_url, tmp_path):
    return make_config(database_url, tmp_path, **SETTINGS)


@pytest.fixture(autouse=True)
def known(app):
    """Twilio lists one number."""
    parts = app.extensions["receiver"]
    listed = [SubscribedNumber(number=OURS)]
    numbers.store(parts.engine, "twilio", listed, now=datetime.now(UTC), is_here=lambda url: True)
    parts.admission.refresh()


def reason(api) -> str | None:
    (event,) = api("/events")["events"]
    return event["quarantine_reason"]


def called(to: str) -> bytes:
    return urlencode(CALL | {"To": to}).encode()


@ON_BOTH
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("sms", REPORT),
        ("status", REPORT),
        ("sms", WHATSAPP),
        ("sms", WHATSAPP.replace(b"6565111001", b"14155238886")),  # the sandbox that all accounts share
        *(("voice", called(to)) for to in ("sip:desk@shop.sip.twilio.com", "client:desk", "72345")),
        ("voice", called("+6565119999")),
    ],
)
def test_what_is_signed_is_trusted_although_the_number_is_not_listed(client, api, path, body):
    post(client, path, body)
    assert reason(api) is None


@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        ("voice", called(OURS), None),
        ("voice", called("+6565119999"), "number not ours"),
        ("sms", payload("sms/received").replace(b"6565111001", b"6565119999"), "number not ours"),
        # Of what we sent, ours is the number that sends.
        ("sms", REPORT, None),
        ("sms", REPORT.replace(b"6565111001", b"6565119999"), "number not ours"),
        # No list says which addresses are ours.
        ("sms", WHATSAPP, None),
        ("voice", called("sip:desk@shop.sip.twilio.com"), None),
        ("voice", called("client:desk"), None),
    ],
)
def test_what_nobody_signed_is_judged_by_its_numbers(client, api, path, body, why):
    post(client, path, body, **UNSIGNED)
    assert reason(api) == why


# Of another account.


def test_a_signed_get_is_trusted(client, api):
    target = f"/callbacks/{KEY}/twilio/voice?{called(OURS).decode()}"
    headers = {"X-Twilio-Signature": signature(target, b"")}
    client.get(target, headers=headers, environ_overrides={"RAW_URI": target})
    (event,) = api("/events")["events"]
    assert (event["signature"], event["quarantine_reason"], event["sender"]) == ("valid", None, "+6591234567")


def test_the_vector_of_a_signed_get_is_taken_over_the_whole_url(client, api):
    """Row 26 of the reference, whose host and token are not ours: the same parts signed for us."""
    query = "foo=1&bar=2&CallSid=CA1234567890ABCDE&From=%2B14158675309"
    signed = TWILIO.sign(f"https://mycompany.com/myapp.php?{query}", b"", "12345")
    assert signed == {"X-Twilio-Signature": "RIMf50SFlDW3jmEv8PRsPRhtiQo="}
    target = f"/callbacks/{KEY}/twilio/voice?{query}"
    headers = TWILIO.sign(PUBLIC + target, b"", TOKEN)
    client.get(target, headers=headers, environ_overrides={"RAW_URI": target})
    (event,) = api("/events")["events"]
    assert (event["signature"], event["txn_ref"]) == ("valid", "CA1234567890ABCDE")


@pytest.mark.parametrize("signed", [True, False])
def test_another_account_in_the_query_of_a_get_is_noticed(client, api, signed):
    query = urlencode(CALL | {"AccountSid": OTHER, "To": OURS})
    target = f"/callbacks/{KEY}/twilio/voice?{query}"
    headers = {"X-Twilio-Signature": signature(target, b"")} if signed else {}
    client.get(target, headers=headers, environ_overrides={"RAW_URI": target})
    assert reason(api) == "of another account"


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(("account", "why"), [(SID, None), (OTHER, "of another account")])
def test_another_account_in_json_is_noticed(client, api, signed, account, why):
    body = f'{{"CallSid": "CA1", "CallStatus": "ringing", "AccountSid" : "{account}"}}'.encode()
    target = f"/callbacks/{KEY}/twilio/voice?bodySHA256={hashlib.sha256(body).hexdigest()}"
    headers = {"X-Twilio-Signature": signature(target, b"")} if signed else {}
    environ = {"RAW_URI": target}
    client.post(
        target, data=body, headers=headers, content_type="application/json", environ_overrides=environ
    )
    (event,) = api("/events")["events"]
    assert event["signature"] == ("valid" if signed else "missing")
    assert event["quarantine_reason"] == why


def test_a_body_goes_before_a_query(client, api):
    post(client, "voice", called(OURS), query=f"AccountSid={OTHER}")
    assert reason(api) is None
