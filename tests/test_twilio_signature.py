"""Twilio's signature: all published vectors, its own library, and what must not pass."""

import json
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

from receiver.providers.base import Request
from receiver.providers.twilio.signature import HEADER, SETTINGS, Verifier, sign
from receiver.vocabulary.verdict import Verdict

TOKEN = "12345"
VECTORS = json.loads((Path(__file__).parent / "payloads/twilio/signature/vectors.json").read_text())
BASE = "https://mycompany.com"


def body_of(vector: dict) -> bytes:
    return vector.get("body", urlencode([(name, value) for name, value in vector["parameters"]])).encode()


def verdict(verifier: Verifier, target: str, body: bytes, **headers: str) -> Verdict:
    given = {HEADER: headers.get("signature"), SETTINGS: headers.get("settings")}
    raw = target.encode().decode("latin-1")
    return verifier(Request(lambda: raw, body, given.get))


def split(url: str) -> tuple[str, str]:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host}/", slash + path


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["signature"][:8])
def test_it_verifies_every_published_vector(vector):
    public, target = split(vector["url"])
    body, signature = body_of(vector), vector["signature"]
    verifier = Verifier([public], TOKEN)
    assert verdict(verifier, target, body, signature=signature) is Verdict.VALID
    assert verdict(verifier, target, body + b"&x=1", signature=signature) is Verdict.INVALID
    assert verdict(verifier, target + "/", body, signature=signature) is Verdict.INVALID
    assert verdict(Verifier([public], "other"), target, body, signature=signature) is Verdict.INVALID


def test_names_are_sorted_by_themselves_and_not_with_their_values():
    vector = next(vector for vector in VECTORS if vector["signature"].startswith("vOEb5UThFn"))
    public, target = split(vector["url"])
    wrong = "95+Bu0JVPi0r/SsESZCVf0dWAjw="
    assert verdict(Verifier([public], TOKEN), target, body_of(vector), signature=wrong) is Verdict.INVALID


@pytest.mark.parametrize("ours", ["https://mycompany.com/", "https://mycompany.com:443/"])
@pytest.mark.parametrize("signed", ["https://mycompany.com", "https://mycompany.com:443"])
def test_it_takes_the_port_with_and_without(ours, signed):
    signature = sign(f"{signed}/callbacks/k/twilio/sms", b"Body=x", TOKEN)
    assert (
        verdict(Verifier([ours], TOKEN), "/callbacks/k/twilio/sms", b"Body=x", signature=signature) == "valid"
    )


def test_it_takes_the_port_of_ours_with_and_without():
    for signed in ("https://mycompany.com:8443/base", "https://mycompany.com/base"):
        signature = sign(f"{signed}/x", b"Body=x", TOKEN)
        verifier = Verifier(["https://mycompany.com:8443/base/"], TOKEN)
        assert verdict(verifier, "/x", b"Body=x", signature=signature) is Verdict.VALID


def test_it_takes_a_second_address_of_ours():
    verifier = Verifier([f"{BASE}/", "https://second.example.com/"], TOKEN)
    signature = sign("https://second.example.com/x", b"", TOKEN)
    assert verdict(verifier, "/x", b"", signature=signature) is Verdict.VALID


def test_it_takes_an_apostrophe_raw_and_escaped():
    for spelled in ("it's", "it%27s"):
        signature = sign(f"{BASE}/x?a={spelled}", b"", TOKEN)
        assert verdict(Verifier([BASE], TOKEN), "/x?a=it's", b"", signature=signature) is Verdict.VALID


def test_a_body_that_is_no_form_is_bound_by_its_hash_alone():
    body = b'{"a": 1}'
    target = f"/x?bodySHA256={sha256(body).hexdigest()}"
    signature = sign(BASE + target, b"", TOKEN)
    verifier = Verifier([BASE], TOKEN)
    assert verdict(verifier, target, body, signature=signature) is Verdict.VALID
    assert verdict(verifier, target, b'{"a": 2}', signature=signature) is Verdict.INVALID
    # The signature of a request without parameters must not vouch for any body.
    bare = sign(f"{BASE}/x", b"", TOKEN)
    assert verdict(verifier, "/x", body, signature=bare) is Verdict.INVALID


def test_an_account_may_sign_with_a_key_of_its_own():
    target, body = "/myapp.php?foo=1&bar=2", body_of(VECTORS[0])
    signature = "033hgUJA9M/hXIZsYjwkerEP/DBm35nEri5FhCYjA5s="
    named = "key=one,algorithm=HMAC_SHA256"
    own = Verifier([BASE], "the token", ["an older key", TOKEN])
    assert verdict(own, target, body, signature=signature, settings=named) is Verdict.VALID
    # The key is not the token, and the other way round; an algorithm that we do not know proves nothing.
    assert verdict(own, target, body, signature=signature) is Verdict.INVALID
    assert verdict(Verifier([BASE], TOKEN), target, body, signature=signature, settings=named) == "invalid"
    for settings in ("key=one,algorithm=NONE", "key=one", ""):
        assert verdict(own, target, body, signature=signature, settings=settings) is Verdict.INVALID


def test_without_a_token_or_an_address_nothing_is_valid():
    signature = sign(f"{BASE}/x", b"Body=x", TOKEN)
    assert verdict(Verifier([BASE], None), "/x", b"Body=x", signature=signature) is Verdict.INVALID
    assert verdict(Verifier([], TOKEN), "/x", b"Body=x", signature=signature) is Verdict.INVALID
    assert verdict(Verifier([BASE], TOKEN), "/x", b"Body=x") is Verdict.MISSING


TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)


@given(
    st.lists(st.tuples(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20), TEXTS), max_size=12)
)
def test_it_agrees_with_twilios_own_library(pairs):
    body = urlencode(pairs).encode()
    url = f"{BASE}/x?{quote(''.join(name for name, _ in pairs))}"
    params = MultiDict(parse_qsl(body.decode(), keep_blank_values=True))
    assert sign(url, body, TOKEN) == RequestValidator(TOKEN).compute_signature(url, params)


@given(st.binary(max_size=200), st.text(max_size=60), st.text(max_size=60))
def test_it_never_raises(body, signature, settings):
    verifier = Verifier([f"{BASE}/"], TOKEN, ["key"])
    headers = {HEADER: signature, SETTINGS: settings or None}
    found = verifier(Request(lambda: signature, body, headers.get))
    assert found in {Verdict.INVALID, Verdict.MISSING}
