"""What may be reached, tried against listeners on this machine that must stay silent."""

import socket

import pytest

from bench.hostile import ELSEWHERE, HOSTILE, PUBLIC, THIS_MACHINE, Listener
from receiver.outbound import dial
from receiver.outbound.allow import AllowList
from receiver.outbound.guard import Guard
from receiver.outbound.refusal import Refused, Unreachable
from receiver.outbound.target import Target
from receiver.vocabulary.errors import OperatorError


@pytest.fixture
def listener():
    listener = Listener()
    yield listener
    listener.close()


def leads_to(monkeypatch, *answers: list[str]) -> None:
    """Has DNS give these addresses for a name, one answer after the other."""
    left = list(answers)

    def lookup(host, port, **_):
        found = left.pop(0)
        families = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in found]
        return [
            (family, socket.SOCK_STREAM, 6, "", (address, port))
            for family, address in zip(families, found, strict=True)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)


def refusal(guard: Guard, url: str) -> str:
    """What saving says, which is what sending says."""
    with pytest.raises(OperatorError) as saving:
        guard.check(url)
    with pytest.raises(OperatorError) as sending, guard.session(longest=2, largest=100) as session:
        session.post(url, {}, b"{}")
    assert str(saving.value) == str(sending.value)
    assert type(saving.value) is type(sending.value) is Refused
    return str(saving.value)


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_url_reaches_nothing(url, listener):
    refusal(Guard(AllowList()), url.replace("{port}", str(listener.port)))
    assert listener.heard() == []


@pytest.mark.parametrize("url", HOSTILE)
def test_nor_does_it_if_plain_http_and_any_port_were_allowed(url, listener, monkeypatch):
    """So that the judgement of addresses is what is tried here."""
    monkeypatch.setattr(Target, "fault", None)
    refusal(Guard(AllowList(["good.example"])), url.replace("{port}", str(listener.port)))
    assert listener.heard() == []


@pytest.mark.parametrize("host", THIS_MACHINE)
def test_the_listener_would_have_heard_it(host, listener):
    guard = Guard(AllowList(["127.0.0.0/8", "0.0.0.0/32", "::/127"]))
    with pytest.raises(Unreachable), guard.session(longest=0.5, largest=100) as session:
        session.post(f"http://{host}:{listener.port}/", {}, b"{}")
    assert [request.partition(b"\r\n")[0] for request in listener.heard()] == [b"POST / HTTP/1.1"]


@pytest.mark.parametrize("host", [*THIS_MACHINE, *ELSEWHERE])
def test_what_is_not_http_is_guarded_too(host, listener):
    with pytest.raises(Refused, match="leads to"):
        Guard(AllowList()).connect(host.strip("[]"), listener.port, 2)
    assert listener.heard() == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1\r\n", "a b", "", "::1%lo", "127.0.0.1/", "http://127.0.0.1", "a..b"]
)
def test_what_is_no_host_is_refused_without_repeating_it(host, listener):
    with pytest.raises(Refused, match=r"^The host is not a valid name or address\.$"):
        Guard(AllowList()).connect(host, listener.port, 2, trusted=True)
    assert listener.heard() == []


def test_a_server_of_our_own_settings_may_be_anywhere(listener):
    with Guard(AllowList()).connect("127.0.0.1", listener.port, 2, trusted=True) as connection:
        connection.sendall(b"EHLO")
    with Guard(AllowList([f"localhost:{listener.port}"])).connect(
        "localhost", listener.port, 2
    ) as connection:
        connection.sendall(b"EHLO")
    assert listener.heard() == [b"EHLO", b"EHLO"]


def test_a_connection_that_cannot_be_made_is_told_without_a_traceback(listener):
    guard = Guard(AllowList(["127.0.0.1", "*.invalid"]))
    listener.close()
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1 cannot be reached at port"):
        guard.connect("127.0.0.1", listener.port, 2)
    with pytest.raises(Unreachable, match=r"The name mail\.invalid has no address"):
        guard.connect("mail.invalid", 25, 2)


def test_a_name_that_leads_elsewhere_a_moment_later_gains_nothing(listener, monkeypatch):
    monkeypatch.setattr(Target, "fault", None)
    url = f"https://rebind.example:{listener.port}/"
    guard = Guard(AllowList())
    leads_to(monkeypatch, [PUBLIC], ["127.0.0.1"], [PUBLIC, "127.0.0.1"], ["::ffff:127.0.0.1"])
    guard.check(url)
    with guard.session(longest=2, largest=100) as session:
        for _ in range(3):
            with pytest.raises(Refused, match=r"rebind\.example leads to this machine"):
                session.post(url, {}, b"{}")
    assert listener.heard() == []


def test_the_connection_itself_is_judged_before_a_byte_is_sent(listener, monkeypatch):
    """Whatever it was that led it elsewhere."""
    elsewhere = socket.create_connection(("127.0.0.1", listener.port), timeout=2)
    monkeypatch.setattr(dial, "connect", lambda *_: elsewhere)
    leads_to(monkeypatch, [PUBLIC])
    with (
        pytest.raises(Refused, match="leads to this machine"),
        Guard(AllowList()).session(longest=2, largest=100) as session,
    ):
        session.post("https://hooks.example.com/", {}, b"{}")
    assert listener.heard() == [b""]


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("ftp://hooks.example.com/", "The address is not https."),
        (
            "http://hooks.example.com/secret",
            "The address of hooks.example.com is not https; only what OUTBOUND_ALLOW names may do without.",
        ),
        (
            "https://hooks.example.com:8443/secret",
            "Port 8443 of hooks.example.com is refused: it is not 443, and not in OUTBOUND_ALLOW.",
        ),
        (
            "https://olga:secret@hooks.example.com/",
            "The address holds a user name or a password: leave it out.",
        ),
        ("https://127.0.0.1/secret", "127.0.0.1 leads to this machine, and is not in OUTBOUND_ALLOW."),
        ("https://[fc00::1]/secret", "fc00::1 leads to a private network, and is not in OUTBOUND_ALLOW."),
        (
            "https://hooks example.com/secret",
            "The address is not a valid URL such as https://example.com/path.",
        ),
    ],
)
def test_a_refusal_is_one_sentence_that_names_the_host_only(url, sentence):
    assert refusal(Guard(AllowList()), url) == sentence


def test_a_name_without_an_address_is_another_matter_and_is_not_saved_either():
    guard = Guard(AllowList())
    sentence = r"The name hooks\.invalid has no address: it is misspelt, or DNS does not answer\."
    with pytest.raises(Unreachable, match=sentence):
        guard.check("https://hooks.invalid/secret")
    with pytest.raises(Unreachable, match=sentence):
        guard.request("POST", "https://hooks.invalid/secret", data=b"", longest=5, largest=100)


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("nas.example.com", "http://nas.example.com:8080/"),
        ("NAS.example.com.", "http://nas.EXAMPLE.com/"),
        ("nas:8080", "http://nas:8080/"),
        ("*.example.com", "http://a.b.example.com/"),
        ("*.example.com:81", "https://b.example.com:81/"),
        ("10.0.0.0/8", "http://nas.example.com:8080/"),
        ("10.1.2.3", "http://nas.example.com/"),
        ("10.1.2.3:8080", "http://nas.example.com:8080/"),
        ("10.1.2.3", "http://10.1.2.3/"),
        ("10.1.2.3", "http://[::ffff:10.1.2.3]/"),
    ],
)
def test_what_is_allowed_may_be_anywhere_by_plain_http_and_on_any_port(entry, url, monkeypatch):
    leads_to(monkeypatch, ["::ffff:10.1.2.3" if "ffff" in url else "10.1.2.3"])
    Guard(AllowList([entry])).check(url)


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("nas.example.com", "http://other.example.com/"),
        ("nas.example.com", "http://nas.example.com.evil.example/"),
        ("nas.example.com", "http://xnas.example.com/"),
        ("nas:8080", "http://nas:8081/"),
        ("*.example.com", "http://example.com/"),
        ("*.example.com", "http://badexample.com/"),
        ("10.1.2.3:8080", "http://nas.example.com/"),
        ("10.1.2.4", "http://nas.example.com/"),
        ("fc00::/7", "http://nas.example.com/"),
        ("::/0", "http://nas.example.com/"),
    ],
)
def test_and_nothing_but_what_is_allowed(entry, url, monkeypatch):
    leads_to(monkeypatch, ["10.1.2.3"])
    with pytest.raises(Refused):
        Guard(AllowList([entry])).check(url)


def test_what_our_own_settings_name_may_be_anywhere_but_only_there(monkeypatch):
    guard = Guard(AllowList(), trusted=["http://127.0.0.1:5000/open/"])
    guard.check("http://127.0.0.1:5000/files/x.pdf")
    for url in ("http://127.0.0.1:5001/", "https://127.0.0.1:5000/", "http://localhost:5000/"):
        with pytest.raises(Refused):
            guard.check(url)
