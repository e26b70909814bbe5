"""Everything at once: simulated provider, real server, setup by command line, callbacks over real HTTP."""

import json

import pytest
import requests
from conftest import DATABASES, migrated_database
from test_serve import Service

from receiver.simulator.hoiio.server import SimulatorServer

SENDER = "+6591234567"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=DATABASES)
def database_url(request, tmp_path_factory):
    with migrated_database(request, tmp_path_factory.mktemp("database")) as url:
        yield url


@pytest.fixture(scope="module")
def provider(database_url):
    with SimulatorServer() as provider:
        yield provider


@pytest.fixture(scope="module")
def service(provider, database_url, tmp_path_factory):
    settings = {"HOIIO_ACCESS_TOKEN": "sim-token", "HOIIO_API_URL": provider.open_url, "NO_PROXY": "*"}
    service = Service(database_url, tmp_path_factory.mktemp("service"), **settings)
    service.start()
    yield service
    service.kill()


@pytest.fixture(scope="module")
def numbers(service, provider) -> dict[str, str]:
    """One number for voice and SMS and one for faxes, bought and pointed by `receiver setup`."""
    service.flask("setup", "--country", "US", "--state", "CA", "--kind", "voice,sms", "--yes")
    service.flask("setup", "--country", "SG", "--kind", "fax", "--yes")
    held = {entry["country"]: entry["number"] for entry in provider.request("number/get_active")["entries"]}
    return {"voice": held["US"], "fax": held["SG"]}


@pytest.fixture
def arrived(service, numbers):
    """The events since the test began, newest first, without those by which setup proves what it did."""
    before = {event["id"] for event in service.events()}

    def ask(query: str = "") -> list[dict]:
        events = service.events(query)
        return [event for event in events if event["type"] != "test" and event["id"] not in before]

    return ask


def test_it_logs_a_call_a_fax_and_an_sms(provider, numbers, arrived):
    provider.control.call(SENDER, numbers["voice"])
    provider.control.fax(SENDER, numbers["fax"])
    provider.control.sms(SENDER, numbers["voice"], "hello <b>world</b>")
    events = arrived()
    assert [event["type"] for event in events] == [
        "sms.received",
        "fax.received",
        "call.ended",
        "call.ringing",
    ]
    assert {event["signature"] for event in events} == {"valid"}
    assert [event["problems"] for event in events] == [[], [], [], []]
    assert events[0]["text"] == "hello <b>world</b>"
    assert requests.get(events[1]["fax_url"], timeout=5).content.startswith(b"%PDF-")
    assert events[2]["duration"] == 1


def test_it_buys_nothing_when_setup_runs_again(service, provider, numbers):
    before = provider.purchases
    again = service.flask(
        "setup", "--country", "US", "--state", "CA", "--kind", "voice,sms", "--yes", "--json"
    )
    json.loads(again.stdout)
    assert provider.purchases == before
    assert len(before) == 2


def test_it_reads_parameters_wherever_they_are_and_counts_what_comes_twice(provider, numbers, arrived):
    for place in ("body", "query", "both"):
        provider.control.sms(SENDER, numbers["voice"], f"in {place}", parameters=place, duplicate=2)
    events = arrived()
    assert [event["text"] for event in events] == ["in both", "in query", "in body"]
    assert {event["repeats"] for event in events} == {1}


def test_it_keeps_and_marks_what_is_wrongly_signed_or_not_signed(provider, numbers, arrived):
    provider.control.sms(SENDER, numbers["voice"], "forged", wrong_signature=True)
    provider.control.sms(SENDER, numbers["voice"], "plain", unsigned=True)
    plain, forged = arrived()
    assert (plain["signature"], plain["quarantined"]) == ("missing", False)
    assert (forged["signature"], forged["quarantined"]) == ("invalid", True)
    assert [event["text"] for event in arrived("&quarantined=true")] == ["forged"]


def test_it_keeps_every_part_of_a_long_sms(provider, numbers, arrived):
    provider.control.sms(SENDER, numbers["voice"], "x" * 400)
    assert [len(event["text"]) for event in reversed(arrived())] == [152, 152, 96]


def test_it_shows_the_log_on_the_command_line(service, provider, numbers):
    before = received(service)
    provider.control.sms(SENDER, numbers["voice"], '=HYPERLINK("http://x")\x1b[31mred')
    table = service.flask("events", "list").stdout
    assert "\x1b" not in table
    assert SENDER in table
    listed = json.loads(service.flask("events", "list", "--kind", "sms", "--json").stdout)
    assert listed["events"][0]["sender"] == SENDER
    shown = json.loads(service.flask("events", "show", str(listed["events"][0]["id"]), "--json").stdout)
    assert shown["raw"]["method"] == "POST"
    assert "'=HYPERLINK" in service.flask("events", "list", "--csv").stdout
    assert received(service) == before + 1
    assert service.flask("events", "list", "--since", "tomorrow", check=False).stderr.count("\n") < 6
    assert (
        service.flask("events", "show", "999", check=False).stderr.strip() == "Error: there is no event 999"
    )


def received(service) -> int:
    """The SMS that `receiver events stats` counts."""
    stats = json.loads(service.flask("events", "stats", "--json").stdout)["stats"]
    return sum(row["events"] for row in stats if (row["kind"], row["type"]) == ("sms", "sms.received"))
