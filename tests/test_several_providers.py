"""Numbers of two providers side by side: setup, lists, drift and the doctor, against both simulators."""

import io
import json
import re
import socket
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from conftest import API_TOKEN, KEY, OLD_KEY, make_config, quickly_known, started
from test_console import signed_in
from werkzeug.serving import make_server

from receiver.access.scopes import Scope
from receiver.cli.numbers import shown as table
from receiver.keys.key import fingerprint_of
from receiver.providers.hoiio.provider import HOIIO
from receiver.providers.numbers import Instead, SubscribedNumber
from receiver.providers.registry import PROVIDERS
from receiver.providers.twilio.provider import TWILIO
from receiver.simulator.hoiio.server import SimulatorServer as Hoiio
from receiver.simulator.hoiio.settings import Settings as HoiioSettings
from receiver.simulator.twilio import catalogue
from receiver.simulator.twilio.server import SimulatorServer as Twilio
from receiver.simulator.twilio.settings import Settings as TwilioSettings
from receiver.vocabulary.kinds import Kind

URL = "http://127.0.0.1:1/"
SECOND = "https://second.invalid/"


@pytest.fixture
def hoiio():
    with Hoiio(HoiioSettings(rate_limit=0, resolve_hosts=False)) as simulator:
        yield simulator


@pytest.fixture
def twilio():
    with Twilio() as simulator:
        yield simulator


def only_twilio(twilio: Twilio) -> dict[str, object]:
    return {
        "hoiio_app_id": None,
        "hoiio_access_token": None,
        "twilio_account_sid": twilio.settings.account_sid,
        "twilio_auth_token": twilio.settings.auth_token,
        "twilio_api_url": twilio.url,
        "public_url": URL,
    }


def both(hoiio: Hoiio, twilio: Twilio) -> dict[str, object]:
    return only_twilio(twilio) | {
        "hoiio_app_id": "sim-app",
        "hoiio_access_token": "sim-token",
        "hoiio_api_url": hoiio.open_url,
    }


@pytest.fixture
def flask(hoiio, twilio, tmp_path):
    """Run a command with both accounts: `flask("numbers", "list")`."""

    def run(*command: str, code: int = 0, **changed: object):
        settings = both(hoiio, twilio) | changed
        for app in started(make_config(f"sqlite:///{tmp_path}/receiver.db", tmp_path, **settings)):
            result = app.test_cli_runner().invoke(args=command)
        assert "Traceback" not in result.output, result.output
        assert result.exit_code == code, result.output
        for secret in (KEY, OLD_KEY, twilio.settings.auth_token, "sim-token"):
            assert secret not in result.output
        return result

    return run


def shown(result) -> dict:
    return json.loads(result.stdout)


def findings(result) -> dict[str, dict]:
    """What the doctor found of numbers, by code."""
    return {each["code"]: each for each in shown(result)["findings"] if each["area"] == "numbers"}


ALONE = {"hoiio_app_id": None, "hoiio_access_token": None}
"""Credentials of one provider only."""


# --- Which provider ---


def test_with_one_account_nobody_has_to_say_which(flask, twilio):
    flask("setup", "--country", "US", "--yes", **ALONE)
    listing = flask("numbers", "list", **ALONE).stdout.splitlines()
    assert "provider" not in listing[0]
    assert "voice: here  here" in listing[1]
    assert len(twilio.purchases) == 1


@pytest.mark.parametrize(
    "command", [("setup", "--country", "US", "--yes"), ("setup", "--number", "+14155550100", "--yes"),
                ("numbers", "subscribe", "+14155550100", "--yes")],
)  # fmt: skip
def test_with_several_somebody_has_to_say_whom_to_buy_from(flask, hoiio, twilio, command):
    assert "--provider hoiio or twilio" in flask(*command, code=1).stderr
    assert hoiio.purchases == twilio.purchases == []


def test_a_provider_without_credentials_is_refused(flask):
    answer = flask("numbers", "list", "--provider", "hoiio", code=1, **ALONE)
    assert "HOIIO_APP_ID and HOIIO_ACCESS_TOKEN" in answer.stderr


@pytest.mark.parametrize("provider", ["Hoiio", "Twilio"])
@pytest.mark.parametrize("half", [0, 1])
def test_half_of_the_credentials_is_told_of(flask, provider, half):
    names = PROVIDERS[provider.lower()].credentials
    lacking, given = names[half], names[1 - half]
    without = {lacking.lower(): None}
    sentence = f"{given} is set without {lacking}"
    assert f"{provider}: {sentence}" in flask("numbers", "list", **without).stderr
    found = {each["code"]: each for each in shown(flask("doctor", "--json", code=2, **without))["findings"]}
    assert found["half-credentials"]["sentence"].startswith(sentence)
    assert found["half-credentials"]["provider"] == provider.lower()


def test_a_key_for_the_api_does_not_verify_callbacks(flask, twilio):
    key = {"twilio_api_key": twilio.settings.account_sid, "twilio_api_secret": twilio.settings.auth_token}
    listed = flask("numbers", "list", twilio_auth_token=None, **key)
    assert "its callbacks cannot be verified" in listed.stderr
    shared = key | {"twilio_auth_token": None, "twilio_signing_keys": ("a shared key",)}
    listed = flask("numbers", "list", **shared)
    assert "its callbacks" not in listed.stderr
    assert "callbacks that are signed with it cannot be verified" in listed.stderr
    found = {each["code"]: each for each in shown(flask("doctor", "--json", code=2, **shared))["findings"]}
    assert found["half-credentials"]["mend"] == "Set TWILIO_AUTH_TOKEN."


def test_what_a_provider_refused_is_past_once_it_is_not_asked(flask):
    assert "refuses the credentials" in flask("doctor", code=2, twilio_auth_token="wrong").stdout
    for without in ({"twilio_auth_token": None}, {"twilio_auth_token": None, "twilio_account_sid": None}):
        assert "refuses the credentials" not in flask("doctor", code=2, **without).stdout


def test_numbers_stand_side_by_side_and_are_found_without_their_provider(flask, hoiio, twilio):
    there, here = twilio.buy(), hoiio.subscribe("SG", "")
    table = flask("numbers", "list").stdout.splitlines()
    assert table[0].split()[:2] == ["number", "provider"]
    assert [line.split()[:2] for line in table[1:]] == sorted([[there, "twilio"], [here, "hoiio"]])
    listed = shown(flask("numbers", "list", "--json"))["numbers"]
    assert {(each["number"], each["provider"]) for each in listed} == {(there, "twilio"), (here, "hoiio")}
    only = shown(flask("numbers", "list", "--json", "--provider", "twilio"))["numbers"]
    assert [each["number"] for each in only] == [there]
    for number, provider in ((there, "twilio"), (here, "hoiio")):
        assert shown(flask("numbers", "show", number, "--json"))["provider"] == provider
        flask("setup", "--number", number, "--yes")  # held already: nobody need say whose it is


def test_a_provider_that_is_silent_does_not_hide_the_others(flask, hoiio, twilio):
    number = twilio.buy()
    hoiio.control.fault("number/get_active", "status:error_service_not_available", times=100)
    answer = flask("numbers", "list", code=1)
    assert number in answer.stdout
    assert "Hoiio: " in answer.stderr


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("numbers show {}", "calls go"),
        ("numbers test {} --kind fax", "Nothing that arrives"),
        ("numbers configure {} --forward-to none --yes", "not set"),
        ("setup --number {} --yes", "Nothing to do"),
    ],
)
def test_one_that_cannot_be_asked_is_no_matter_for_a_number_of_another(flask, hoiio, twilio, command, said):
    number, code = twilio.buy(), 1 if "test" in command else 0
    flask("setup", "--number", number, "--yes")
    assert said in flask(*command.format(number).split(), code=code, hoiio_api_url=hoiio.url).output
    unknown = flask(*command.format("+14155550199").split(), code=1, hoiio_api_url=hoiio.url)
    assert "HOIIO_API_URL" in unknown.stderr
    assert "Hoiio's own ends in /open/" in unknown.stderr


def test_what_fix_leaves_is_said_and_where_the_masked_number_stands(flask, twilio):
    number = twilio.buy()
    flask("setup", "--number", number, "--yes")
    second = {"public_url_fallback": SECOND}
    report = flask("doctor", "--fix", code=2, **second)
    assert "--fix does not mend" in report.stderr
    assert "receiver doctor --json" in report.stderr
    assert number not in report.output
    mends = {each["mend"] for each in shown(flask("doctor", "--json", code=2, **second))["findings"]}
    assert f"receiver setup --number {number}" in mends
    assert "--fix" not in flask("doctor", code=2, **second).stderr


def test_what_one_has_is_mended_where_the_other_cannot_be_asked(flask, hoiio, twilio):
    number = twilio.buy()
    flask("setup", "--number", number, "--yes", callback_keys=(OLD_KEY,))
    report = flask("doctor", "--fix", code=2, hoiio_api_url=hoiio.url)
    assert "the numbers at Hoiio were not looked at" in report.stderr
    assert "moved to the current key" in report.stderr
    assert "ERROR  provider" in report.stdout
    assert KEY in twilio.account["numbers"][0]["voice_url"]


def test_the_report_about_several_fits_a_terminal(flask, twilio):
    report = flask("doctor", code=2).stdout.splitlines()
    assert max(map(len, report)) <= 80
    line = next(line for line in report if line.startswith("ok     provider"))
    assert re.search(r"work; Hoiio SGD [0-9.]+, Twilio USD [0-9.]+$", line)


def test_tests_of_several_line_up(flask):
    lines = flask("numbers", "test", code=1).stdout.splitlines()
    assert {line.index("dns ok") for line in lines if "dns ok" in line} == {len("Twilio status callback  ")}


def test_one_number_is_shown_with_one_end_and_names_in_one_spelling(flask, hoiio, twilio):
    fields = [line.split("  ")[0] for line in flask("numbers", "show", twilio.buy()).stdout.splitlines()]
    assert {"expires", "calls URL", "voice fallback URL", "trunk SID"} <= set(fields)
    shown_one = flask("numbers", "show", hoiio.subscribe("SG", "")).stdout
    rows = dict(re.split(" {2,}", line.rstrip(), maxsplit=1) for line in shown_one.splitlines())
    assert re.fullmatch(r"[0-9-]{10}, in [0-9]+ days", rows["expires"])
    assert (rows["sms go"], "expiry" in rows) == ("not supported", False)


class Terminal(io.StringIO):
    """What a command takes for one."""

    def isatty(self) -> bool:
        return True


def test_a_list_of_several_fits_a_terminal_even_with_what_a_provider_uses_instead(monkeypatch):
    trunk = SubscribedNumber(
        "+14155550100",
        capabilities=frozenset({"VOICE", "SMS", "MMS"}),
        country="US",
        overruled={Kind.VOICE: Instead(f"the trunk TK{'0123456789abcdef' * 2}")},
    )
    fax = SubscribedNumber(
        "+6565311237", expiry=datetime.now(UTC).date() + timedelta(300), country="SG", auto_extend=True
    )
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "stdout", screen := Terminal())
    table.show_numbers([table.Held(TWILIO, trunk, None), table.Held(HOIIO, fax, None)], several=True)
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in screen.getvalue().splitlines()]
    assert max(map(len, lines)) <= 80
    assert "TK…cdef" in " ".join(lines)


def test_what_one_tells_is_exported_without_the_other(flask, hoiio, twilio):
    number = twilio.buy()
    exported = flask("setup", "--export", code=1, hoiio_api_url=hoiio.url)
    assert f'number = "{number}"' in exported.stdout
    assert "Hoiio: " in exported.stderr


def test_what_is_for_sale_is_compared(flask):
    rates = flask("numbers", "rates", "US").stdout.splitlines()
    assert rates[0].split()[:4] == ["provider", "country", "sort", "months"]
    assert {line.split()[0] for line in rates[1:]} == {"hoiio", "twilio"}
    assert {line.split()[0] for line in flask("numbers", "countries").stdout.splitlines()[1:]} == {
        "hoiio",
        "twilio",
    }
    offers = shown(flask("numbers", "available", "US", "--sort", "toll-free", "--json", **ALONE))["numbers"]
    assert {(each["provider"], each["sort"]) for each in offers} == {("twilio", "toll-free")}


# --- Setup ---


def test_one_file_one_plan_and_one_question_for_both(flask, hoiio, twilio, tmp_path):
    file = tmp_path / "numbers.toml"
    file.write_text(
        '[[numbers]]\nprovider = "twilio"\ncountry = "US"\narea_code = "415"\ncount = 2\n'
        '[[numbers]]\nprovider = "hoiio"\ncountry = "SG"\nkinds = ["fax"]\n'
    )
    first = flask("setup", "--file", str(file), "--yes")
    assert "To pay now to Hoiio: SGD 8.00." in first.stderr
    assert "To pay now to Twilio: USD 2.30." in first.stderr
    assert first.stdout.splitlines()[0].split()[:2] == ["number", "provider"]
    assert (len(twilio.purchases), len(hoiio.purchases)) == (2, 1)
    assert all(each["number"].startswith("+1415") for each in twilio.purchases)
    done = shown(flask("setup", "--file", str(file), "--yes", "--json"))
    assert (done["fulfilled"], done["steps"]) == (True, [])
    assert {each["provider"] for each in done["accounts"]} == {"hoiio", "twilio"}
    exported = tmp_path / "held.toml"
    exported.write_text(flask("setup", "--export").stdout)
    assert shown(flask("setup", "--file", str(exported), "--yes", "--json"))["steps"] == []
    assert (len(twilio.purchases), len(hoiio.purchases)) == (2, 1)


def test_one_amount_does_not_limit_two_currencies(flask, hoiio, twilio, tmp_path):
    file = tmp_path / "numbers.toml"
    file.write_text("".join(
        f'[[numbers]]\nprovider = "{name}"\ncountry = "US"\n' for name in ("hoiio", "twilio")
    ))  # fmt: skip
    assert "one amount" in flask("setup", "--file", str(file), "--max-cost", "100", "--yes", code=1).stderr
    assert hoiio.purchases == twilio.purchases == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--months", "3"), "leave out --months. At Twilio a month is paid at once and renews by itself"),
        (("--kind", "fax"), "closed its fax service"),
    ],
)
def test_what_a_provider_cannot_do_is_refused_in_its_own_words(flask, twilio, options, sentence):
    refused = flask("setup", "--country", "US", *options, "--yes", code=1, **ALONE)
    assert sentence in " ".join(refused.stdout.split())
    assert twilio.purchases == []


def test_what_a_provider_cannot_do_is_refused_by_the_words_of_the_file(flask, twilio, tmp_path):
    file = tmp_path / "numbers.toml"
    file.write_text('[[numbers]]\ncountry = "US"\nmonths = 3\n')
    refused = flask("setup", "--file", str(file), "--yes", code=1, **ALONE)
    assert "leave out months. At Twilio" in " ".join(refused.stdout.split())
    assert twilio.purchases == []


def test_a_term_where_there_is_none_is_refused_for_one_number_too(flask, twilio):
    number = twilio.buy()
    bought = flask("numbers", "subscribe", "+14158679998", "--months", "1", "--yes", code=2, **ALONE)
    assert "Leave out --months. At Twilio" in " ".join(bought.stderr.split())
    extended = flask("numbers", "extend", number, code=1, **ALONE)
    assert "nothing to extend. At Twilio" in " ".join(extended.stderr.split())
    assert len(twilio.purchases) == 1


def test_a_number_that_ends_by_no_date_is_exported_without_one(flask, twilio):
    number = twilio.buy()
    exported = flask("setup", "--export", **ALONE).stdout
    assert number in exported
    assert "expires" not in exported


@pytest.mark.parametrize("country", ["USA", "usa", "United States", "US"])
def test_a_country_has_the_same_names_at_each_provider(flask, country):
    rates = shown(flask("numbers", "rates", country, "--json"))["rates"]
    assert {each["provider"] for each in rates} == {"hoiio", "twilio"}


def test_what_is_not_for_sale_is_said_as_it_was_asked_for(flask):
    wish = ("US", "--sort", "toll-free", "--area-code", "415")
    none = "no toll-free number with area code 415 is for sale"
    assert f"{none} there" in " ".join(
        flask("setup", "--country", *wish, "--yes", code=1, **ALONE).stdout.split()
    )
    assert f"{none} in US" in flask("numbers", "available", *wish, code=1, **ALONE).stderr


def test_what_is_asked_for_and_how_it_goes_on_is_said_before_money_is_spent(flask, twilio):
    listed = flask("numbers", "available", "GB", "--sort", "local", **ALONE)
    assert "asks for this first: Twilio sells it only for an address" in " ".join(listed.stderr.split())
    planned = flask("setup", "--country", "US", "--dry-run", **ALONE)
    assert "renews by itself until the number is released" in planned.stderr
    assert twilio.purchases == []


@pytest.mark.parametrize(
    "command",
    [
        ("setup", "--country", "GB", "--sort", "local", "--count", "2"),
        ("setup", "--number"),
        ("numbers", "subscribe"),
    ],
)
def test_what_is_sold_in_the_console_only_is_not_tried(flask, twilio, command):
    if command[-1] != "2":
        offers = shown(flask("numbers", "available", "GB", "--sort", "local", "--json", **ALONE))["numbers"]
        command = (*command, offers[0]["number"])
    refused = flask(*command, "--yes", code=1, **ALONE)
    said = " ".join(refused.output.split())
    assert "Buy it in the provider's console; then `receiver setup` configures it." in said
    assert "https://www.twilio.com/en-us/guidelines/gb/regulatory" in said
    assert said.count("/regulatory") == 1
    assert "pay now" not in said.lower()
    assert "IncomingPhoneNumbers/create" not in twilio.account["requests"]


def test_what_no_list_tells_is_refused_with_the_page_of_the_country(flask):
    refused = flask("setup", "--country", "SG", "--sort", "mobile", "--yes", code=1, **ALONE)
    assert "https://www.twilio.com/en-us/guidelines/sg/regulatory" in refused.stderr


def test_it_buys_and_configures_in_one_request(flask, twilio):
    flask("setup", "--country", "US", "--yes", **ALONE)
    (number,) = twilio.account["numbers"]
    assert number["voice_url"].startswith(f"{URL}callbacks/{KEY}/twilio/voice#rc=")
    assert number["status_callback"].startswith(f"{URL}callbacks/{KEY}/twilio/status#rc=")
    requests = twilio.account["requests"]
    assert (requests["IncomingPhoneNumbers/create"], requests.get("IncomingPhoneNumbers/update", 0)) == (1, 0)


def test_a_toll_free_number_is_bought_once_although_its_digits_do_not_tell_the_country(flask, twilio):
    wish = ("setup", "--sort", "toll-free", "--yes", "--json", "--country")
    flask(*wish, "CA", **ALONE)
    (bought,) = twilio.purchases
    assert shown(flask(*wish, "CA", **ALONE))["steps"] == []
    # It was bought from Canada, which the journal knows; so a wish for one of the United States is another.
    flask(*wish, "US", **ALONE)
    assert [each["number"][:5] for each in twilio.purchases] == ["+1833", "+1844"]
    assert shown(flask(*wish, "CA", **ALONE))["numbers"][0]["number"] == bought["number"]
    assert shown(flask(*wish, "US", **ALONE))["steps"] == []


def test_a_toll_free_number_that_was_bought_elsewhere_counts_for_each_country(flask, twilio):
    number = twilio.buy("CA", "TollFree")
    for country in ("CA", "US"):
        done = shown(flask("setup", "--country", country, "--sort", "toll-free", "--yes", "--json", **ALONE))
        assert [each["number"] for each in done["numbers"]] == [number]
    assert len(twilio.purchases) == 1
    assert flask("numbers", "list", **ALONE).stdout.splitlines()[1].split()[:2] == [number, "-"]


@pytest.mark.parametrize("named", [True, False])
def test_a_number_that_was_bought_in_the_console_is_free(flask, twilio, named):
    number = twilio.buy(VoiceUrl="https://demo.twilio.com/welcome/voice/",
                        SmsUrl="https://demo.twilio.com/welcome/sms/reply/")  # fmt: skip
    flask("setup", *(("--number", number) if named else ("--country", "US")), "--yes", **ALONE)
    (now,) = twilio.account["numbers"]
    assert (now["voice_url"][: len(URL)], now["sms_url"][: len(URL)]) == (URL, URL)
    assert len(twilio.purchases) == 1


def test_a_toll_free_number_is_found_in_whichever_country_sells_it(flask, twilio):
    offer = shown(flask("numbers", "available", "CA", "--sort", "toll-free", "--json", **ALONE))["numbers"][0]
    flask("numbers", "subscribe", offer["number"], "--yes", **ALONE)
    assert [each["number"] for each in twilio.purchases] == [offer["number"]]


@pytest.mark.parametrize("command", [("setup", "--number"), ("numbers", "subscribe")])
def test_a_price_that_rose_after_it_was_agreed_to_is_not_paid(flask, twilio, monkeypatch, command):
    number = shown(flask("numbers", "available", "US", "--json", **ALONE))["numbers"][0]["number"]
    usa = catalogue.COUNTRIES["US"]
    dear = replace(usa, kinds={**usa.kinds, "local": replace(usa.kinds["local"], price=Decimal("2.30"))})

    def agreed(*_: object, **__: object) -> bool:
        monkeypatch.setattr(catalogue, "COUNTRIES", {**catalogue.COUNTRIES, "US": dear})
        return True

    monkeypatch.setattr("receiver.cli.output.confirmed", agreed)
    answer = flask(*command, number, code=1, **ALONE)
    assert "it costs USD 2.30 now, not USD 1.15 as agreed to" in " ".join(answer.stderr.split())
    assert twilio.purchases == []
    flask(*command, number, "--max-cost", "2.30", **ALONE)
    assert len(twilio.purchases) == 1


def test_what_a_purchase_cost_is_told_although_the_answer_does_not(flask, twilio):
    number = shown(flask("numbers", "available", "US", "--json", **ALONE))["numbers"][0]["number"]
    bought = shown(flask("numbers", "subscribe", number, "--yes", "--json", **ALONE))
    assert (bought["currency"], bought["price"], bought["debit"]) == ("USD", "1.15", None)


@pytest.mark.parametrize("code", [10001, 20005, 20403])
def test_a_suspended_account_is_an_error_of_the_account(flask, twilio, code):
    twilio.control.fault("IncomingPhoneNumbers/list", f"status:{code}")
    told = shown(flask("doctor", "--json", code=2, **ALONE))["findings"]
    (refused,) = [each for each in told if each["code"] == "provider-refuses"]
    assert "suspended or closed" in refused["sentence"]


def test_a_number_that_was_released_is_not_said_to_have_failed_to_renew_alone(flask, twilio):
    _, sid = held(twilio, flask)
    assert twilio.request("DELETE", f"IncomingPhoneNumbers/{sid}.json").status_code == 204
    lost = findings(flask("doctor", "--json", code=2, **ALONE))["number-lost"]
    assert "its renewal failed, or somebody released it" in lost["sentence"]


# --- What drifts ---


def held(twilio: Twilio, flask, **settings: object) -> tuple[str, str]:
    """A number that setup has brought here: itself and its SID."""
    flask("setup", "--country", "US", "--yes", **ALONE | settings)
    (number,) = twilio.account["numbers"]
    return number["phone_number"], number["sid"]


def change(twilio: Twilio, sid: str, **settings: str) -> None:
    assert twilio.request("POST", f"IncomingPhoneNumbers/{sid}.json", **settings).ok


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ({"VoiceUrl": f"{URL}callbacks/{KEY}/twilio/voice"}, "connection overrides"),
        ({"VoiceUrl": f"{URL}callbacks/{KEY}/twilio/voice#rc=1"}, "connection overrides"),
        ({"StatusCallback": ""}, "status callback"),
        ({"VoiceMethod": "GET"}, "voice method"),
        ({"VoiceFallbackUrl": ""}, "voice fallback URL"),
    ],
)
def test_what_is_missing_beside_a_url_is_found_and_mended(flask, twilio, changed, missing):
    second = ALONE | {"public_url_fallback": SECOND}
    number, sid = held(twilio, flask, **second)
    before = twilio.account["numbers"]
    assert before[0]["voice_fallback_url"].startswith(f"{SECOND}callbacks/{KEY}/twilio/voice#")
    assert findings(flask("doctor", "--json", code=2, **second)) == {}
    change(twilio, sid, **changed)
    found = findings(flask("doctor", "--json", code=2, **second))["incomplete-voice"]
    assert missing in found["sentence"]
    assert (found["provider"], found["mend"]) == ("twilio", f"receiver setup --number {number}")
    flask("setup", "--number", number, "--yes", **second)
    now = twilio.account["numbers"]
    assert [each | {"date_updated": ""} for each in now] == [each | {"date_updated": ""} for each in before]
    assert len(twilio.purchases) == 1


def test_a_second_machine_that_is_named_later_is_a_finding(flask, twilio):
    number, _ = held(twilio, flask)
    second = ALONE | {"public_url_fallback": SECOND}
    found = findings(flask("doctor", "--json", code=2, **second))
    assert "voice fallback URL" in found["incomplete-voice"]["sentence"]
    assert "sms fallback URL" in found["incomplete-sms"]["sentence"]
    flask("setup", "--number", number, "--yes", **second)
    assert findings(flask("doctor", "--json", code=2, **second)) == {}


def test_a_fallback_of_the_owner_stays_until_it_is_to_be_taken_over(flask, twilio):
    number, sid = held(twilio, flask)
    change(twilio, sid, VoiceFallbackUrl="https://other.example.com/sorry")
    second = ALONE | {"public_url_fallback": SECOND}
    found = findings(flask("doctor", "--json", code=2, **second))["incomplete-voice"]
    assert found["mend"].endswith("--take-over")
    flask("setup", "--number", number, "--yes", **second)
    assert twilio.account["numbers"][0]["voice_fallback_url"] == "https://other.example.com/sorry"
    (step,) = shown(flask("setup", "--number", number, "--take-over", "--dry-run", "--json", **second))[
        "steps"
    ]
    assert step["changes"] == "voice fallback URL: other.example.com/sorry → second machine"
    flask("setup", "--number", number, "--take-over", "--yes", **second)
    assert twilio.account["numbers"][0]["voice_fallback_url"].startswith(SECOND)


def test_what_changes_beside_a_url_is_said_with_what_it_was(flask, twilio):
    number, sid = held(twilio, flask)
    change(twilio, sid, StatusCallback="", SmsMethod="GET")
    second = ALONE | {"public_url_fallback": SECOND}
    (step,) = shown(flask("setup", "--number", number, "--dry-run", "--json", **second))["steps"]
    assert step["changes"].split("; ") == [
        "sms fallback URL, voice fallback URL: not set → second machine",
        "sms method: GET → POST",
        "status callback: not set → here",
    ]


@pytest.mark.parametrize(
    ("setting", "sid_of", "words"),
    [("TrunkSid", "TK", "the trunk TK"), ("VoiceApplicationSid", "AP", "the application AP")],
)
def test_what_overrules_a_url_is_an_error_and_can_be_taken_over(flask, twilio, setting, sid_of, words):
    number, sid = held(twilio, flask)
    flask("numbers", "list", **ALONE)
    change(twilio, sid, **{setting: sid_of + "1" * 32})
    found = findings(flask("doctor", "--json", code=2, **ALONE))["overruled-voice"]
    assert "never reaches us" in found["sentence"]
    assert words in found["sentence"]
    assert found["mend"] == f"receiver setup --number {number} --take-over"
    left = flask("setup", "--number", number, "--yes", code=1, **ALONE)
    assert "left alone" in left.stdout
    (step,) = shown(flask("setup", "--number", number, "--take-over", "--dry-run", "--json", **ALONE))[
        "steps"
    ]
    assert step["changes"] == f"voice: {words}{'1' * 32} → here"
    flask("setup", "--number", number, "--take-over", "--yes", **ALONE)
    assert findings(flask("doctor", "--json", code=2, **ALONE)) == {}


def test_a_messaging_service_that_takes_the_messages_is_told(flask, twilio):
    number, sid = held(twilio, flask)
    flask("numbers", "list", **ALONE)
    service = twilio.request("POST", "/v1/Services", FriendlyName="Shop").json()["sid"]
    assert twilio.request("POST", f"/v1/Services/{service}/PhoneNumbers", PhoneNumberSid=sid).ok
    assert "messaging service" in twilio.control.sms("+6591234567", number, "Hi")["reason"]
    assert f"the messaging service {service}" in flask("numbers", "show", number, **ALONE).stdout
    found = findings(flask("doctor", "--json", code=2, **ALONE))["overruled-sms"]
    assert "never reaches us" in found["sentence"]
    assert service in found["sentence"]
    assert "provider's console" in found["mend"]
    refused = flask("setup", "--number", number, "--take-over", "--yes", code=1, **ALONE).stdout
    assert "only the provider's console can end" in " ".join(refused.split())
    flask("setup", "--number", number, "--kind", "voice", "--yes", **ALONE)
    instead = flask("setup", "--country", "US", "--dry-run", **ALONE).stdout
    assert f"{service} uses it, which only the provider's console can end" in " ".join(instead.split())
    assert "IncomingPhoneNumbers/update" not in twilio.account["requests"]
    assert twilio.request("POST", f"/v1/Services/{service}", UseInboundWebhookOnNumber="true").ok
    assert findings(flask("doctor", "--json", code=2, **ALONE)) == {}
    flask("setup", "--number", number, "--yes", **ALONE)
    assert "messaging service" not in flask("numbers", "show", number, **ALONE).stdout


def in_a_service(twilio: Twilio, sid: str, url: str) -> str:
    """A messaging service with a URL, which takes the messages of a number."""
    made = twilio.request("POST", "/v1/Services", FriendlyName="Shop", InboundRequestUrl=url)
    service = made.json()["sid"]
    assert twilio.request("POST", f"/v1/Services/{service}/PhoneNumbers", PhoneNumberSid=sid).ok
    return service


def test_a_messaging_service_whose_url_is_ours_serves(flask, twilio, tmp_path):
    number, sid = held(twilio, flask)
    (now,) = twilio.account["numbers"]
    service = in_a_service(twilio, sid, now["sms_url"])
    change(twilio, sid, SmsUrl="https://other.example.com/sms")
    assert findings(flask("doctor", "--json", code=2, **ALONE)) == {}
    assert "voice+sms" in flask("doctor", code=2, **ALONE).stdout
    (told,) = shown(flask("numbers", "list", "--json", **ALONE))["numbers"]
    assert (told["forward_sms_to_leads"], told["overruled"]) == (
        "this service",
        {"sms": f"the messaging service {service}"},
    )
    rows = flask("numbers", "show", number, **ALONE).stdout
    assert "/callbacks/•••/twilio/sms" in " ".join(rows.split())
    exported = tmp_path / "held.toml"
    exported.write_text(flask("setup", "--export", **ALONE).stdout)
    assert 'kinds = ["voice", "sms"]' in exported.read_text()
    for wish in (["--number", number], ["--country", "US"], ["--file", str(exported)]):
        done = shown(flask("setup", *wish, "--yes", "--json", **ALONE))
        assert (done["fulfilled"], done["steps"]) == (True, [])


@pytest.mark.parametrize(("keys", "state"), [((KEY,), "older"), ((), "dead")])
def test_an_application_whose_urls_are_ours_serves_until_its_key_is_old(flask, twilio, keys, state):
    number, sid = held(twilio, flask)
    (now,) = twilio.account["numbers"]
    urls = {"VoiceUrl": now["voice_url"], "SmsUrl": now["sms_url"]}
    application = twilio.request("POST", "Applications.json", FriendlyName="Shop", **urls).json()["sid"]
    change(twilio, sid, VoiceApplicationSid=application, SmsApplicationSid=application)
    assert findings(flask("doctor", "--json", code=2, **ALONE)) == {}
    done = shown(flask("setup", "--number", number, "--yes", "--json", **ALONE))
    assert (done["fulfilled"], done["steps"]) == (True, [])
    rekeyed = ALONE | {"callback_keys": ("a-fresh-key-0123456789", *keys)}
    found = findings(flask("doctor", "--json", code=2, **rekeyed))
    assert found.keys() == {f"{state}-key-voice", f"{state}-key-sms"}
    assert {each["mend"] for each in found.values()} == {f"receiver setup --number {number} --take-over"}
    flask("setup", "--number", number, "--take-over", "--yes", **rekeyed)
    (now,) = twilio.account["numbers"]
    assert (now["voice_application_sid"], now["sms_application_sid"]) == ("", "")
    assert all("/a-fresh-key-0123456789/" in now[setting] for setting in ("voice_url", "sms_url"))


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        (f"{URL}callbacks/thrown-away-key-0123/twilio/sms", "dead-key-sms", "not accepted"),
        (f"{URL}callbacks/{OLD_KEY}/twilio/sms", "older-key-sms", "an older key"),
        (f"{URL}callbacks/{KEY}/twilio/voice", "wrong-url-sms", "not the path for sms"),
        ("", "overruled-sms", "what arrives is thrown away"),
    ],
)
def test_the_url_of_a_messaging_service_is_found_as_a_number_s_own_is(flask, twilio, url, code, words):
    _, sid = held(twilio, flask)
    service = in_a_service(twilio, sid, url)
    flask("numbers", "list", **ALONE)
    ((found, finding),) = findings(flask("doctor", "--json", code=2, **ALONE)).items()
    assert (found, finding["mend"]) == (code, "In the provider's console, let it use the number's own URL.")
    assert words in finding["sentence"]
    assert service in finding["sentence"]


def test_before_a_service_is_taken_away_the_number_gets_a_url_of_its_own(flask, twilio):
    number, sid = held(twilio, flask)
    in_a_service(twilio, sid, f"{URL}callbacks/{OLD_KEY}/twilio/sms")
    change(twilio, sid, SmsUrl="")
    flask("numbers", "list", **ALONE)
    first = findings(flask("doctor", "--json", code=2, **ALONE))["older-key-sms"]["mend"]
    assert first == f"receiver numbers configure {number} --forward-sms-to here"
    flask(*first.split()[1:], "--yes", **ALONE)
    assert twilio.account["numbers"][0]["sms_url"].startswith(URL)
    then = findings(flask("doctor", "--json", code=2, **ALONE))["older-key-sms"]["mend"]
    assert "provider's console" in then


def test_a_number_that_does_not_come_here_by_its_own_url_is_exported_as_it_is(flask, twilio, tmp_path):
    settings = ALONE | {"public_url_fallback": SECOND}
    number, sid = held(twilio, flask, public_url_fallback=SECOND)
    flask("setup", "--number", number, "--yes", **settings)
    (now,) = twilio.account["numbers"]
    change(twilio, sid, VoiceUrl=now["voice_fallback_url"])
    service = twilio.request("POST", "/v1/Services", FriendlyName="Shop").json()["sid"]
    twilio.request("POST", f"/v1/Services/{service}/PhoneNumbers", PhoneNumberSid=sid)
    exported = tmp_path / "held.toml"
    exported.write_text(flask("setup", "--export", **settings).stdout)
    assert 'points = "anywhere"' in exported.read_text()
    again = shown(flask("setup", "--file", str(exported), "--yes", "--json", **settings))
    assert (again["fulfilled"], again["steps"]) == (True, [])


def test_a_number_that_only_ever_led_to_the_second_machine_has_not_drifted(flask, twilio):
    settings = ALONE | {"public_url_fallback": SECOND}
    twilio.buy()
    (now,) = twilio.account["numbers"]
    change(twilio, now["sid"], VoiceUrl=f"{SECOND}callbacks/{KEY}/twilio/voice")
    flask("numbers", "list", **settings)
    assert findings(flask("doctor", "--json", code=2, **settings)) == {}


def test_that_nobody_can_tell_what_takes_the_messages_is_told(flask, twilio):
    number, _ = held(twilio, flask)
    twilio.control.fault("Services/list", "status:20003", times=2)
    assert "not known" in flask("numbers", "show", number, **ALONE).stdout
    found = findings(flask("doctor", "--json", code=2, **ALONE))
    assert "sms reaches us is not known" in found["overruled-unknown"]["sentence"]
    assert findings(flask("doctor", "--json", code=2, **ALONE)) == {}


def test_a_number_of_which_nobody_can_tell_has_not_drifted(flask, twilio):
    _, sid = held(twilio, flask)
    in_a_service(twilio, sid, f"{URL}callbacks/{KEY}/twilio/sms")
    change(twilio, sid, SmsUrl="")
    assert findings(flask("doctor", "--json", code=2, **ALONE)) == {}
    twilio.control.fault("Services/list", "status:20003", times=9)
    assert findings(flask("doctor", "--json", code=2, **ALONE)).keys() == {"overruled-unknown"}


def test_what_stands_beside_a_url_goes_with_it(flask, twilio):
    number, _ = held(twilio, flask, public_url_fallback=SECOND)
    second = ALONE | {"public_url_fallback": SECOND}
    flask("numbers", "configure", number, "--forward-to", "none", "--yes", **second)
    (now,) = twilio.account["numbers"]
    assert (now["voice_url"], now["voice_fallback_url"], now["status_callback"]) == ("", "", "")
    assert now["sms_url"].startswith(URL)
    flask("numbers", "configure", number, "--forward-to", "here", "--yes", **second)
    (now,) = twilio.account["numbers"]
    assert now["status_callback"].startswith(URL)
    assert now["voice_fallback_url"].startswith(SECOND)


def test_an_older_key_is_moved_in_every_url(flask, twilio):
    held(twilio, flask, callback_keys=(OLD_KEY,), public_url_fallback=SECOND)
    second = ALONE | {"public_url_fallback": SECOND}
    assert set(findings(flask("doctor", "--json", code=2, **second))) == {"older-key-voice", "older-key-sms"}
    flask("doctor", "--fix", code=2, **second)
    (now,) = twilio.account["numbers"]
    urls = [value for name, value in now.items() if name.endswith(("_url", "status_callback")) and value]
    assert len(urls) == 5
    assert all(f"/{KEY}/" in url and "#rc=" in url for url in urls)
    assert findings(flask("doctor", "--json", code=2, **second)) == {}


def test_what_was_left_of_a_second_machine_is_found_and_cleared(flask, twilio):
    number, _ = held(twilio, flask, public_url_fallback=SECOND)
    found = findings(flask("doctor", "--json", code=2, **ALONE))
    assert "without what setup gives it: voice fallback URL" in found["incomplete-voice"]["sentence"]
    assert "sms fallback URL" in found["incomplete-sms"]["sentence"]
    flask("setup", "--number", number, "--yes", **ALONE)
    assert not any(SECOND in str(value) for value in twilio.account["numbers"][0].values())
    assert findings(flask("doctor", "--json", code=2, **ALONE)) == {}


def test_what_was_left_of_a_second_machine_does_not_keep_an_older_key(flask, twilio):
    held(twilio, flask, callback_keys=(OLD_KEY,), public_url_fallback=SECOND)
    flask("doctor", "--fix", code=2, **ALONE)
    (now,) = twilio.account["numbers"]
    assert not any(OLD_KEY in str(value) or SECOND in str(value) for value in now.values())


@pytest.mark.parametrize("where", ["https://studio.example.com/flow", ""], ids=["elsewhere", "nowhere"])
def test_what_leads_elsewhere_is_not_moved_by_a_url_of_ours_beside_it(flask, twilio, where):
    _, sid = held(twilio, flask, callback_keys=(OLD_KEY,))
    change(twilio, sid, VoiceUrl=where)
    flask("doctor", "--fix", code=2, **ALONE)
    (now,) = twilio.account["numbers"]
    assert now["voice_url"] == where
    assert f"/{KEY}/twilio/status#rc=" in now["status_callback"]
    assert f"/{KEY}/twilio/sms#rc=" in now["sms_url"]


def test_what_somebody_else_set_beside_a_url_stays_when_that_is_set_by_hand(flask, twilio):
    theirs = {
        "status_callback": "https://crm.example.com/ends",
        "voice_fallback_url": "https://sorry.example.com",
    }
    number = twilio.buy(StatusCallback=theirs["status_callback"], VoiceUrl="https://old.example.com",
                        VoiceFallbackUrl=theirs["voice_fallback_url"])  # fmt: skip
    second = ALONE | {"public_url_fallback": SECOND}
    flask("numbers", "configure", number, "--forward-to", "https://new.example.com", "--yes", **second)
    (now,) = twilio.account["numbers"]
    assert now["voice_url"] == "https://new.example.com"
    assert theirs.items() <= now.items()


# --- With a service running ---


@pytest.fixture
def serves(hoiio, twilio, tmp_path, monkeypatch):
    """A service with both accounts, and a command of it: `serves("keys", "rotate")`."""
    quickly_known(monkeypatch)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        settings = both(hoiio, twilio) | {"public_url": url}
        config = make_config(f"sqlite:///{tmp_path}/receiver.db", tmp_path, **settings)

        def run(*command: str, code: int = 0):
            for app in started(config):
                result = app.test_cli_runner().invoke(args=command)
            assert result.exit_code == code, result.output
            return result

        for app in started(config):
            server = make_server("127.0.0.1", 0, app, threaded=True, fd=listening.fileno())
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            schedule = app.extensions["receiver"].schedule
            schedule.start()
            yield run
            schedule.stop(5)
            server.shutdown()


def test_a_signed_test_arrives_for_each_provider(serves):
    proved = shown(serves("numbers", "test", "--json"))
    assert proved["holds"]
    assert sorted((test["provider"], test["name"]) for test in proved["tests"]) == [
        ("hoiio", "fax"),
        ("hoiio", "sms"),
        ("hoiio", "voice"),
        ("twilio", "sms"),
        ("twilio", "status callback"),
        ("twilio", "voice"),
    ]


def test_a_rotation_moves_the_numbers_of_each_provider(serves, hoiio, twilio):
    serves("setup", "--country", "US", "--provider", "twilio", "--yes")
    serves("setup", "--country", "SG", "--provider", "hoiio", "--yes")
    rotated = serves("keys", "rotate", "--yes")
    assert "voice, status callback and sms of Twilio" in " ".join(rotated.stderr.split())
    assert "2 moved" in rotated.stderr
    (there,), (here,) = twilio.account["numbers"], hoiio.account["numbers"]
    urls = [there["voice_url"], there["sms_url"], there["status_callback"], here["forward_to"]]
    assert not any(KEY in url for url in urls)
    assert len({url.split("/")[4] for url in urls}) == 1
    assert all("#rc=" in url for url in urls[:3])


def test_a_rotation_moves_what_something_else_overrules_and_leaves_that(serves, twilio):
    serves("setup", "--country", "US", "--provider", "twilio", "--yes")
    (number,) = twilio.account["numbers"]
    change(twilio, number["sid"], TrunkSid="TK" + "1" * 32)
    service = twilio.request("POST", "/v1/Services", FriendlyName="Shop").json()["sid"]
    assert twilio.request("POST", f"/v1/Services/{service}/PhoneNumbers", PhoneNumberSid=number["sid"]).ok
    serves("keys", "rotate", "--yes")
    (now,) = twilio.account["numbers"]
    assert not any(f"/{KEY}/" in str(value) for value in now.values())
    assert now["trunk_sid"] == "TK" + "1" * 32


def test_a_messaging_service_is_tested_at_its_own_url_and_keeps_the_key_of_that(serves, twilio):
    serves("setup", "--country", "US", "--provider", "twilio", "--yes")
    serves("keys", "rotate", "--yes")
    (now,) = twilio.account["numbers"]
    in_a_service(twilio, now["sid"], now["sms_url"])
    change(twilio, now["sid"], SmsUrl="https://other.example.com/sms")
    number = now["phone_number"]
    proved = shown(serves("numbers", "test", number, "--kind", "sms", "--json"))
    assert ([test["name"] for test in proved["tests"]], proved["elsewhere"]) == (["sms"], {})

    rotated = " ".join(serves("keys", "rotate", "--yes", "--grace", "0").stderr.split())
    assert "still has an older key. What the provider uses in place of a number's URL" in rotated
    older = fingerprint_of(now["sms_url"].split("/")[4])
    refused = " ".join(serves("keys", "retire", older, "--yes", code=1).stderr.split())
    assert "let it use the number's own URL" in refused
    told = findings(serves("doctor", "--json", code=1))
    assert told["older-key-sms"]["subject"] == number
    twilio.control.sms("+6591234567", number, "Hi")
    assert [event["text"] for event in shown(serves("events", "list", "--json"))["events"]] == ["Hi"]


def test_what_comes_to_an_application_of_ours_is_logged(serves, twilio):
    serves("setup", "--country", "US", "--provider", "twilio", "--yes")
    (now,) = twilio.account["numbers"]
    urls = {"VoiceUrl": now["voice_url"], "SmsUrl": now["sms_url"]}
    application = twilio.request("POST", "Applications.json", FriendlyName="Shop", **urls).json()["sid"]
    change(twilio, now["sid"], VoiceApplicationSid=application, SmsApplicationSid=application)
    proved = shown(serves("numbers", "test", now["phone_number"], "--json"))
    assert [test["name"] for test in proved["tests"]] == ["voice", "sms"]
    twilio.control.sms("+6591234567", now["phone_number"], "Hi")
    assert twilio.control.call("+6591234567", now["phone_number"])["notified"]
    kinds = {event["kind"] for event in shown(serves("events", "list", "--json"))["events"]}
    assert kinds == {"voice", "sms"}


def test_a_key_can_go_once_nothing_but_another_address_has_it(serves, twilio):
    serves("setup", "--country", "US", "--provider", "twilio", "--yes")
    (number,) = twilio.account["numbers"]
    serves("keys", "rotate", "--yes")
    (before,) = twilio.account["numbers"]
    change(twilio, number["sid"], VoiceUrl="https://studio.example.com/flow")
    serves("keys", "rotate", "--yes")
    (now,) = twilio.account["numbers"]
    key = before["voice_url"].split("/")[4]
    assert now["voice_url"] == "https://studio.example.com/flow"
    assert key not in now["status_callback"] + now["sms_url"]
    older = fingerprint_of(key)
    change(twilio, number["sid"], VoiceUrl=f"https://old.example.com/callbacks/{key}/twilio/voice")
    refused = serves("keys", "retire", older, "--yes", code=1).stderr
    assert "does not move with a key" in refused
    assert "--take-over` points it here" in " ".join(refused.split())
    rotated = " ".join(serves("keys", "rotate", "--yes").stderr.split())
    assert "still has an older key. What leads to another address than PUBLIC_URL" in rotated
    change(twilio, number["sid"], VoiceUrl="")
    serves("keys", "retire", older, "--yes")


# --- Whose number ---


def test_a_number_is_ours_with_its_provider_only(flask, hoiio, twilio, tmp_path):
    there, here = twilio.buy(), hoiio.subscribe("SG", "")
    flask("numbers", "list")
    for app in started(make_config(f"sqlite:///{tmp_path}/receiver.db", tmp_path)):
        admission = app.extensions["receiver"].admission
        admission.refresh()
        assert admission.ours == {"twilio": {there[1:]}, "hoiio": {here[1:]}}


def test_api_and_console_say_whose_each_number_is(flask, hoiio, twilio, tmp_path):
    there, here = twilio.buy(), hoiio.subscribe("SG", "")
    flask("numbers", "list")
    settings = both(hoiio, twilio) | {"secret_key": "a-secret-for-tests", "public_url": "http://127.0.0.1/"}
    for app in started(make_config(f"sqlite:///{tmp_path}/receiver.db", tmp_path, **settings)):
        answer = (
            app.test_client().get("/api/v1/numbers", headers={"Authorization": f"Bearer {API_TOKEN}"}).json
        )
        page = signed_in(app, "ada", Scope.READ).get("/numbers").text
    assert {each["number"]: each["provider"] for each in answer["numbers"]} == {
        there: "twilio",
        here: "hoiio",
    }
    assert re.findall(r'data-name="Provider"><bdi>(\w+)<', page) == ["Twilio", "Hoiio"]


def test_200_numbers_of_two_providers_are_listed_fast(tmp_path):
    with (
        Hoiio(
            HoiioSettings(rate_limit=0, resolve_hosts=False, max_subscriptions=500, balance=Decimal(2000))
        ) as hoiio,
        Twilio(TwilioSettings(balance=Decimal(2000))) as twilio,
    ):
        for _ in range(100):
            hoiio.subscribe("US", "CA")
            twilio.buy()
        config = make_config(f"sqlite:///{tmp_path}/receiver.db", tmp_path, **both(hoiio, twilio))
        for app in started(config):
            began = time.monotonic()
            listed = app.test_cli_runner().invoke(args=["numbers", "list"])
            took = time.monotonic() - began
        assert len(listed.stdout.splitlines()) == 201
        assert took < 3
