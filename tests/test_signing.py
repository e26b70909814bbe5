"""Signatures, against the specification's own vector and its own library."""

import base64
import time
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from receiver.outbound.signing import SigningSecretError, require_secret, sign, sign_with_each
from receiver.search.payload import message_id, payload

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_public_vector():
    name, when, body = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    signed = sign(SECRET, name, when, body)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert signed == Webhook(SECRET).sign(name, datetime.fromtimestamp(when, UTC), body.decode())


def test_during_a_rotation_either_secret_verifies():
    other = "whsec_" + base64.b64encode(b"a key of twenty-four byt").decode()
    now = int(time.time())
    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(now),
        "webhook-signature": sign_with_each([SECRET, other], "evt_1", now, b'{"text": "\xe8\xb0\xa2"}'),
    }
    for secret in (SECRET, other):
        assert Webhook(secret).verify(b'{"text": "\xe8\xb0\xa2"}', headers) == {"text": "谢"}


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_no base64!", "whsec_é", SECRET.removeprefix("whsec_")]
)
def test_what_is_no_secret_is_refused_and_not_repeated(secret: str):
    with pytest.raises(SigningSecretError) as caught:
        require_secret(secret)
    assert str(caught.value) == "a signing secret is whsec_ and then base64"


def test_a_payload_has_the_events_type_time_and_json():
    event = {"id": 9, "type": "sms.received", "received_at": "2026-01-31T02:00:00.000Z", "text": "hello"}
    assert payload(event) == {
        "type": "sms.received",
        "timestamp": "2026-01-31T02:00:00.000Z",
        "data": event,
    }
    assert message_id(event) == "evt_9"
