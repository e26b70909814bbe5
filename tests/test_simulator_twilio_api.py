"""The simulated Twilio's REST API, mostly by Twilio's own Python library, which knows nothing of it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime

import phonenumbers
import pytest
import requests
import twilio_customer
import waiting
from click.testing import CliRunner
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.rest import Client

from receiver.simulator import __main__ as command_line
from receiver.simulator import statefile
from receiver.simulator.twilio import catalogue, store
from receiver.simulator.twilio.server import SimulatorServer
from receiver.simulator.twilio.settings import Settings

AMERICAN = "+14158671237"
GERMAN = "+49303111237"
SINGAPOREAN_MOBILE = "+6581231237"


@pytest.fixture
def sim():
    with SimulatorServer() as server:
        yield server


def library(sim, name=None, secret=None, account_sid=None):
    """Twilio's library, with nothing changed but the base URLs."""
    settings = sim.settings
    client = Client(
        name or settings.account_sid, secret or settings.auth_token, account_sid or settings.account_sid
    )
    for domain in (client.api, client.pricing, client.monitor, client.numbers, client.messaging):
        domain.base_url = sim.url
    return client


@pytest.fixture
def client(sim):
    return library(sim)


def refusal(call, **parameters):
    with pytest.raises(TwilioRestException) as refused:
        call(**parameters)
    return refused.value.status, refused.value.code


# --- Conventions


def test_it_takes_the_token_or_an_api_key(sim):
    settings = sim.settings
    for name, secret in (
        (settings.account_sid, settings.auth_token),
        (settings.api_key, settings.api_secret),
    ):
        balance = library(sim, name, secret).api.account.balance.fetch()
        assert (balance.balance, balance.currency) == ("100.00", "USD")


@pytest.mark.parametrize("credentials", [None, ("AC0", "x"), ("AC51000000000000000000000000000001", "x")])
def test_it_refuses_other_credentials_as_twilio_does(sim, credentials):
    answer = requests.get(f"{sim.account_url}/Balance.json", auth=credentials, timeout=5)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="Twilio API"'
    assert answer.json() == {
        "code": 20003,
        "message": "Authenticate",
        "more_info": "https://www.twilio.com/docs/errors/20003",
        "status": 401,
    }


@pytest.mark.parametrize(
    "path",
    [
        "/2010-04-01/Accounts/AC00000000000000000000000000000000/Balance.json",
        "/2010-04-01/Nothing.json",
        "/v1/Nothing",
        "/v2/Nothing",
        "IncomingPhoneNumbers/PN0.json",
        "Messages/SM0.json",
        "AvailablePhoneNumbers/US/Mobile.json",
        "AvailablePhoneNumbers/ZZ.json",
        "/v1/PhoneNumbers/Countries/ZZ",
        "/v1/Alerts/NO0",
        "/v1/Services/MG0",
        "/v1/Services/MG0/PhoneNumbers",
    ],
)
def test_it_does_not_know_other_resources(sim, path):
    answer = sim.request("GET", path)
    assert (answer.status_code, answer.json()["code"]) == (404, 20404)


def test_every_answer_says_how_many_requests_were_under_way(sim):
    headers = sim.request("GET", "Balance.json").headers
    assert headers["Twilio-Concurrent-Requests"] == "1"
    assert headers["Twilio-Request-Id"].startswith("RQ")


def test_it_writes_times_as_each_of_its_hosts_does(sim):
    bought = sim.request("POST", "IncomingPhoneNumbers.json", PhoneNumber=AMERICAN).json()
    assert bought["date_created"].endswith(" +0000")
    age = datetime.now(UTC) - parsedate_to_datetime(bought["date_created"])
    assert timedelta(0) <= age < timedelta(seconds=30)


# --- What is for sale


def test_it_lists_countries_with_the_types_on_sale(client):
    countries = {country.country_code: country for country in client.available_phone_numbers.list()}
    assert set(countries) == {"US", "CA", "GB", "AU", "SG", "DE"}
    assert set(countries["GB"].subresource_uris) == {"local", "mobile", "toll_free"}
    assert set(countries["US"].subresource_uris) == {"local", "toll_free"}
    assert client.available_phone_numbers("DE").fetch().country == "Germany"


def test_it_sells_numbers_that_are_valid_in_their_country():
    seen = set()
    for country in catalogue.COUNTRIES.values():
        for kind in country.kinds:
            for entry in catalogue.listed(country.code, kind):
                parsed = phonenumbers.parse(entry.number)
                assert phonenumbers.is_valid_number(parsed), entry
                if kind != "toll_free":
                    assert phonenumbers.region_code_for_number(parsed) == country.code, entry
                assert entry.number not in seen
                seen.add(entry.number)
    assert len(seen) > 500


@pytest.mark.parametrize(
    ("parameters", "matches"),
    [
        ({"area_code": 212}, lambda n: n.phone_number.startswith("+1212")),
        ({"in_region": "HI"}, lambda n: n.locality == "Hilo"),
        ({"in_locality": "hilo"}, lambda n: n.rate_center == "HILO"),
        ({"in_postal_code": "94103"}, lambda n: n.region == "CA"),
        ({"contains": "8671237"}, lambda n: "8671237" in n.phone_number),
        ({"contains": "TOP1237"}, lambda n: "8671237" in n.phone_number),
        ({"contains": "1237$"}, lambda n: n.phone_number.endswith("1237")),
        ({"contains": "+1808"}, lambda n: n.phone_number.startswith("+1808")),
        ({"contains": "415*******"}, lambda n: n.phone_number.startswith("+1415")),
    ],
)
def test_it_searches_in_north_america(client, parameters, matches):
    found = client.available_phone_numbers("US").local.list(**parameters)
    assert found
    assert all(matches(number) for number in found)


def test_elsewhere_it_ignores_what_is_north_american(client):
    numbers = client.available_phone_numbers("GB")
    assert len(numbers.local.list(area_code=415, in_region="CA")) == len(numbers.local.list())
    assert {number.locality for number in numbers.local.list(in_locality="London")} == {"London"}


@pytest.mark.parametrize("contains", ["1", "4*5", "**", "(415)", "12345678901234567"])
def test_it_refuses_a_pattern_that_is_none(sim, contains):
    answer = sim.request("GET", "AvailablePhoneNumbers/US/Local.json", Contains=contains)
    assert (answer.status_code, answer.json()["code"]) == (400, 20001)


def test_it_searches_by_capability_and_requirement(client):
    def count(country, **parameters):
        return len(client.available_phone_numbers(country).local.list(**parameters))

    assert count("GB", sms_enabled=True) == 0
    assert count("GB", sms_enabled=False, voice_enabled=True) > 0
    assert count("GB", exclude_all_address_required=True) == 0
    assert count("GB", exclude_local_address_required=True) > 0
    assert count("DE", exclude_local_address_required=True) == 0
    assert count("SG", exclude_foreign_address_required=True) == 0
    assert len(client.available_phone_numbers("AU").mobile.list(beta=False)) == 0
    assert len(client.available_phone_numbers("AU").mobile.list()) > 0


def test_an_offer_looks_as_documented(sim):
    path = "AvailablePhoneNumbers/US/Local.json"
    answer = sim.request("GET", path, InRegion="HI", PageSize="1").json()
    assert answer["uri"].endswith(path)
    (offer,) = answer["available_phone_numbers"]
    assert offer == {
        "friendly_name": "(808) 925-1237",
        "phone_number": "+18089251237",
        "lata": "834",
        "locality": "Hilo",
        "rate_center": "HILO",
        "latitude": "19.720000",
        "longitude": "-155.090000",
        "region": "HI",
        "postal_code": "96720",
        "iso_country": "US",
        "address_requirements": "none",
        "beta": False,
        "capabilities": {"voice": True, "sms": True, "mms": True, "fax": True},
    }


def test_it_tells_prices_by_the_month(client):
    countries = client.pricing.v1.phone_numbers.countries
    assert [one.iso_country for one in countries.list(page_size=2)] == list(catalogue.COUNTRIES)
    fetched = countries("AU").fetch()
    assert fetched.price_unit == "USD"
    assert fetched.phone_number_prices == [
        {"number_type": "local", "base_price": "3.00", "current_price": "3.00"},
        {"number_type": "mobile", "base_price": "6.50", "current_price": "6.00"},
    ]
    american = {price["number_type"] for price in countries("US").fetch().phone_number_prices}
    assert american == {"local", "toll free"}


# --- Buying and configuring


def test_it_sells_a_number_once_and_configures_it(sim, client):
    number = client.incoming_phone_numbers.create(
        phone_number=AMERICAN,
        friendly_name="Sales",
        voice_url="https://example.com/voice#rc=3&rp=all",
        voice_fallback_url="https://example.org/voice",
        sms_url="https://example.com/sms",
        sms_method="GET",
        status_callback="https://example.com/status",
    )
    assert (number.phone_number, number.friendly_name) == (AMERICAN, "Sales")
    assert number.voice_url == "https://example.com/voice#rc=3&rp=all"
    assert (number.voice_method, number.sms_method) == ("POST", "GET")
    assert (number.capabilities["sms"], number.status) == (True, "in-use")
    assert client.api.account.balance.fetch().balance == "98.85"
    assert [(entry["kind"], entry["number"], entry["debit"]) for entry in sim.purchases] == [
        ("buy", AMERICAN, "1.15")
    ]
    buy = client.incoming_phone_numbers.create
    assert refusal(buy, phone_number=AMERICAN) == (400, 21422)
    free = {offer.phone_number for offer in client.available_phone_numbers("US").local.list()}
    assert AMERICAN not in free


def test_it_sells_any_number_with_an_area_code(client):
    assert client.incoming_phone_numbers.create(area_code="604").phone_number.startswith("+1604")


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, 21421),
        ({"phone_number": "415"}, 21421),
        ({"phone_number": "+14155550100"}, 21422),
        ({"phone_number": "+14158679999"}, 21422),
        ({"area_code": "12"}, 21451),
        ({"area_code": "301"}, 21452),
        ({"area_code": "844"}, 21457),
        ({"phone_number": AMERICAN, "voice_url": "example.com"}, 21402),
        ({"phone_number": AMERICAN, "voice_url": "http://a b/"}, 21402),
        ({"phone_number": AMERICAN, "voice_method": "PUT"}, 21403),
        ({"phone_number": AMERICAN, "voice_fallback_url": "http://x/"}, 21405),
        ({"phone_number": AMERICAN, "sms_fallback_url": "http://x/"}, 21406),
        ({"phone_number": AMERICAN, "friendly_name": "x" * 65}, 20001),
        ({"phone_number": GERMAN}, 21631),
        ({"phone_number": GERMAN, "address_sid": "AD0"}, 21631),
        ({"phone_number": SINGAPOREAN_MOBILE}, 21650),
        ({"phone_number": SINGAPOREAN_MOBILE, "identity_sid": "RI0"}, 21650),
    ],
)
def test_a_refused_purchase_costs_nothing(sim, client, parameters, code):
    assert refusal(client.incoming_phone_numbers.create, **parameters) == (400, code)
    assert (sim.purchases, sim.account["balance"]) == ([], "100.00")


def test_it_refuses_what_the_balance_cannot_pay(sim, client):
    sim.control.set_balance("1.00")
    # The library repeats the status where there is no code.
    assert refusal(client.incoming_phone_numbers.create, phone_number=AMERICAN) == (400, 400)
    assert sim.purchases == []


def address(client, country):
    return client.addresses.create(
        customer_name="Ann", street="1 Way", city="Town", region="R", postal_code="1", iso_country=country
    ).sid


def test_a_country_gets_the_papers_that_it_asks_for(sim, client):
    def buy(number, **parameters):
        return client.incoming_phone_numbers.create(phone_number=number, **parameters)

    german, american = address(client, "DE"), address(client, "US")
    assert refusal(buy, number=GERMAN, address_sid=american) == (400, 21615)
    assert refusal(buy, number=GERMAN, address_sid=german) == (400, 21649)
    pending = sim.control.bundle("DE", "local", status="pending-review")["sid"]
    assert refusal(buy, number=GERMAN, address_sid=german, bundle_sid=pending) == (400, 21649)
    approved = sim.control.bundle("DE", "local")["sid"]
    bought = buy(GERMAN, address_sid=german, bundle_sid=approved)
    assert (bought.address_sid, bought.bundle_sid) == (german, approved)
    singaporean = "+6565321237"
    assert refusal(buy, number=singaporean, address_sid=address(client, "SG")) == (400, 21631)
    assert buy(singaporean, address_sid=german).address_requirements == "foreign"
    identity = "RI" + "0" * 32
    assert buy(SINGAPOREAN_MOBILE, identity_sid=identity).identity_sid == identity
    assert [one.iso_country for one in client.addresses.list(iso_country="DE")] == ["DE"]
    statuses = {one.status for one in client.numbers.v2.regulatory_compliance.bundles.list()}
    assert statuses == {"pending-review", "twilio-approved"}


def test_it_tells_where_a_bundle_is_needed(client):
    regulations = client.numbers.v2.regulatory_compliance.regulations.list
    assert [one.number_type for one in regulations(iso_country="GB")] == ["mobile"]
    assert regulations(iso_country="US") == []


def test_an_update_changes_what_is_sent_and_nothing_else(client):
    number = client.incoming_phone_numbers.create(
        phone_number=AMERICAN, voice_url="http://x/v", sms_url="http://x/s"
    )
    assert number.update(voice_url="").voice_url == ""
    fetched = client.incoming_phone_numbers(number.sid).fetch()
    assert (fetched.sms_url, fetched.friendly_name) == ("http://x/s", "(415) 867-1237")
    assert refusal(number.update, sms_url="", sms_fallback_url="http://x/f") == (400, 21406)
    assert client.incoming_phone_numbers(number.sid).fetch().sms_url == "http://x/s"


def test_a_number_without_sms_takes_no_url_for_it(sim, client):
    german = address(client, "US")
    buy = client.incoming_phone_numbers.create
    number = "+442079461237"
    assert refusal(buy, phone_number=number, address_sid=german, sms_url="http://x/") == (400, 21407)
    assert buy(phone_number=number, address_sid=german).capabilities["sms"] is False


def test_a_trunk_an_application_and_a_url_exclude_each_other(client):
    number = client.incoming_phone_numbers.create(phone_number=AMERICAN, voice_url="http://x/v")
    trunk, application = "TK" + "0" * 32, "AP" + "0" * 32
    number = number.update(trunk_sid=trunk)
    assert (number.trunk_sid, number.voice_url) == (trunk, "http://x/v")
    number = number.update(voice_application_sid=application)
    assert (number.trunk_sid, number.voice_application_sid, number.voice_url) == (None, application, "")
    number = number.update(voice_url="http://x/v")
    assert (number.voice_application_sid, number.voice_url) == (None, "http://x/v")


def test_it_can_release_a_number_so_that_a_test_can_prove_nobody_does(sim, client):
    number = client.incoming_phone_numbers.create(phone_number=AMERICAN)
    assert client.incoming_phone_numbers(number.sid).delete() is True
    assert client.incoming_phone_numbers.list() == []
    assert sim.account["requests"]["IncomingPhoneNumbers/delete"] == 1


def test_a_month_renews_by_itself(sim):
    sim.buy()
    assert "T" in sim.control.advance(63)["now"]
    assert [entry["kind"] for entry in sim.purchases] == ["buy", "renew", "renew"]
    assert Decimal(sim.account["balance"]) == Decimal("100.00") - 3 * Decimal("1.15")


def test_a_messaging_service_has_numbers_and_urls(client):
    number = client.incoming_phone_numbers.create(phone_number=AMERICAN)
    services = client.messaging.v1.services
    service = services.create(friendly_name="Shop", inbound_request_url="http://x/in", inbound_method="GET")
    assert (service.inbound_request_url, service.inbound_method) == ("http://x/in", "GET")
    assert service.use_inbound_webhook_on_number is False
    added = services(service.sid).phone_numbers.create(number.sid)
    assert (added.phone_number, added.country_code) == (AMERICAN, "US")
    assert added.capabilities == ["Voice", "SMS", "MMS", "Fax"]
    assert [one.sid for one in services(service.sid).phone_numbers.list()] == [number.sid]
    assert refusal(services(service.sid).phone_numbers.create, phone_number_sid=number.sid) == (409, 21710)
    other = services.create(friendly_name="Other")
    assert other.inbound_request_url is None
    assert refusal(services(other.sid).phone_numbers.create, phone_number_sid=number.sid) == (409, 21712)
    assert refusal(service.update, inbound_request_url="x", friendly_name="New") == (400, 21402)
    assert service.fetch().friendly_name == "Shop"
    assert service.update(use_inbound_webhook_on_number=True).use_inbound_webhook_on_number is True
    assert services(service.sid).phone_numbers(number.sid).delete() is True
    assert services(service.sid).phone_numbers.list() == []
    assert other.delete() is True
    assert [one.sid for one in services.list(page_size=1)] == [service.sid]


# --- Lists


def test_lists_come_in_pages_with_relative_links(sim, client):
    for offer in client.available_phone_numbers("US").local.list(limit=5):
        client.incoming_phone_numbers.create(phone_number=offer.phone_number)
    client.incoming_phone_numbers.create(area_code="416")
    pages = [sim.request("GET", "IncomingPhoneNumbers.json", PageSize="2", PhoneNumber="415").json()]
    while pages[-1]["next_page_uri"]:
        assert pages[-1]["next_page_uri"].startswith("/2010-04-01/")
        pages.append(sim.request("GET", pages[-1]["next_page_uri"]).json())
    assert [len(page["incoming_phone_numbers"]) for page in pages] == [2, 2, 1]
    assert [(page["page"], page["page_size"], page["start"], page["end"]) for page in pages] == [
        (0, 2, 0, 1),
        (1, 2, 2, 3),
        (2, 2, 4, 4),
    ]
    assert pages[0]["previous_page_uri"] is None
    assert sim.request("GET", pages[1]["previous_page_uri"]).json()["start"] == 0
    listed = [number.phone_number for number in client.incoming_phone_numbers.list(page_size=1)]
    assert len(set(listed)) == 6


def test_other_hosts_page_with_absolute_links(sim):
    meta = sim.request("GET", "/v1/PhoneNumbers/Countries", PageSize="2").json()["meta"]
    assert meta["key"] == "countries"
    assert meta["next_page_url"].startswith(
        f"{sim.url}/v1/PhoneNumbers/Countries?PageSize=2&Page=1&PageToken="
    )


def test_it_refuses_a_page_token_that_it_did_not_give(sim):
    answer = sim.request("GET", "IncomingPhoneNumbers.json", PageToken="PAnothing")
    assert (answer.status_code, answer.json()["code"]) == (400, 21481)


def test_numbers_are_listed_by_part_name_and_type(client):
    client.incoming_phone_numbers.create(phone_number=AMERICAN, friendly_name="Sales")
    client.incoming_phone_numbers.create(phone_number="+18448671237")
    numbers = client.incoming_phone_numbers
    assert [one.phone_number for one in numbers.list(phone_number="415*671")] == [AMERICAN]
    assert [one.phone_number for one in numbers.list(friendly_name="Sales")] == [AMERICAN]
    assert numbers.list(origin="hosted") == []
    assert [one.phone_number for one in numbers.toll_free.list()] == ["+18448671237"]
    assert [one.phone_number for one in numbers.local.list()] == [AMERICAN]
    assert numbers.mobile.list() == []


def test_a_message_that_is_sent_is_listed(sim, client):
    number = sim.buy()
    sent = client.messages.create(to="+14155550101", from_=number, body="Hi")
    assert (sent.status, sent.direction) == ("queued", "outbound-api")
    assert [(one.sid, one.status) for one in client.messages.list(from_=number)] == [(sent.sid, "delivered")]
    day = datetime.now(UTC)
    assert client.messages.list(date_sent_after=day - timedelta(days=1))
    assert client.messages.list(date_sent_before=day - timedelta(days=2)) == []
    assert client.messages(sent.sid).update(body="").body == ""
    assert refusal(client.messages.create, to="x", from_=number, body="Hi") == (400, 21211)
    assert refusal(client.messages.create, to="+14155550101", from_="+1", body="Hi") == (400, 21606)


def test_a_call_its_recording_and_its_alerts_are_read_back(sim, client):
    with twilio_customer.serving() as customer:
        customer.answer("/voice", "<Response><Record action='/done'/></Response>")
        customer.answer("/done", "<Response/>")
        customer.answer("/status", "", status=500)
        number = sim.buy(VoiceUrl=customer.url + "/voice", StatusCallback=customer.url + "/status")
        began = datetime.now(UTC).replace(microsecond=0)
        placed = sim.control.call("+6591234567", number, record_seconds=7)
    calls, recordings, alerts = client.calls, client.recordings, client.monitor.v1.alerts

    (call,) = calls.list(to=number, status="completed", start_time_after=began)
    assert (call.sid, call._from, call.direction) == (placed["sid"], "+6591234567", "inbound")
    assert (call.duration, call.price, call.price_unit) == ("12", "-0.00850", "USD")
    assert began <= call.start_time <= call.end_time
    assert calls(call.sid).fetch().status == "completed"
    for nothing in ({"from_": number}, {"status": "busy"}, {"start_time_before": began - timedelta(days=2)}):
        assert calls.list(**nothing) == []

    (recording,) = recordings.list(call_sid=call.sid, date_created_after=began)
    assert (recording.source, recording.status, recording.duration) == ("RecordVerb", "completed", "7")
    assert [one.sid for one in calls(call.sid).recordings.list()] == placed["recordings"] == [recording.sid]
    assert recordings(recording.sid).fetch().media_url.endswith(recording.sid)

    (alert,) = alerts.list(log_level="warning", start_date=began)
    assert (alert.error_code, alert.resource_sid, alert.log_level) == ("15003", call.sid, "warning")
    whole = alerts(alert.sid).fetch()
    assert f"CallSid={call.sid}" in whole.request_variables
    assert (whole.request_method, whole.request_url) == ("POST", customer.url + "/status")
    assert alerts.list(log_level="error") == []

    assert recordings(recording.sid).delete() is calls(call.sid).delete() is True
    assert recordings.list() == calls.list() == []


def test_the_other_lists_begin_empty(sim, client):
    assert client.calls.list(start_time_after=datetime.now(UTC)) == []
    assert client.recordings.list() == []
    assert client.monitor.v1.alerts.list(log_level="error") == []
    long_ago = (datetime.now(UTC) - timedelta(days=40)).date().isoformat()
    assert sim.request("GET", "/v1/Alerts", StartDate=long_ago).json()["code"] == 20001


# --- Test credentials


@pytest.fixture
def testing(sim):
    return library(
        sim, sim.settings.test_account_sid, sim.settings.test_auth_token, sim.settings.test_account_sid
    )


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"phone_number": "+15005550000"}, 21422),
        ({"phone_number": "+15005550001"}, 21421),
        ({"area_code": "533"}, 21452),
    ],
)
def test_magic_numbers_are_not_sold(testing, parameters, code):
    assert refusal(testing.incoming_phone_numbers.create, **parameters) == (400, code)


@pytest.mark.parametrize("parameters", [{"phone_number": "+15005550006"}, {"area_code": "500"}])
def test_a_magic_number_looks_bought_and_costs_nothing(sim, testing, parameters):
    bought = testing.incoming_phone_numbers.create(voice_url="http://x/v", **parameters)
    assert (bought.phone_number, bought.voice_url) == ("+15005550006", "http://x/v")
    assert (sim.account["numbers"], sim.purchases) == ([], [])


@pytest.mark.parametrize(
    ("from_", "to", "code"),
    [
        ("+15005550008", "+14155550101", 21611),
        ("+15005550007", "+14155550101", 21606),
        ("+15005550006", "+15005550001", 21211),
        ("+15005550006", "+15005550002", 21612),
        ("+15005550006", "+15005550003", 21408),
        ("+15005550006", "+15005550004", 21610),
        ("+15005550006", "+15005550009", 21614),
    ],
)
def test_magic_numbers_refuse_messages(testing, from_, to, code):
    assert refusal(testing.messages.create, from_=from_, to=to, body="Hi") == (400, code)


def test_test_credentials_open_little_and_send_nothing(sim, testing):
    assert testing.messages.create(from_="+15005550006", to="+14155550101", body="Hi").status == "queued"
    assert refusal(testing.api.account.balance.fetch) == (403, 403)
    assert library(sim).messages.list() == []


# --- Faults


def test_an_answer_can_get_lost_after_the_purchase(sim, client):
    sim.control.fault("IncomingPhoneNumbers/create", "lost-answer")
    with pytest.raises((requests.ConnectionError, TwilioException)):
        client.incoming_phone_numbers.create(phone_number=AMERICAN)
    assert [entry["number"] for entry in sim.purchases] == [AMERICAN]


def test_a_request_can_fail_before_it_is_carried_out(sim, client):
    sim.control.fault("IncomingPhoneNumbers/create", "error-500", times=2)
    sim.control.fault("IncomingPhoneNumbers/create", "status:20429")
    buy = client.incoming_phone_numbers.create
    outcomes = [refusal(buy, phone_number=AMERICAN) for _ in range(3)]
    assert outcomes == [(500, 20500), (500, 20500), (429, 20429)]
    assert sim.purchases == []


@pytest.mark.parametrize("code", [21613, 21615, 21631, 21649, 21650, 21651])
def test_a_purchase_can_be_refused_for_any_missing_paper(sim, client, code):
    sim.control.fault("IncomingPhoneNumbers/create", f"status:{code}")
    assert refusal(client.incoming_phone_numbers.create, phone_number=AMERICAN) == (400, code)


def test_an_answer_can_be_late_or_garbled(sim, client):
    sim.control.fault("Balance/fetch", "slow", seconds=0.01)
    assert client.api.account.balance.fetch().balance == "100.00"
    sim.control.fault("Balance/fetch", "garbage")
    with pytest.raises(ValueError, match="Unterminated"):
        client.api.account.balance.fetch()


def test_too_many_requests_at_once_are_refused_and_not_carried_out():
    with SimulatorServer(Settings(concurrency=1)) as sim, ThreadPoolExecutor() as pool:
        sim.control.fault("Balance/fetch", "slow", seconds=30)
        first = pool.submit(sim.request, "GET", "Balance.json")
        waiting.until(lambda: not sim.account["faults"])  # the other one is under way
        answer = sim.request("POST", "IncomingPhoneNumbers.json", PhoneNumber=AMERICAN)
        assert (answer.status_code, answer.json()["code"]) == (429, 20429)
        sim.provider.stopping.set()
        assert first.result().status_code == 200


# --- State, command line


def test_the_account_survives_a_restart(tmp_path):
    settings = Settings(state=tmp_path / "state.json")
    with SimulatorServer(settings) as sim:
        number = sim.buy(VoiceUrl="http://x/v#rc=1")
        library(sim).messages.create(to="+14155550101", from_=number, body="Hi")
        address(library(sim), "DE")
        library(sim).messaging.v1.services.create(friendly_name="Shop")
        before = sim.account
    with SimulatorServer(settings) as sim:
        for kept in ("numbers", "ledger", "balance", "currency"):
            assert sim.account[kept] == before[kept]
        assert len(library(sim).messages.list()) == len(library(sim).addresses.list()) == 1
        assert len(library(sim).messaging.v1.services.list()) == 1


def test_it_never_sells_what_it_cannot_write_down(tmp_path, monkeypatch):
    with SimulatorServer(Settings(state=tmp_path / "state.json")) as sim:

        def refuse(*_):
            raise statefile.StateError("The state file cannot be written: No space left on device.")

        monkeypatch.setattr(statefile, "save", refuse)
        answer = sim.request("POST", "IncomingPhoneNumbers.json", PhoneNumber=AMERICAN)
        assert (answer.status_code, answer.json()["code"]) == (500, 20500)
        monkeypatch.undo()
        assert (sim.account["balance"], sim.purchases) == ("100.00", [])


def test_who_only_looks_has_nothing_written_down(tmp_path, monkeypatch):
    with SimulatorServer(Settings(state=tmp_path / "state.json")) as sim:
        sim.buy()

        def written(*_):
            raise AssertionError("it was")

        monkeypatch.setattr(store, "dump", written)
        paths = [
            "Balance.json",
            "Calls.json",
            "IncomingPhoneNumbers.json",
            "AvailablePhoneNumbers/US/Local.json",
        ]
        assert [sim.request("GET", path).status_code for path in [*paths, "/v1/Alerts"]] == [200] * 5
        assert sim.account["numbers"]
        monkeypatch.undo()


def run(*arguments):
    return CliRunner().invoke(command_line.main, ["--provider", "twilio", *arguments])


def test_the_command_line_shows_the_account(sim):
    number = sim.buy(VoiceUrl="http://localhost/v")
    shown = run("account", "--simulator", sim.url)
    assert shown.exit_code == 0
    assert f"{number}  renews " in shown.stdout
    assert "voice_url http://localhost/v" in shown.stdout


def test_another_providers_state_is_left_alone(tmp_path):
    path = tmp_path / "state.json"
    path.write_text('{"format": 1}')
    result = run("--state", str(path))
    assert (result.exit_code, path.read_text()) == (1, '{"format": 1}')
    assert "is not one of this simulator's" in result.output
