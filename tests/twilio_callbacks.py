"""Callbacks as Twilio sends them, signed by its own library."""

from pathlib import Path
from urllib.parse import parse_qsl

from conftest import KEY
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

SID = "AC51000000000000000000000000000001"
TOKEN = "an-auth-token-of-nobody"
SETTINGS = {"twilio_account_sid": SID, "twilio_auth_token": TOKEN}
PUBLIC = "https://receiver.example.com"
FORM = "application/x-www-form-urlencoded"


def payload(path: str) -> bytes:
    """A body from tests/payloads/twilio, without the comment line that names its source."""
    lines = (Path(__file__).parent / "payloads/twilio" / path).read_bytes().splitlines()
    return b"".join(line for line in lines if not line.startswith(b"#"))


def signature(target: str, body: bytes, *, token: str = TOKEN, public: str = PUBLIC) -> str:
    """What Twilio's library makes of it."""
    params = MultiDict(parse_qsl(body.decode(), keep_blank_values=True))
    return RequestValidator(token).compute_signature(public + target, params)


def post(client, path: str, body: bytes | None = None, *, query: str = "", token: str = "", **headers):
    """Post a payload (by default that of the same path, without what follows its first two words)."""
    word, _, _ = path.partition("/")
    body = payload(path) if body is None else body
    target = f"/callbacks/{KEY}/twilio/{word}{f'?{query}' if query else ''}"
    signed = {"X-Twilio-Signature": signature(target, body)} | headers
    if token:
        signed["I-Twilio-Idempotency-Token"] = token
    # As servers tell what they received.
    environ = {"RAW_URI": target}
    return client.post(target, data=body, content_type=FORM, headers=signed, environ_overrides=environ)


def told(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode(), keep_blank_values=True))
