"""The six methods of the client, against recorded answers in the documented shape and against the simulator.

Both must do for the client, and the simulator must answer in the shape of the record: so what is tested
against the simulator elsewhere is true of the documents, too.
"""

import json
import threading
from datetime import date
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest
from conftest import payload
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from receiver.providers.hoiio.client import HoiioClient
from receiver.providers.market import Duration
from receiver.simulator.hoiio.server import SimulatorServer
from receiver.simulator.hoiio.settings import Settings

US_NUMBER = "+14152341237"
CREDENTIALS = {"app_id": "sim-app", "access_token": "sim-token"}


class Recorded:
    """A provider that gives each endpoint's recorded answer to any question, and keeps the questions."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.open_url = f"http://127.0.0.1:{self.server.port}/open/"

    @Request.application
    def _answer(self, request: Request) -> Response:
        endpoint = request.path.removeprefix("/open/")
        form = dict(parse_qsl(request.get_data(as_text=True)))
        self.requests.append((request.method, request.full_path.removeprefix("/open/").rstrip("?"), form))
        return Response(payload(f"{endpoint}.json"), mimetype="application/json")


@pytest.fixture(scope="module")
def recorded():
    provider = Recorded()
    threading.Thread(target=provider.server.serve_forever, args=(0.02,), daemon=True).start()
    yield provider
    provider.server.shutdown()


@pytest.fixture
def simulator():
    with SimulatorServer(Settings(resolve_hosts=False)) as server:
        yield server


@pytest.fixture(params=["recorded", "simulator"])
def client(request) -> HoiioClient:
    return HoiioClient("sim-app", "sim-token", request.getfixturevalue(request.param).open_url)


def test_available_countries(client):
    places = {country.code: country for country in client.available_countries()}
    assert (places["US"].name, places["US"].prefix) == ("USA", "1")
    states = {state.code: state for state in places["US"].states}
    assert (states["CA"].name, states["CA"].capabilities) == ("California", {"VOICE", "SMS"})
    assert (places["SG"].name, places["SG"].states) == ("Singapore", ())


def test_available_numbers(client):
    page = client.available_numbers("US", "CA")
    assert page.total_entries_count > len(page.entries) > 0
    assert all(entry.number.startswith("+1") and len(entry.number) == 12 for entry in page.entries)
    assert {entry.capabilities for entry in page.entries} == {frozenset({"VOICE", "SMS"})}


def test_rate(client):
    rates = client.rate("US")
    prices = [
        rates.price(term) for term in (Duration.ONE_MONTH, Duration.THREE_MONTHS, Duration.TWELVE_MONTHS)
    ]
    assert prices == [Decimal("4.00"), Decimal("12.00"), Decimal("40.00")]
    assert len(rates.currency) == 3


def test_subscribe(client):
    bought = client.subscribe(US_NUMBER, Duration.ONE_MONTH)
    assert (bought.number, bought.debit) == (US_NUMBER, Decimal("4.00"))
    assert isinstance(bought.expiry, date)


def test_configure(client):
    client.subscribe(US_NUMBER, Duration.ONE_MONTH)
    client.configure(US_NUMBER, forward_to="http://www.example.com/notify/voice", mode="voice")


def test_subscribed_numbers(client):
    client.subscribe(US_NUMBER, Duration.ONE_MONTH)
    client.configure(
        US_NUMBER,
        forward_to="http://www.example.com/notify/voice",
        forward_sms_to="http://www.example.com/notify/sms",
        mode="voice",
    )
    number = next(number for number in client.subscribed_numbers() if number.country == "US")
    assert (number.state, number.mode, number.auto_extend) == ("CA", "voice", False)
    assert number.forward_to == "http://www.example.com/notify/voice"
    assert number.forward_sms_to == "http://www.example.com/notify/sms"
    assert isinstance(number.expiry, date)
    assert "VOICE" in number.capabilities


REQUESTS = {
    "number/get_countries": (lambda client: client.available_countries(), {}),
    "number/get_choices": (
        lambda client: client.available_numbers("US", "CA", page=2),
        {"country": "US", "state": "CA", "page": "2"},
    ),
    "number/get_rates": (lambda client: client.rate("US"), {"country": "US"}),
    "number/subscribe": (
        lambda client: client.subscribe(US_NUMBER, Duration.AUTO_EXTEND),
        {"number": US_NUMBER, "duration": "auto_extend"},
    ),
    "number/update_forwarding": (
        lambda client: client.configure(
            US_NUMBER,
            forward_to="https://a.example/v?x=1&y=2",
            forward_sms_to="https://a.example/s",
            mode="fax",
        ),
        {
            "number": US_NUMBER,
            "forward_to": "https://a.example/v?x=1&y=2",
            "forward_sms_to": "https://a.example/s",
            "mode": "fax",
        },
    ),
    "number/get_active": (lambda client: client.subscribed_numbers(), {}),
}  # fmt: skip


@pytest.mark.parametrize("endpoint", REQUESTS)
def test_each_asks_for_what_is_documented_and_nothing_else(recorded, endpoint):
    ask, parameters = REQUESTS[endpoint]
    ask(HoiioClient("sim-app", "sim-token", recorded.open_url))
    assert recorded.requests[-1] == ("POST", endpoint, CREDENTIALS | parameters)


@pytest.mark.parametrize("endpoint", REQUESTS)
def test_the_simulator_answers_in_the_shape_of_the_record(simulator, endpoint):
    simulator.subscribe("US", "CA", forward_to="https://a.example/v", mode="voice")
    parameters = REQUESTS[endpoint][1] | ({"mode": "voice"} if "forwarding" in endpoint else {})
    answer = simulator.request(endpoint, **parameters)
    assert answer["status"] == "success_ok"
    record = json.loads(payload(f"{endpoint}.json"))
    missing = shape(record) - shape(answer)
    assert not missing


def shape(answer: object, path: str = "") -> set[str]:
    """Every field with the type of its value: `entries[].number str`."""
    if isinstance(answer, dict):
        return {line for name, value in answer.items() for line in shape(value, f"{path}.{name}")}
    if isinstance(answer, list):
        return {line for value in answer for line in shape(value, f"{path}[]")}
    return {f"{path} {type(answer).__name__}"}
