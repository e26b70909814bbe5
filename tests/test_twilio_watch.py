"""What the watch makes of a provider that tells the numbers, but not all about money."""

from decimal import Decimal

import pytest
from conftest import make_config, started
from test_several_providers import only_twilio

from receiver.numbers import known as numbers
from receiver.providers.numbers import Balance
from receiver.providers.twilio.client import TwilioClient
from receiver.simulator.twilio.server import SimulatorServer as Twilio


@pytest.fixture
def twilio():
    with Twilio() as simulator:
        yield simulator


@pytest.fixture
def config(twilio, tmp_path):
    return make_config(f"sqlite:///{tmp_path}/receiver.db", tmp_path, **only_twilio(twilio))


@pytest.fixture
def looked(config):
    """Codes of what a look finds, and what is known of the account after it."""

    def look():
        for app in started(config):
            parts = app.extensions["receiver"]
            codes = {finding.code for finding in parts.watch.look().findings}
            known = numbers.read(parts.engine).of("twilio")
        return codes, known

    return look


def run(config, *command: str):
    for app in started(config):
        result = app.test_cli_runner().invoke(args=command)
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.parametrize(
    ("endpoint", "fault"),
    [
        ("Pricing/fetch", "status:20404"),
        ("Pricing/fetch", "status:20003"),
        ("Pricing/fetch", "error-500"),
        ("Pricing/fetch", "garbage"),
        ("Balance/fetch", "status:20003"),
        ("Balance/fetch", "error-500"),
    ],
)
def test_what_is_not_told_of_money_hides_no_number(config, twilio, looked, endpoint, fault):
    run(config, "setup", "--country", "US", "--yes")
    (number,) = twilio.account["numbers"]
    changed = f"IncomingPhoneNumbers/{number['sid']}.json"
    assert twilio.request("POST", changed, TrunkSid="TK" + "1" * 32).ok
    twilio.control.fault(endpoint, fault, times=100)
    codes, known = looked()
    assert codes == {"overruled-voice"}
    assert (known.failures, [each.number for each in known.numbers]) == (0, [number["phone_number"]])


def test_the_price_of_one_country_is_known_without_that_of_another(twilio, looked):
    priced, odd = twilio.buy("US"), twilio.buy("AU")
    twilio.control.fault("Pricing/fetch", "status:20404")  # of the first one asked for, which is AU
    _, known = looked()
    assert {each.number: str(each.renewal_price) for each in known.numbers} == {priced: "1.15", odd: "None"}
    assert known.balance is not None


def test_a_number_that_may_be_of_several_countries_has_the_price_of_one(twilio, looked):
    """Its digits are those of all countries of North America; the first ones sell nothing here."""
    priced = twilio.buy("CA", "TollFree")
    twilio.control.fault("Pricing/fetch", "status:20404")
    _, known = looked()
    assert [(each.number, str(each.renewal_price)) for each in known.numbers] == [(priced, "2.15")]


def test_setup_buys_with_a_key_that_may_not_see_the_balance(config, twilio):
    twilio.control.fault("Balance/fetch", "status:20003", times=100)
    run(config, "setup", "--country", "US", "--yes")
    assert len(twilio.purchases) == 1


def test_prices_in_another_currency_are_not_compared_with_the_balance(twilio, looked, monkeypatch):
    twilio.buy("US")
    for currency, low in (("EUR", set()), ("USD", {"balance-low"}), ("EUR", set())):
        balance = Balance(currency, Decimal("0.10"))
        with monkeypatch.context() as patched:
            patched.setattr(TwilioClient, "balance", lambda _, told=balance: told)
            codes, known = looked()
        assert (codes & {"balance-low"}, known.currency) == (low, currency)
    twilio.control.fault("Balance/fetch", "error-500", times=100)
    codes, known = looked()
    assert (codes & {"balance-low"}, known.currency) == (set(), "EUR")


def test_a_number_that_something_takes_needs_no_urls(twilio, looked):
    twilio.buy("US")
    assert looked()[0] == {"not-configured"}
    twilio.control.fault("Services/list", "status:20003", times=9)
    assert looked()[0] == set()  # whether something does is not told
    twilio.control.clear_faults()
    sid = twilio.account["numbers"][0]["sid"]
    assert twilio.request("POST", f"IncomingPhoneNumbers/{sid}.json", TrunkSid="TK" + "1" * 32).ok
    assert looked()[0] == set()
