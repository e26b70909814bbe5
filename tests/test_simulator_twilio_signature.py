"""The simulator's signer against published vectors, and against Twilio's own validator."""

import pytest
from twilio.request_validator import RequestValidator

from receiver.simulator.twilio.signature import signature, signed_url

TOKEN = "12345"
Q = "/myapp.php?foo=1&bar=2"
U = f"https://mycompany.com{Q}"
P = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675309"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
]
H = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
EMPTY = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

# Sources: the tests of Twilio's libraries (2026) and its page on security; the token of all is 12345.
VECTORS = [
    (U, P, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    (f"https://mycompany.com:443{Q}", P, "kvajT1Ptam85bY51eRf/AJRuM3w="),
    (f"https://mycompany.com:1234{Q}", P, "CYn1h0gLBdNxDGkKJg6hYohgeD8="),
    (f"http://mycompany.com:80{Q}", P, "0ZXoZLH/DfblKGATFgpif+LLRf4="),
    (f"http://mycompany.com:1234{Q}", P, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
    ("https://mycompany.com/myapp.php", P, "1xaxFBvyzXYvWplzNOSs28HWO94="),
    (U, [], "zYQTYrRWXE7LtzbG4PfP7/bkkGo="),
    (f"{U}&bodySHA256={H}", [], "a9nBmqA0ju/hNViExpshrM61xv4="),
    (f"https://mycompany.com/myapp.php?bodySHA256={H}", [], "y77kIzt2vzLz71DgmJGsen2scGs="),
    (f"https://mycompany.com:443{Q}&bodySHA256={EMPTY}", [], "Ldidvp12m26NI7eqEvxnEpkd9Hc="),
    (
        U,
        [
            ("Sid", "CA123"),
            ("SidAccount", "AC123"),
            ("Digits", "5678"),
            ("Digits", "1234"),
            ("Digits", "1234"),
        ],
        "IK+Dwps556ElfBT0I3Rgjkr1wJU=",
    ),
    (f"https://user:pass@mycompany.com{Q}", P, "CukzLTc1tT5dXEDIHm/tKBanW10="),
    (f"https://user:pass@mycompany.com:443{Q}", P, "ZQFR1PTIZXF2MXB8ZnKCvnnA+rI="),
    (f"{U}&Body=It%27s+amazing", P, "TfZzewPq8wqrGlMfyAud8+/IvJ0="),
    (
        "https://mycompany.com/myapp.php?foo=hello%20world&bar=test%2Bvalue",
        P,
        "er2tvAP1Wx+iuTTE2BPgvEaN1cs=",
    ),
    (
        U,
        [
            ("Message", "Hello & goodbye! @#$%^*()"),
            ("From", "+1 (415) 867-5309"),
            ("Special", "unicode: ñáéíóú"),
        ],
        "dCPiR4WtQ6QFN6pJh81CtlCcWLQ=",
    ),
    (
        U,
        [("Digits", ""), ("CallSid", "CA1234567890ABCDE"), ("EmptyParam", "")],
        "9HHp/OqQMEwdrVebHDdA/+tqjX8=",
    ),
    (
        U,
        [("callSid", "lowercase"), ("CallSid", "uppercase"), ("CALLSID", "allcaps")],
        "jDK7WKT8wiNrwggd4ceTv4e1MJ4=",
    ),
    ("https://mycompany.com/webhook/España?año=2023", P, "G/Hx6mqqnjUNlPAoi2Sp9bGst0g="),
    (f"https://mycompany.com:443/{Q}", P, "A9lH3u16NjyiiM/+wylw5rirFUs="),
    (f"https://MyCompany.com{Q}", P, "g9IN/x4Cft2g517EjYvEvM/W7LU="),
    (f"HTTP://username:password@MyCompany.com{Q}", P, "hy/l8pca+LFms4cvRdv8uiP6NGc="),
    (U, [*P, ("ReasonConferenceEnded", "test"), ("Reason", "Participant")], "vOEb5UThFn24KEfnOFLQY2AE5FY="),
    (U, [("property", "value"), ("boolean", "true")], "NBdBDr/T/lgjI+tlgpXjKZQZs/k="),
    (
        f"https://example.com{Q}",
        [
            ("Digits", "1234"),
            ("To", "+18005551212"),
            ("From", "+14158675310"),
            ("Caller", "+14158675310"),
            ("CallSid", "CA1234567890ABCDE"),
        ],
        "L/OH5YylLD5NRKLltdqwSvS0BnU=",
    ),
    (f"{U}&CallSid=CA1234567890ABCDE&From=%2B14158675309", [], "RIMf50SFlDW3jmEv8PRsPRhtiQo="),
]


@pytest.mark.parametrize(
    ("url", "parameters", "expected"), VECTORS, ids=[f"row {row}" for row in range(1, len(VECTORS) + 1)]
)
def test_the_signer_reproduces_every_vector(url, parameters, expected):
    assert signature(url, parameters, TOKEN) == expected


def test_it_does_not_sort_names_together_with_values():
    wrong = "95+Bu0JVPi0r/SsESZCVf0dWAjw="
    parameters = [*P, ("ReasonConferenceEnded", "test"), ("Reason", "Participant")]
    assert signature(U, parameters, TOKEN) != wrong


def test_an_own_key_signs_by_sha256():
    assert signature(U, P, TOKEN, "sha256") == "033hgUJA9M/hXIZsYjwkerEP/DBm35nEri5FhCYjA5s="


@pytest.mark.parametrize(
    ("url", "voice", "signed"),
    [
        ("https://a.example:8443/x?y=%2f#rc=3", True, "https://a.example/x?y=%2f"),
        ("https://a.example:8443/x?y=1#rc=3", False, "https://a.example:8443/x?y=1"),
        ("http://a.example:8080/x", True, "http://a.example:8080/x"),
        ("https://ann:secret@A.example/x/", True, "https://A.example/x/"),
        ("https://[::1]:8443/x", True, "https://[::1]/x"),
    ],
)
def test_what_is_signed_of_a_url(url, voice, signed):
    assert signed_url(url, voice=voice) == signed


def test_twilios_own_validator_accepts_it():
    form = {"CallSid": "CA1", "Body": "Grüße & 1+1=2 €", "Empty": ""}
    assert RequestValidator(TOKEN).validate(U, form, signature(U, form.items(), TOKEN))
