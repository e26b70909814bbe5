"""`receiver numbers countries`, `available` and `rates` with accounts of two providers."""

import json

import pytest
from conftest import make_config, started
from test_several_providers import both

from receiver.simulator.hoiio.server import SimulatorServer as Hoiio
from receiver.simulator.hoiio.settings import Settings as HoiioSettings
from receiver.simulator.twilio.server import SimulatorServer as Twilio

SILENT = "status:error_service_not_available"


@pytest.fixture
def hoiio():
    with Hoiio(HoiioSettings(rate_limit=0, resolve_hosts=False)) as simulator:
        yield simulator


@pytest.fixture
def twilio():
    with Twilio() as simulator:
        yield simulator


@pytest.fixture
def run(hoiio, twilio, tmp_path):
    """Run a command of `receiver numbers`, or another one, with both accounts."""

    def invoke(*command: str, code: int = 0):
        config = make_config(f"sqlite:///{tmp_path}/receiver.db", tmp_path, **both(hoiio, twilio))
        for app in started(config):
            result = app.test_cli_runner().invoke(args=command)
        assert "Traceback" not in result.output, result.output
        assert result.exit_code == code, result.output
        return result

    return invoke


def said_by(result) -> set[str]:
    """The providers in a table."""
    return {
        word for line in result.stdout.splitlines() for word in line.split() if word in ("hoiio", "twilio")
    }


def listed(result, name: str) -> list[dict]:
    return json.loads(result.stdout)[name]


def test_a_state_narrows_the_search_of_each(run):
    offers = listed(run("numbers", "available", "US", "CA", "--json"), "numbers")
    assert {each["provider"] for each in offers} == {"hoiio", "twilio"}
    assert {each["number"][:5] for each in offers if each["provider"] == "twilio"} == {"+1415"}
    hawaii = listed(run("numbers", "available", "US", "hawaii", "--provider", "twilio", "--json"), "numbers")
    assert {each["number"][:5] for each in hawaii} == {"+1808"}
    states = run("numbers", "countries", "US").stdout
    assert "District of Columbia" in states


def test_a_number_of_a_state_is_bought_once(run, twilio):
    wish = ("setup", "--provider", "twilio", "--country", "US", "--state", "HI", "--yes", "--json")
    (bought,) = listed(run(*wish), "numbers")
    assert bought["number"].startswith("+1808")
    assert listed(run(*wish), "steps") == []
    assert len(twilio.purchases) == 1


def test_who_does_not_have_the_place_is_named(run):
    result = run("numbers", "available", "US", "--limit", "2")
    assert said_by(result) == {"twilio"}
    assert len(result.stdout.splitlines()) == 3
    assert "There are more" in result.stderr
    assert "Hoiio: Numbers of USA are sold by state: name one of" in " ".join(result.stderr.split())
    result = run("numbers", "rates", "GB", "SG")
    rows = {tuple(line.split()[:2]) for line in result.stdout.splitlines()}
    assert {("twilio", "GB"), ("twilio", "SG"), ("hoiio", "SG")} <= rows
    assert "Hoiio: No country with numbers for sale is called 'GB'" in " ".join(result.stderr.split())
    nowhere = run("numbers", "available", "Atlantis", code=1)
    assert ("Hoiio: " in nowhere.stderr, "Twilio: " in nowhere.stderr) == (True, True)
    assert "Atlantis" in run("numbers", "rates", "SG", "Atlantis", code=1).stderr


@pytest.mark.parametrize(
    ("command", "endpoint"),
    [
        (("countries",), "number/get_countries"),
        (("available", "US", "CA"), "number/get_choices"),
        (("rates", "US"), "number/get_rates"),
        (("list",), "number/get_active"),
    ],
)
def test_one_that_is_silent_hides_nothing_of_the_other(run, hoiio, twilio, command, endpoint):
    twilio.buy()
    hoiio.control.fault(endpoint, SILENT, times=100)
    name = command[0] if command[0] in ("countries", "rates") else "numbers"
    table = run("numbers", *command, code=1)
    assert "Hoiio: " in table.stderr
    assert said_by(table) == {"twilio"}
    found = listed(run("numbers", *command, "--json", code=1), name)
    assert {each["provider"] for each in found} == {"twilio"}
