"""HoiioClient against recorded documents, against faults of the transport, and against the simulator."""

import logging
import socket
import threading
from datetime import date
from decimal import Decimal
from urllib.parse import parse_qs

import pytest
import requests
import responses
from conftest import payload

from receiver.providers import exchange
from receiver.providers.errors import (
    OutcomeUnknown,
    ProviderError,
    Refused,
    TryLater,
    UnexpectedAnswer,
    WrongConfiguration,
)
from receiver.providers.hoiio.client import HoiioClient
from receiver.providers.hoiio.statuses import _STATUSES, error_for
from receiver.providers.hoiio.values import HoiioNumber, HoiioRate, Mode
from receiver.providers.market import AvailableNumber, Duration
from receiver.providers.numbers import Capability
from receiver.simulator.hoiio.server import SimulatorServer
from receiver.simulator.hoiio.settings import Settings

APP_ID, TOKEN = "app-id-of-a-customer", "token-nobody-may-see"
API = "https://provider.example/open/"
NUMBER = "+16501234567"


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def client(pauses: list[float]) -> HoiioClient:
    return HoiioClient(APP_ID, TOKEN, API, sleep=pauses.append)


@pytest.fixture
def provider():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture(scope="module")
def simulator():
    with SimulatorServer(Settings(rate_limit=0, resolve_hosts=False, balance=Decimal(10_000))) as server:
        yield server


@pytest.fixture
def live(simulator: SimulatorServer) -> HoiioClient:
    simulator.control.clear_faults()
    return HoiioClient("sim-app", "sim-token", simulator.open_url, sleep=lambda _: None, timeout=(2, 2))


def answer(provider, endpoint: str, /, status: str = "success_ok", **fields) -> None:
    provider.post(API + endpoint, json={"status": status, **fields})


def sent(provider) -> list[dict[str, str]]:
    return [
        {name: values[0] for name, values in parse_qs(call.request.body, keep_blank_values=True).items()}
        for call in provider.calls
    ]


# --- What the documents show ---


def test_it_reads_the_documented_numbers(client, provider):
    provider.post(API + "number/get_active", body=payload("number/get_active.json"))

    assert client.subscribed_numbers() == (
        HoiioNumber(
            number="+6511111111",
            forward_to="http://www.example.com/notify/voice",
            forward_sms_to="http://www.example.com/myApp1/notify/sms",
            mode=Mode.VOICE,
            expiry=date(2012, 1, 1),
            auto_extend=False,
            country="SG",
            state="",
            capabilities=frozenset({Capability.VOICE, Capability.FAX}),
        ),
        HoiioNumber(
            number="+16502222222",
            forward_to="http://www.example.com/notify/voice",
            forward_sms_to="http://www.example.com/notify/sms",
            mode=Mode.VOICE,
            expiry=date(2012, 1, 15),
            auto_extend=False,
            country="US",
            state="CA",
            capabilities=frozenset({Capability.VOICE, Capability.FAX}),
        ),
    )


def test_it_reads_the_documented_prices(client, provider):
    answer(
        provider,
        "number/get_rates",
        currency="USD",
        entries_count="2",
        entries=[{"duration": "1", "rate": "4.000"}, {"duration": "12", "rate": "40.00"}],
    )

    rates = client.rate("US")

    assert rates.currency == "USD"
    assert rates.entries == (HoiioRate(1, Decimal("4.000")), HoiioRate(12, Decimal("40.00")))
    assert rates.price(Duration.AUTO_EXTEND) == Decimal("4.000")
    assert rates.price(Duration.THREE_MONTHS) is None


def test_credentials_and_numbers_travel_in_the_body_only(client, provider):
    answer(provider, "number/update_forwarding")

    client.configure(NUMBER, forward_to="https://example.com/v?a=1&b=2", mode="voice")

    (call,) = provider.calls
    assert call.request.url == API + "number/update_forwarding"
    assert call.request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "number=%2B16501234567" in call.request.body
    assert sent(provider) == [
        {
            "number": NUMBER,
            "forward_to": "https://example.com/v?a=1&b=2",
            "mode": "voice",
            "app_id": APP_ID,
            "access_token": TOKEN,
        }
    ]


@pytest.mark.parametrize("term", [1, "3", 12, "auto_extend", Duration.AUTO_EXTEND])
def test_it_subscribes_for_each_term(client, provider, term):
    answer(provider, "number/subscribe", currency="SGD", debit="4.00", expiry="2012-02-15")

    bought = client.subscribe(NUMBER, term)

    assert (bought.debit, bought.expiry) == (Decimal("4.00"), date(2012, 2, 15))
    assert sent(provider)[0]["duration"] == str(term)


@pytest.mark.parametrize("term", [2, 0, "", "forever"])
def test_it_knows_no_other_term(client, provider, term):
    with pytest.raises(ValueError, match="Duration"):
        client.subscribe(NUMBER, term)
    assert not provider.calls


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("foward_from", "forward_to?"),
        ("forward_to_sms", "forward_sms_to?"),
        ("foward_to_sms", "forward_sms_to?"),
        ("Mode", "mode?"),
        ("zebra", "forward_to, forward_sms_to, mode"),
    ],
)
def test_a_misspelt_setting_is_refused_and_the_right_one_named(client, provider, wrong, right):
    with pytest.raises(TypeError) as caught:
        client.configure(NUMBER, **{wrong: "https://example.com/"})
    assert wrong in str(caught.value)
    assert right in str(caught.value)
    assert not provider.calls


@pytest.mark.parametrize("wrong", ["foward_to", "foward_sms_to"])
def test_the_misspelling_of_the_providers_page_is_accepted(client, provider, wrong):
    answer(provider, "number/update_forwarding")
    right = wrong.replace("foward", "forward")
    with pytest.warns(UserWarning, match=f"'{right}'"):
        client.configure(NUMBER, **{wrong: "https://example.com/in"})
    assert sent(provider)[0][right] == "https://example.com/in"
    with pytest.raises(TypeError, match="twice"), pytest.warns(match=right):
        client.configure(NUMBER, **{wrong: "https://example.com/in", right: "https://example.com/in"})


# --- Liberal in what it accepts ---


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (NUMBER, {}),
        ({"number": NUMBER}, {}),
        ({"number": NUMBER[1:], "state": "", "forward_to": None}, {}),
        ({"number": NUMBER, "capability": "voice, sms"}, {"capabilities": frozenset({"VOICE", "SMS"})}),
        ({"number": NUMBER, "capabilities": ["MMS", 7]}, {"capabilities": frozenset({"MMS"})}),
        ({"number": NUMBER, "mode": "IVR"}, {"mode": "ivr"}),
        ({"number": NUMBER, "expiry": "2012-02-15 00:00:00"}, {"expiry": date(2012, 2, 15)}),
        ({"number": NUMBER, "expiry": "soon"}, {}),
        ({"number": NUMBER, "auto_extend_status": "enabled"}, {"auto_extend": True}),
        ({"number": NUMBER, "auto_extend_status": True}, {"auto_extend": True}),
        ({"number": NUMBER, "country": "us", "state": "ca"}, {"country": "US", "state": "CA"}),
    ],
)
def test_it_takes_numbers_in_any_shape_seen(client, provider, entry, expected):
    answer(provider, "number/get_active", entries=[entry])
    assert client.subscribed_numbers() == (HoiioNumber(NUMBER, **expected),)


@pytest.mark.parametrize("odd", ["x", "12", {"number": "anonymous"}, {"number": "+0123456789"}])
def test_what_is_no_telephone_number_is_not_taken_for_one(client, provider, odd):
    entries = [odd, {"number": NUMBER}]
    answer(provider, "number/get_active", entries=entries)
    with pytest.raises(UnexpectedAnswer, match="no telephone number"):
        client.subscribed_numbers()
    answer(provider, "number/get_choices", entries=entries)
    assert [entry.number for entry in client.available_numbers("US", "CA").entries] == [NUMBER]


def test_an_entry_without_a_number_makes_it_half_a_list(client, provider):
    answer(provider, "number/get_active", entries=[{"forward_to": ""}])
    with pytest.raises(UnexpectedAnswer, match="announces more"):
        client.subscribed_numbers()


@pytest.mark.parametrize(
    "entries", [{}, {"entries": None}, {"entries": []}, {"entries": "", "entries_count": "0"}]
)
def test_no_entries_are_no_numbers(client, provider, entries):
    answer(provider, "number/get_active", **entries)
    assert client.subscribed_numbers() == ()


def test_half_a_list_of_numbers_held_is_an_error(client, provider):
    """Somebody might buy again what is missing from it."""
    answer(provider, "number/get_active", entries_count="2", entries=[{"number": NUMBER}])
    with pytest.raises(UnexpectedAnswer, match="announces more"):
        client.subscribed_numbers()


def test_countries_may_lack_states_and_states_their_abilities(client, provider):
    entries = [
        {"code": "SG", "name": "Singapore", "prefix": "+65"},
        {"code": "US", "states": [{"code": "CA"}, "NY"]},
    ]
    answer(provider, "number/get_countries", entries=entries)

    singapore, usa = client.available_countries()

    assert (singapore.prefix, singapore.states) == ("65", ())
    assert (usa.name, [state.code for state in usa.states]) == ("US", ["CA", "NY"])


def test_a_rate_that_is_no_amount_is_left_out(client, provider):
    rows = [{"duration": "1", "rate": "NaN"}, {"duration": "x", "rate": "1"}, {"duration": 3, "rate": 12.5}]
    answer(provider, "number/get_rates", entries=rows)
    assert client.rate("US").entries == (HoiioRate(3, Decimal("12.5")),)


def test_a_purchase_without_details_is_a_purchase(client, provider):
    answer(provider, "number/subscribe")
    assert client.subscribe(NUMBER, 1).debit is None


def test_a_provider_that_ignores_the_page_does_not_loop_for_ever(client, provider):
    answer(provider, "number/get_choices", entries=[NUMBER])
    assert list(client.every_available_number("US", "CA")) == [AvailableNumber(NUMBER)]
    assert len(provider.calls) == 2


# --- Errors: what to do next ---


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("error_invalid_app_id", WrongConfiguration),
        ("error_invalid_access_token", WrongConfiguration),
        ("error_developer_suspended", WrongConfiguration),
        ("error_service_not_available", TryLater),
        ("error_insufficient_credit", Refused),
        ("error_number_not_available", Refused),
        ("error_incoming_sms_not_supported", Refused),
        ("error_malformed_params", UnexpectedAnswer),
        ("error_nobody_documented", UnexpectedAnswer),
        ("error_internal_server_error", OutcomeUnknown),
        ("success_maybe", OutcomeUnknown),
        ("\x1b[31m", OutcomeUnknown),
    ],
)
def test_a_status_becomes_the_error_of_what_to_do_next(client, provider, status, kind):
    answer(provider, "number/subscribe", status)

    with pytest.raises(ProviderError) as caught:
        client.subscribe(NUMBER, 1)

    assert type(caught.value) is kind
    assert str(caught.value).startswith("subscribe +1••••4567: ")
    assert str(caught.value).endswith(".")
    assert str(caught.value).isprintable()
    assert len(provider.calls) == 1


def test_every_known_status_has_a_whole_sentence_for_a_person():
    for status in _STATUSES:
        message = str(error_for(status, "configure", number=NUMBER))
        assert message.isprintable()
        assert message.endswith(".")
        assert "error_" not in message
        assert NUMBER not in message


HTML = "<html><h1>Service Unavailable</h1>"
UNREADABLE = [
    {"body": HTML},
    {"body": '{"status":"succ'},
    {"body": ""},
    {"body": "[]"},
    {"body": '"success_ok"'},
    {"body": b"\xff\xfe{"},
    {"body": "[" * 100_000},
    {"json": {"entries": []}},
    {"json": {"status": 1}},
]


@pytest.mark.parametrize("reply", UNREADABLE, ids=lambda reply: str(reply)[:30])
def test_an_answer_nobody_can_read_is_an_error_not_a_crash(client, provider, reply):
    provider.post(API + "number/get_active", **reply)
    provider.post(API + "number/subscribe", **reply)

    with pytest.raises(UnexpectedAnswer, match="HOIIO_API_URL"):
        client.subscribed_numbers()
    with pytest.raises(OutcomeUnknown, match="look at the numbers held"):
        client.subscribe(NUMBER, 1)


@pytest.mark.parametrize(
    ("code", "read", "change"),
    [
        (301, WrongConfiguration, WrongConfiguration),
        (404, WrongConfiguration, WrongConfiguration),
        (429, TryLater, OutcomeUnknown),
        (500, TryLater, OutcomeUnknown),
        (503, TryLater, OutcomeUnknown),
    ],
)
def test_http_errors_are_told_apart_and_no_redirect_followed(client, provider, code, read, change):
    for endpoint in ("user/get_balance", "number/subscribe"):
        headers = {"Location": "https://elsewhere.example/"}
        provider.post(API + endpoint, body=HTML, status=code, headers=headers)

    with pytest.raises(read):
        client.balance()
    with pytest.raises(change):
        client.subscribe(NUMBER, 1)

    assert {call.request.url for call in provider.calls} == {
        API + "user/get_balance",
        API + "number/subscribe",
    }


def test_a_refusal_counts_whatever_the_http_status(client, provider):
    provider.post(API + "number/subscribe", json={"status": "error_insufficient_credit"}, status=400)
    with pytest.raises(Refused, match="Top it up"):
        client.subscribe(NUMBER, 1)


def test_an_endless_answer_is_given_up(client, provider, monkeypatch):
    monkeypatch.setattr(exchange, "_LARGEST_ANSWER", 1000)
    provider.post(API + "number/get_active", body=b" " * 2000)
    with pytest.raises(TryLater, match="did not end"):
        client.subscribed_numbers()


# --- Trying again, or not ---


def test_reads_are_tried_again_a_few_times(client, provider, pauses):
    provider.post(API + "user/get_balance", body=requests.ConnectionError("reset"))
    provider.post(API + "user/get_balance", status=502)
    answer(provider, "user/get_balance", currency="SGD", balance="12.50", points="10", bonus="2.50")

    assert client.balance().balance == Decimal("12.50")
    assert pauses == sorted(pauses)
    assert len(pauses) == 2


def test_reads_are_not_tried_for_ever(client, provider, pauses):
    provider.post(API + "user/get_balance", status=502)
    with pytest.raises(TryLater):
        client.balance()
    assert len(provider.calls) == 3


def test_the_rate_limit_is_waited_out(client, provider, pauses):
    """It counts a minute; giving up earlier would make every long listing fail."""
    answer(provider, "user/get_balance", "error_rate_limit_exceeded")
    with pytest.raises(TryLater, match="Wait a minute"):
        client.balance()
    assert sum(pauses) > 60


def test_it_waits_as_long_as_the_provider_asks(client, provider, pauses):
    provider.post(API + "user/get_balance", status=429, headers={"Retry-After": "7"})
    answer(provider, "user/get_balance", balance="1")
    client.balance()
    assert pauses == [7]


@pytest.mark.parametrize("status", ["error_rate_limit_exceeded", "error_service_not_available"])
def test_money_is_never_spent_by_a_retry(client, provider, pauses, status):
    answer(provider, "number/subscribe", status)
    with pytest.raises(TryLater):
        client.subscribe(NUMBER, 1)
    assert (len(provider.calls), pauses) == (1, [])


@pytest.mark.parametrize("failure", [requests.ReadTimeout("slow"), requests.ConnectionError("reset")])
@pytest.mark.parametrize("act", ["subscribe", "configure"])
def test_a_lost_answer_is_not_tried_again(client, provider, pauses, failure, act):
    for endpoint in ("number/subscribe", "number/update_forwarding"):
        provider.post(API + endpoint, body=failure)

    with pytest.raises(OutcomeUnknown, match="may or may not"):
        client.subscribe(NUMBER, 1) if act == "subscribe" else client.configure(NUMBER, mode="voice")

    assert (len(provider.calls), pauses) == (1, [])


def test_configuring_waits_for_the_rate_limit_which_is_a_definite_no(client, provider, pauses):
    answer(provider, "number/update_forwarding", "error_rate_limit_exceeded")
    answer(provider, "number/update_forwarding")
    client.configure(NUMBER, mode="voice")
    assert len(pauses) == 1


def test_what_was_never_sent_is_certainly_not_bought(pauses):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(TryLater, match="nothing was sent"):
        HoiioClient(APP_ID, TOKEN, f"http://127.0.0.1:{port}/").subscribe(NUMBER, 1)


def test_an_answer_cut_short_may_have_been_a_purchase():
    with _server(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{") as url, pytest.raises(OutcomeUnknown):
        HoiioClient(APP_ID, TOKEN, url).subscribe(NUMBER, 1)


def test_a_silent_provider_is_given_up_in_time():
    with _server(None) as url, pytest.raises(OutcomeUnknown, match="did not answer in time"):
        HoiioClient(APP_ID, TOKEN, url, timeout=(1, 0.2)).subscribe(NUMBER, 1)


@pytest.mark.parametrize("start", [b"Content-Length: 10000\r\n\r\n", b"X-A: "])
def test_a_dripping_answer_is_given_up_in_time(start):
    """In its head or in its body, and a read is not repeated then."""
    reply = b"HTTP/1.1 200 OK\r\n" + start
    with _server(reply, drip=True) as url, pytest.raises(OutcomeUnknown, match="did not answer in time"):
        HoiioClient(APP_ID, TOKEN, url, timeout=(1, 5), longest=0.3).subscribe(NUMBER, 1)
    with _server(reply, drip=True) as url, pytest.raises(TryLater, match="did not answer in time"):
        HoiioClient(APP_ID, TOKEN, url, timeout=(1, 5), longest=0.3).subscribed_numbers()


def test_a_kept_connection_that_drips_is_given_up_too():
    body = b'{"status": "success_ok", "balance": "1.00"}'
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with _server(reply, drip=True, whole=1) as url:
        client = HoiioClient(APP_ID, TOKEN, url, timeout=(1, 5), longest=0.3)
        assert client.balance().balance == 1
        with pytest.raises(TryLater, match="did not answer in time"):
            client.balance()


class _server:
    """A server on this machine that reads one request and answers with these bytes, or not at all."""

    def __init__(self, reply: bytes | None, *, drip: bool = False, whole: int = 0) -> None:
        self._reply, self._drip, self._over = reply, drip, threading.Event()
        self._whole = whole  # requests that are answered before it begins to drip

    def __enter__(self) -> str:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}/"

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(5)
        self._listening.close()

    def _serve(self) -> None:
        connection, _ = self._listening.accept()
        with connection:
            connection.recv(65536)
            if self._reply is None:
                self._over.wait(5)
                return
            for _ in range(self._whole):
                connection.sendall(self._reply)
                connection.recv(65536)
            connection.sendall(self._reply[: 20 if self._whole else None])
            try:
                while self._drip and not self._over.wait(0.05):
                    connection.sendall(b" ")
            except OSError:
                pass


# --- Secrets ---


@pytest.mark.parametrize(
    "failure",
    [
        requests.ConnectionError(f"POST /?access_token={TOKEN} failed for {NUMBER}"),
        requests.exceptions.SSLError(f"{TOKEN}"),
        OSError(f"{TOKEN} {NUMBER}"),
    ],
)
def test_no_secret_and_no_number_gets_into_an_error_or_a_log(client, provider, caplog, failure):
    caplog.set_level(logging.DEBUG)
    provider.post(API + "number/subscribe", body=failure)
    provider.post(API + "user/get_balance", body=failure)

    caught: list[ProviderError] = []
    for call in (lambda: client.subscribe(NUMBER, 1), client.balance):
        try:
            call()
        except ProviderError as error:
            caught.append(error)

    shown = f"{caught} {[str(error) for error in caught]} {caplog.text} {client!r} {vars(caught[0])}"
    assert len(caught) == 2
    assert all(error.__suppress_context__ for error in caught)
    for secret in (TOKEN, APP_ID, NUMBER, NUMBER[1:]):
        assert secret not in shown


# --- The simulator, which follows the documents ---


def test_it_walks_all_pages(live):
    first = live.available_numbers("US", "CA")
    everything = list(live.every_available_number("US", "CA"))
    assert len(first.entries) == 20
    assert len(everything) == len(set(everything)) == first.total_entries_count > 40
    assert live.available_numbers("US", "CA", page=1000).entries == ()


@pytest.mark.filterwarnings("ignore:configure")
def test_every_line_of_the_providers_number_page_runs():
    """As it stands there, in order; only `print` is another here."""
    with SimulatorServer(Settings(resolve_hosts=False)) as simulator:
        shown: list[str] = []
        _number_page(
            HoiioClient("sim-app", "sim-token", simulator.open_url), lambda line: shown.append(str(line))
        )
    assert {"USA [US] with number prefix 1", "  Alabama [AL]", "SGD", "enabled"} <= set(shown)
    assert {"1 month: 4.00 SGD", "Subscribed for 4.00 SGD"} <= set(shown)
    assert shown[-7:-4] == ["+16001234567", *["http://my.server.com/myscript"] * 2]
    assert shown[-2:] == ["US", "AL"]


def _number_page(number_api, say):
    res = number_api.available_countries()
    for country in res.entries:
        say(f"{country.name} [{country.code}] with number prefix {country.prefix}")
        for state in country.states:
            say(f"  {state.name} [{state.code}]")

    res = number_api.available_numbers("US", "AL")
    for entry in res.entries:
        say(entry.number)
    res = number_api.available_numbers("SG")

    res = number_api.rate("US")
    say(res.currency)
    for entry in res.entries:
        say(f"{entry.duration:d} month: {entry.rate:f} {res.currency}")

    res = number_api.subscribe("+16001234567", 1)
    say(f"Subscribed for {res.debit:f} {res.currency}")
    say(f"Expires on {res.expiry}")
    res = number_api.subscribe("+16001234567", "auto_extend")

    mine = "http://my.server.com/myscript"
    res = number_api.configure("+16001234567", foward_to=mine)
    res = number_api.configure("+16001234567", foward_sms_to=mine)
    res = number_api.configure("+16001234567", foward_to=mine, foward_sms_to=mine)
    res = number_api.configure("+16001234567", foward_to=mine, foward_sms_to=mine, mode="fax")

    res = number_api.subscribed_numbers()
    for number in res.entries:
        say(number.number)
        say(number.forward_to)
        say(number.forward_sms_to)
        say(number.expiry)
        say(number.auto_extend_status)
        say(number.country)
        say(number.state)


def test_lists_can_be_iterated(live):
    for listed in (live.available_countries(), live.subscribed_numbers()):
        assert list(listed) == list(listed.entries)


def test_it_buys_configures_and_reads_back(live):
    number = live.available_numbers("SG").entries[0].number
    before = live.balance().balance

    bought = live.subscribe(number, 3)
    live.configure(number, forward_to="https://example.com/fax", mode="fax")

    held = next(entry for entry in live.subscribed_numbers() if entry.number == number)
    assert bought.debit == live.rate("SG").price(Duration.THREE_MONTHS) == before - live.balance().balance
    assert held == HoiioNumber(
        number=number,
        forward_to="https://example.com/fax",
        mode="fax",
        expiry=bought.expiry,
        auto_extend=False,
        country="SG",
        capabilities=frozenset({"VOICE", "FAX"}),
    )


def test_what_is_not_configured_is_cleared(live):
    number = live.available_numbers("US", "NY").entries[0].number
    live.subscribe(number, 1)
    live.configure(number, forward_to="https://example.com/v", forward_sms_to="https://example.com/s")
    live.configure(number, forward_sms_to="https://example.com/s")
    held = next(entry for entry in live.subscribed_numbers() if entry.number == number)
    assert (held.forward_to, held.forward_sms_to) == ("", "https://example.com/s")


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (lambda live: live.available_numbers("US"), Refused),
        (lambda live: live.available_numbers("US", "XX"), Refused),
        (lambda live: live.subscribe("+14152349999", 1), Refused),
        (lambda live: live.subscribe("+1", 1), Refused),
        (lambda live: live.configure("+14150000000", mode="voice"), Refused),
    ],
)
def test_it_tells_the_user_what_the_provider_refuses(live, act, kind):
    with pytest.raises(kind):
        act(live)


@pytest.mark.parametrize("fault", ["lost-answer", "garbage", "error-500"])
def test_a_fault_while_buying_leaves_the_outcome_unknown(simulator, live, fault):
    number = live.available_numbers("US", "TX").entries[0].number
    simulator.control.fault("number/subscribe", fault)
    with pytest.raises(OutcomeUnknown):
        live.subscribe(number, 1)
    bought = [entry for entry in simulator.purchases if entry["number"] == number]
    assert len(bought) == (0 if fault == "error-500" else 1)


@pytest.mark.parametrize("fault", ["lost-answer", "garbage", "error-500", "status:error_rate_limit_exceeded"])
def test_a_fault_while_reading_is_got_over(simulator, live, fault):
    simulator.control.fault("number/get_rates", fault)
    if fault == "garbage":
        with pytest.raises(UnexpectedAnswer):
            live.rate("US")
    else:
        assert live.rate("US").entries


def test_wrong_credentials_are_named(simulator):
    with pytest.raises(WrongConfiguration, match="HOIIO_APP_ID"):
        HoiioClient("nobody", "sim-token", simulator.open_url).balance()
    with pytest.raises(WrongConfiguration, match="HOIIO_ACCESS_TOKEN"):
        HoiioClient("sim-app", "wrong", simulator.open_url).balance()
