"""TwilioClient: what it asks, what it makes of answers as documented, as hostile ones, and as refusals.

Fields and samples are those of Twilio's OpenAPI description (twilio-oai, 2026-04-14).
"""

import json
import re
import traceback
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import responses
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver.providers.errors import (
    OutcomeUnknown,
    ProviderError,
    Refused,
    TryLater,
    UnexpectedAnswer,
    WrongConfiguration,
)
from receiver.providers.here import Here
from receiver.providers.market import Duration, Narrowed, NumberSort, Rate
from receiver.providers.numbers import Instead, NumberClient, Routes
from receiver.providers.twilio.client import TwilioClient
from receiver.providers.twilio.refusals import _CODES
from receiver.providers.twilio.ways import way
from receiver.vocabulary.kinds import Kind

ACCOUNT, TOKEN = "AC" + "0" * 32, "token-nobody-may-see"
API = "https://api.twilio.com"
PRICING, MESSAGING = "https://pricing.twilio.com", "https://messaging.twilio.com"
OF_ACCOUNT = f"{API}/2010-04-01/Accounts/{ACCOUNT}"
HELD, AVAILABLE = f"{OF_ACCOUNT}/IncomingPhoneNumbers", f"{OF_ACCOUNT}/AvailablePhoneNumbers"
REGULATIONS = "https://numbers.twilio.com/v2/RegulatoryCompliance/Regulations"
SERVICES = f"{MESSAGING}/v1/Services"
NUMBER = "+16501234567"
PN, TRUNK, APPLICATION, SERVICE = (letters + "a" * 32 for letters in ("PN", "TK", "AP", "MG"))
APPLICATIONS, NAMED = f"{OF_ACCOUNT}/Applications/{APPLICATION}.json", f"the application {APPLICATION}"
HERE = Here("https://calls.example", "key-0123456789abcdef")
SECOND = Here("https://calls.example", "key-0123456789abcdef", "https://second.example")


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def client(pauses) -> NumberClient:
    return TwilioClient(ACCOUNT, (ACCOUNT, TOKEN), sleep=pauses.append)


@pytest.fixture
def provider():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def held(**fields) -> dict:
    return {
        "sid": PN,
        "account_sid": ACCOUNT,
        "phone_number": NUMBER,
        "capabilities": {"voice": True, "sms": True, "mms": False, "fax": True},
        "voice_url": "",
        "sms_url": None,
        "trunk_sid": None,
        "voice_application_sid": "",
        "status": "in-use",
        **fields,
    }


def offer(number: str = NUMBER, **fields) -> dict:
    return {
        "phone_number": number,
        "iso_country": "US",
        "address_requirements": "none",
        "capabilities": {"mms": True, "SMS": False, "voice": True},
        **fields,
    }


def holding(provider, *numbers: dict) -> None:
    page = {"incoming_phone_numbers": list(numbers), "next_page_uri": None, "page": 0}
    provider.get(f"{HELD}.json", json=page)
    provider.get(SERVICES, json={"services": [], "meta": {"key": "services", "next_page_url": None}})
    for field in ("voice_application_sid", "sms_application_sid"):
        if any(number.get(field) for number in numbers):
            application = {"sid": APPLICATION, "voice_url": "https://app.example.com/voice", "sms_url": None}
            provider.get(APPLICATIONS, json=application)


def selling(provider, country: str = "US", sort: str = "Local", *offers: dict) -> None:
    provider.get(f"{AVAILABLE}/{country}/{sort}.json", json={"available_phone_numbers": list(offers)})
    provider.get(REGULATIONS, json={"results": [], "meta": {"key": "results"}})


def refuse(provider, code: int | None, status: int = 400) -> None:
    """Whatever is asked. The message is what must not be shown."""
    body = {"status": status, "message": f"{NUMBER} {TOKEN}", **({"code": code} if code else {})}
    for method in ("GET", "POST"):
        provider.add(method, re.compile(r"https://.*"), json=body, status=status)


def sent(call) -> dict[str, str]:
    return dict(parse_qsl(call.request.body, keep_blank_values=True))


def asked(call) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(call.request.url).query))


# --- What is for sale ---


def test_it_lists_countries_with_the_sorts_they_sell(client, provider):
    provider.get(
        f"{AVAILABLE}.json",
        json={
            "countries": [
                {
                    "country_code": "AU",
                    "country": "Australia",
                    "beta": False,
                    "subresource_uris": {"toll_free": "/x", "local": "/y", "machine_to_machine": "/z"},
                },
                {"country_code": "QQ", "country": "Nowhere", "subresource_uris": {}},
            ]
        },
    )
    australia, nowhere = client.available_countries()
    assert (australia.code, australia.name, australia.prefix) == ("AU", "Australia", "61")
    assert australia.sorts == (NumberSort.LOCAL, NumberSort.TOLL_FREE)
    assert not australia.sold_by_state
    assert (nowhere.prefix, nowhere.sorts) == ("", ())


def test_it_searches_by_what_it_is_told(client, provider):
    selling(provider, "US", "TollFree", offer())
    wish = Narrowed(NumberSort.TOLL_FREE, "800", "22", frozenset({Kind.VOICE, Kind.SMS}))
    (page,) = client.every_available_page("US", "CA", wish)

    assert asked(provider.calls[0]) == {
        "VoiceEnabled": "true",
        "SmsEnabled": "true",
        "Contains": "22",
        "AreaCode": "800",
        "InRegion": "CA",
    }
    (number,) = page.entries
    assert (number.number, number.sort) == (NUMBER, NumberSort.TOLL_FREE)
    assert number.capabilities == {"MMS", "VOICE"}
    assert number.requirements == ()


def test_it_does_not_search_by_what_twilio_ignores_or_refuses(client, provider):
    selling(provider, "DE", "Local")
    list(client.every_available_page("DE", "BE", Narrowed(NumberSort.LOCAL, "3", "7")))
    assert asked(provider.calls[0]) == {}


def test_without_a_sort_it_asks_for_each_that_the_country_sells(client, provider):
    country = {"country_code": "US", "subresource_uris": {"local": "/l", "toll_free": "/t"}}
    provider.get(f"{AVAILABLE}/US.json", json=country)
    selling(provider, "US", "Local", offer(), offer("+16501234568"))
    selling(provider, "US", "TollFree", offer(), offer("+18001234567"))
    pages = client.every_available_page("US")
    assert [(entry.number, entry.sort) for page in pages for entry in page.entries] == [
        (NUMBER, NumberSort.LOCAL),
        ("+16501234568", NumberSort.LOCAL),
        ("+18001234567", NumberSort.TOLL_FREE),
    ]


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("any", "an address, anywhere"),
        ("local", "own area"),
        ("foreign", "outside"),
        ("lunar", "does not know"),
    ],
)
def test_an_address_that_is_asked_for_is_told_before(client, provider, wanted, sentence):
    selling(provider, "FR", "Local", offer("+33123456789", address_requirements=wanted))
    (page,) = client.every_available_page("FR", None, Narrowed(NumberSort.LOCAL))
    (requirement,) = page.entries[0].requirements
    assert sentence in requirement.sentence
    assert requirement.link == "https://www.twilio.com/en-us/guidelines/fr/regulatory"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"json": {"results": [{"requirements": {"end_user": [{"x": 1}]}}]}}, True),
        ({"json": {"results": [{"requirements": {"end_user": [], "supporting_document": []}}]}}, False),
        ({"json": {"results": []}}, False),
        ({"status": 404}, False),
        ({"status": 503}, False),
    ],
)
def test_a_bundle_that_is_asked_for_is_told_before(client, provider, answer, told):
    number = offer("+4930123456")
    provider.get(f"{AVAILABLE}/DE/Local.json", json={"available_phone_numbers": [number]})
    provider.get(REGULATIONS, **answer)
    (page,) = client.every_available_page("DE", None, Narrowed(NumberSort.LOCAL))
    assert [requirement.sentence for requirement in page.entries[0].requirements] == (
        ["Twilio sells it only for a regulatory bundle that it approved."] if told else []
    )
    assert asked(provider.calls[1]) == {"IsoCountry": "DE", "NumberType": "local"}


def test_prices_are_exact_and_by_sort(client, provider):
    provider.get(
        f"{PRICING}/v1/PhoneNumbers/Countries/US",
        json={
            "iso_country": "US",
            "price_unit": "usd",
            "phone_number_prices": [
                {"number_type": "local", "base_price": "1.15", "current_price": "1.10"},
                {"number_type": "toll free", "base_price": "2.15", "current_price": None},
                {"number_type": "carrier pigeon", "base_price": "9", "current_price": "9"},
                {"number_type": "mobile", "base_price": "much", "current_price": "1e999999"},
            ],
        },
    )
    rates = client.rate("US")
    assert (rates.country, rates.currency) == ("US", "USD")
    assert rates.entries == (
        Rate(1, Decimal("1.10"), NumberSort.LOCAL),
        Rate(1, Decimal("2.15"), NumberSort.TOLL_FREE),
    )
    assert rates.price(Duration.AUTO_EXTEND, NumberSort.LOCAL) == Decimal("1.10")


def test_the_balance_is_exact(client, provider):
    provider.get(f"{OF_ACCOUNT}/Balance.json", body=b'{"balance": 12.345678901234567890, "currency": "eur"}')
    assert client.balance().balance == Decimal("12.345678901234567890")
    assert client.balance().currency == "EUR"


# --- Lists ---


@pytest.mark.parametrize("base", [API, "http://127.0.0.1:9999"])
def test_a_list_is_followed_to_its_end(provider, base):
    account = f"/2010-04-01/Accounts/{ACCOUNT}"
    numbers = [held(phone_number=f"+1650123456{digit}") for digit in range(3)]
    for place, number in enumerate(numbers):
        link = (
            f"{account}/IncomingPhoneNumbers.json?Page={place + 1}&PageToken=PA{place}" if place < 2 else None
        )
        matching = [
            responses.matchers.query_param_matcher({"Page": str(place), "PageToken": f"PA{place - 1}"})
        ]
        provider.get(
            f"{base}{account}/IncomingPhoneNumbers.json",
            json={"incoming_phone_numbers": [number], "next_page_uri": link},
            match=matching if place else [responses.matchers.query_param_matcher({"PageSize": "1000"})],
        )
    services = SERVICES.replace(MESSAGING, base) if base != API else SERVICES
    for place in range(3):
        provider.get(
            services,
            json={
                "services": [],
                "meta": {
                    "key": "services",
                    "next_page_url": f"{services}?Page={place + 1}" if place < 2 else None,
                },
            },
            match=[
                responses.matchers.query_param_matcher({"Page": str(place)} if place else {"PageSize": "100"})
            ],
        )
    client = TwilioClient(ACCOUNT, (ACCOUNT, TOKEN), base)
    assert [number.number for number in client.subscribed_numbers()] == [n["phone_number"] for n in numbers]
    assert len(provider.calls) == 6


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/2010-04-01/more",
        "//evil.example/more",
        "http://api.twilio.com/more",
        "https://api.twilio.com.evil.example/more",
        "https://api.twilio.com@evil.example/more",
        "https://api.twilio.com:99999/more",
        "https://[/",
    ],
)
def test_credentials_never_follow_a_link_to_another_host(client, provider, link):
    provider.get(f"{HELD}.json", json={"incoming_phone_numbers": [], "next_page_uri": link})
    with pytest.raises(UnexpectedAnswer, match="another host"):
        client.subscribed_numbers()
    assert len(provider.calls) == 1


def test_a_list_that_leads_to_itself_is_given_up(client, provider):
    link = f"/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers.json?Page=1"
    provider.get(f"{HELD}.json", json={"incoming_phone_numbers": [], "next_page_uri": link})
    with pytest.raises(UnexpectedAnswer, match="does not end"):
        client.subscribed_numbers()


@pytest.mark.parametrize(
    "listed",
    [None, {}, "x", [1], [held(phone_number="")], [held(phone_number="anonymous")], [held(sid="../Calls")]],
)
def test_half_a_list_of_numbers_is_none(client, provider, listed):
    provider.get(f"{HELD}.json", json={"incoming_phone_numbers": listed})
    with pytest.raises(UnexpectedAnswer, match="list"):
        client.subscribed_numbers()


# --- Numbers held ---


def test_a_number_is_read_with_all_its_settings(client, provider):
    holding(provider, held(voice_url="https://a.example/v", voice_method="GET", sms_fallback_url="https://f"))
    (number,) = client.subscribed_numbers()
    assert number.capabilities == {"VOICE", "SMS"}, "fax is gone, whatever the answer says"
    assert (number.routes.voice, number.routes.fax, number.routes.sms) == ("https://a.example/v", None, "")
    assert number.routes.others["VoiceMethod"] == "GET"
    assert number.routes.others["SmsMethod"] == "POST", "the documented default"
    assert number.routes.others["SmsFallbackUrl"] == "https://f"
    assert (number.expiry, number.auto_extend) == (None, True)
    assert number.overruled == {}


def test_a_number_that_cannot_take_a_kind_has_no_route_for_it(client, provider):
    holding(provider, held(capabilities={"voice": True, "sms": False}))
    (number,) = client.subscribed_numbers()
    assert number.routes.sms is None


@pytest.mark.parametrize(
    ("fields", "overruled"),
    [
        ({"trunk_sid": TRUNK}, {Kind.VOICE: Instead(f"the trunk {TRUNK}", "SIP")}),
        (
            {"voice_application_sid": APPLICATION},
            {Kind.VOICE: Instead(NAMED, "https://app.example.com/voice")},
        ),
        ({"sms_application_sid": APPLICATION}, {Kind.SMS: Instead(NAMED, "")}),
    ],
)
def test_what_overrules_the_urls_is_told(client, provider, fields, overruled):
    holding(provider, held(**fields))
    assert client.subscribed_numbers()[0].overruled == overruled


def test_an_application_that_may_not_be_read_is_told_without_its_url(client, provider):
    provider.get(f"{HELD}.json", json={"incoming_phone_numbers": [held(voice_application_sid=APPLICATION)]})
    provider.get(SERVICES, json={"services": []})
    provider.get(APPLICATIONS, json={"status": 403, "message": "no"}, status=403)
    (number,) = client.subscribed_numbers()
    assert number.overruled == {Kind.VOICE: Instead(NAMED)}


@pytest.mark.parametrize(("uses_ours", "told"), [(False, True), (True, False), (None, True)])
@pytest.mark.parametrize("url", ["https://shop.example.com/sms", None])
def test_a_messaging_service_is_told_unless_it_uses_the_urls_of_numbers(
    client, provider, uses_ours, told, url
):
    provider.get(f"{HELD}.json", json={"incoming_phone_numbers": [held()]})
    service = {"sid": SERVICE, "use_inbound_webhook_on_number": uses_ours, "inbound_request_url": url}
    provider.get(SERVICES, json={"services": [service]})
    provider.get(f"{SERVICES}/{SERVICE}/PhoneNumbers", json={"phone_numbers": [{"phone_number": NUMBER}]})
    (number,) = client.subscribed_numbers()
    instead = Instead(f"the messaging service {SERVICE}", url or "")
    assert number.overruled == ({Kind.SMS: instead} if told else {})


def test_a_key_that_may_not_read_messaging_services_lists_numbers_all_the_same(client, provider):
    provider.get(f"{HELD}.json", json={"incoming_phone_numbers": [held()]})
    provider.get(SERVICES, json={"status": 403, "message": "no"}, status=403)
    (number,) = client.subscribed_numbers()
    assert (number.overruled, number.unsure) == ({}, {Kind.SMS})


def test_a_passing_failure_does_not_free_a_number_of_its_messaging_service(client, provider):
    provider.get(f"{HELD}.json", json={"incoming_phone_numbers": [held()]})
    provider.get(SERVICES, status=503)
    with pytest.raises(TryLater):
        client.subscribed_numbers()


def test_a_link_that_leaves_out_the_region_is_followed_in_it(provider):
    region = "dublin.ie1.twilio.com"
    provider.get(
        f"https://api.{region}/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers.json",
        json={"incoming_phone_numbers": [held()]},
    )
    pages = ({"next_page_url": f"{SERVICES}?Page=1"}, {})
    for place, meta in enumerate(pages):
        query = {"Page": "1"} if place else {"PageSize": "100"}
        provider.get(
            f"https://messaging.{region}/v1/Services",
            json={"services": [], "meta": meta},
            match=[responses.matchers.query_param_matcher(query)],
        )
    client = TwilioClient(ACCOUNT, (ACCOUNT, TOKEN), f"https://api.{region}")
    assert client.subscribed_numbers()[0].unsure == set()
    assert len(provider.calls) == 3


# --- Buying and configuring ---


def test_a_number_is_bought_and_configured_in_one_request(client, provider):
    provider.post(f"{HELD}.json", json=held(), status=201)
    ways = {kind: way(SECOND, kind) for kind in (Kind.VOICE, Kind.SMS)}
    routes = Routes(voice="", sms="")
    for kind, its in ways.items():
        routes = routes.leading({kind: its.url}, its.others)
    bought = client.subscribe(NUMBER, Duration.AUTO_EXTEND, routes)

    assert (bought.number, bought.debit, bought.expiry) == (NUMBER, None, None)
    (call,) = provider.calls
    overrides = "#rc=4&rp=ct,rt,5xx&ct=2000&rt=5000&tt=14000"
    path = "/callbacks/key-0123456789abcdef/twilio/"
    assert sent(call) == {
        "PhoneNumber": NUMBER,
        "VoiceUrl": f"https://calls.example{path}voice{overrides}",
        "VoiceMethod": "POST",
        "VoiceFallbackUrl": f"https://second.example{path}voice{overrides}",
        "VoiceFallbackMethod": "POST",
        "VoiceApplicationSid": "",
        "VoiceReceiveMode": "voice",
        "TrunkSid": "",
        "StatusCallback": f"https://calls.example{path}status{overrides}",
        "StatusCallbackMethod": "POST",
        "SmsUrl": f"https://calls.example{path}sms{overrides}",
        "SmsMethod": "POST",
        "SmsFallbackUrl": f"https://second.example{path}sms{overrides}",
        "SmsFallbackMethod": "POST",
        "SmsApplicationSid": "",
    }
    provider.post(f"{HELD}/{PN}.json", json=held())
    client.route(NUMBER, routes)
    assert len(provider.calls) == 2, "its SID is known from the purchase"


def test_without_a_second_machine_a_fallback_url_stays_as_it_is(client, provider):
    holding(provider, held())
    provider.post(f"{HELD}/{PN}.json", json=held())
    its = way(HERE, Kind.VOICE)
    client.route(NUMBER, Routes(voice=its.url, others=its.others))
    assert "VoiceFallbackUrl" not in sent(provider.calls[-1])
    assert not any(name.startswith("Sms") for name in sent(provider.calls[-1])), "it takes no SMS"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"sms": "https://new.example"}, {"SmsUrl": "https://new.example", "SmsApplicationSid": ""}),
        # Whichever of the two Twilio lets win, the application stays.
        (
            {"voice": "https://new.example"},
            {"VoiceUrl": "https://new.example", "VoiceApplicationSid": APPLICATION, "TrunkSid": ""},
        ),
        ({"others": {"StatusCallback": "https://new.example"}}, {"StatusCallback": "https://new.example"}),
    ],
)
def test_of_a_number_that_is_known_only_what_changes_is_said(client, provider, changed, said):
    holding(provider, held(voice_url="https://old.example", voice_application_sid=APPLICATION))
    provider.post(f"{HELD}/{PN}.json", json=held())
    was = client.subscribed_numbers()[0].routes
    others = changed.pop("others", {})
    client.route(NUMBER, was.leading({Kind(kind): url for kind, url in changed.items()}, others), was)
    assert sent(provider.calls[-1]) == said


def test_a_url_that_is_cleared_takes_its_fallback_with_it(client, provider):
    """Twilio refuses a fallback URL alone."""
    holding(provider, held())
    provider.post(f"{HELD}/{PN}.json", json=held())
    client.route(NUMBER, Routes(voice="", sms="", others={"VoiceFallbackUrl": "https://f.example"}))
    assert sent(provider.calls[-1]) == dict.fromkeys(
        ("VoiceUrl", "VoiceFallbackUrl", "SmsUrl", "SmsFallbackUrl"), ""
    )


def test_a_number_bought_for_us_is_configured_as_it_is_read(client, provider):
    """What is written reads back as the same, so that a second setup finds nothing to do."""
    its = way(SECOND, Kind.VOICE)
    wanted = Routes(voice="", sms="").leading({Kind.VOICE: its.url}, its.others)
    holding(provider, held())
    provider.post(f"{HELD}/{PN}.json", json=held())
    client.route(NUMBER, wanted)
    said = {
        re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower(): value
        for name, value in sent(provider.calls[-1]).items()
    }
    provider.replace("GET", f"{HELD}.json", json={"incoming_phone_numbers": [held(**said)]})
    (number,) = client.subscribed_numbers()
    assert number.routes.voice == its.url
    assert {name: number.routes.others[name] for name in its.others} == its.others


def test_fax_is_refused_with_a_reason(client, provider):
    for act in (client.route, lambda number, routes: client.subscribe(number, "auto_extend", routes)):
        with pytest.raises(Refused, match="closed its fax service"):
            act(NUMBER, Routes(fax="https://calls.example/"))
    assert way(HERE, Kind.FAX) is None
    assert len(provider.calls) == 0


def test_terms_are_refused_with_a_reason(client, provider):
    with pytest.raises(Refused, match="renews by itself"):
        client.subscribe(NUMBER, Duration.THREE_MONTHS)
    assert len(provider.calls) == 0


def test_a_number_that_is_not_held_is_not_configured(client, provider):
    holding(provider)
    with pytest.raises(Refused, match="not held"):
        client.route(NUMBER, Routes(voice="https://calls.example/"))


def test_a_number_released_meanwhile_is_not_held(client, provider):
    holding(provider, held())
    provider.post(f"{HELD}/{PN}.json", json={"code": 20404, "status": 404, "message": "gone"}, status=404)
    with pytest.raises(Refused, match="not held"):
        client.route(NUMBER, Routes(voice="https://calls.example/"))


def test_nothing_can_release_a_number(client):
    assert {name for name in vars(TwilioClient) if not name.startswith("_")} == {
        name for name in vars(NumberClient) if not name.startswith("_")
    }


# --- What goes wrong ---


@pytest.mark.parametrize("code", sorted(_CODES))
def test_every_known_error_is_a_sentence_that_says_what_to_do(client, provider, code):
    refuse(provider, code, 429 if code == 20429 else 400)
    with pytest.raises(ProviderError) as caught:
        client.subscribe(NUMBER, "auto_extend")
    said = str(caught.value)
    assert caught.value.status == str(code)
    assert re.search(r"Check|Choose|Write|Wait|Leave|Give|report|Try", said), said
    assert NUMBER not in said
    assert TOKEN not in said
    assert ACCOUNT not in said


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        ((None, 401), WrongConfiguration, "TWILIO_AUTH_TOKEN"),
        ((None, 403), WrongConfiguration, "test credentials"),
        ((None, 404), WrongConfiguration, "TWILIO_ACCOUNT_SID"),
        ((21999, 400), Refused, "https://www.twilio.com/docs/api/errors/21999"),
        ((None, 400), Refused, "HTTP 400"),
        ((None, 301), WrongConfiguration, "TWILIO_API_URL"),
        ((None, 429), OutcomeUnknown, "may or may not"),
        ((None, 500), OutcomeUnknown, "may or may not"),
        ((21422, 503), OutcomeUnknown, "may or may not"),
    ],
)
def test_errors_are_told_apart_by_what_to_do_next(client, provider, answer, kind, said):
    refuse(provider, *answer)
    with pytest.raises(kind, match=re.escape(said)):
        client.subscribe(NUMBER, "auto_extend")


def test_what_is_not_twilio_is_told(client, provider):
    provider.get(f"{OF_ACCOUNT}/Balance.json", body=b"<html>", status=404)
    with pytest.raises(WrongConfiguration, match="is not Twilio's API"):
        client.balance()


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda client: client.rate("AQ"), "sells no numbers there"),
        (lambda client: list(client.every_available_page("AQ")), "sells no numbers of AQ"),
        (
            lambda client: list(client.every_available_page("US", None, Narrowed(NumberSort.MOBILE))),
            "no mobile numbers of US",
        ),
        (lambda client: client.balance(), "sub-accounts"),
    ],
)
def test_what_does_not_exist_is_no_wrong_account(client, provider, ask, said):
    refuse(provider, 20404, 404)
    with pytest.raises(Refused, match=said):
        ask(client)


def test_being_told_of_too_many_requests_is_waited_out_even_for_a_purchase(client, provider, pauses):
    """Twilio documents that such a request was not processed."""
    crowded = {"code": 20429, "status": 429, "message": "Too many"}
    provider.post(f"{HELD}.json", json=crowded, status=429)
    provider.post(f"{HELD}.json", json=crowded, status=429, headers={"Retry-After": "9"})
    provider.post(f"{HELD}.json", json=held(), status=201)
    assert client.subscribe(NUMBER, "auto_extend").number == NUMBER
    assert pauses[0] < 1
    assert pauses[1] == 9


def test_too_many_requests_are_not_waited_for_for_ever(client, provider, pauses):
    refuse(provider, 20429, 429)
    with pytest.raises(TryLater, match="nothing was done"):
        client.subscribe(NUMBER, "auto_extend")
    assert len(pauses) == 5


@pytest.mark.parametrize(
    "lost",
    [
        {"body": requests.ReadTimeout("slow")},
        {"body": requests.ConnectionError("reset")},
        {"status": 502},
        {"status": 201, "body": b"<html>"},
        {"status": 201, "json": {"phone_number": "+16509999999"}},
        {"status": 204},
    ],
)
def test_a_lost_answer_is_not_tried_again(client, provider, pauses, lost):
    provider.post(f"{HELD}.json", **lost)
    with pytest.raises(OutcomeUnknown, match="look at the numbers held") as caught:
        client.subscribe(NUMBER, "auto_extend")
    assert (len(provider.calls), pauses) == (1, [])
    shown = "".join(traceback.format_exception(caught.value))
    assert NUMBER not in shown
    assert "reset" not in shown, "what the transport says quotes URLs"


def test_reads_are_tried_again(client, provider, pauses):
    provider.get(f"{OF_ACCOUNT}/Balance.json", body=requests.ConnectionError("reset"))
    provider.get(f"{OF_ACCOUNT}/Balance.json", status=502)
    provider.get(f"{OF_ACCOUNT}/Balance.json", json={"balance": "1", "currency": "USD"})
    assert client.balance().balance == 1
    assert len(pauses) == 2


# --- Where it is asked ---


@pytest.mark.parametrize(
    ("url", "pricing"),
    [
        ("https://api.twilio.com", "https://pricing.twilio.com"),
        ("https://api.dublin.ie1.twilio.com/", "https://pricing.dublin.ie1.twilio.com"),
        ("http://127.0.0.1:8100", "http://127.0.0.1:8100"),
    ],
)
def test_each_product_has_its_host_unless_another_stands_for_all(provider, url, pricing):
    prices = {"price_unit": "USD", "phone_number_prices": []}
    provider.get(f"{pricing}/v1/PhoneNumbers/Countries/US", json=prices)
    assert TwilioClient(ACCOUNT, (ACCOUNT, TOKEN), url).rate("US").currency == "USD"


def test_an_api_key_asks_for_the_account(provider):
    provider.get(f"{OF_ACCOUNT}/Balance.json", json={"balance": "1", "currency": "USD"})
    TwilioClient(ACCOUNT, ("SKkey", "ßecret"), API).balance()
    assert provider.calls[0].request.headers["Authorization"] == "Basic U0trZXk6w59lY3JldA=="


def test_credentials_are_not_shown(client):
    assert TOKEN not in repr(client)


# --- Whatever it is answered ---

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    (
        *(
            "countries",
            "country_code",
            "country",
            "subresource_uris",
            "available_phone_numbers",
            "phone_number",
        ),
        *(
            "capabilities",
            "address_requirements",
            "phone_number_prices",
            "number_type",
            "current_price",
            "sid",
        ),
        *(
            "price_unit",
            "incoming_phone_numbers",
            "trunk_sid",
            "services",
            "phone_numbers",
            "results",
            "meta",
        ),
        *(
            "requirements",
            "balance",
            "currency",
            "next_page_uri",
            "next_page_url",
            "code",
            "status",
            "voice_url",
        ),
    )
)
VALUES = st.recursive(
    SCALARS
    | st.sampled_from((NUMBER, PN, "1.00", "toll free", "1e999999", "/2010-04-01/x", "//evil.example/")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=20,
)
BODIES = (
    st.binary(max_size=60)
    | ANYTHING.map(lambda answer: json.dumps(answer).encode())
    | st.dictionaries(NAMES, VALUES, max_size=8).map(lambda answer: json.dumps(answer).encode())
)
ASKED = (
    lambda client: client.available_countries(),
    lambda client: list(client.every_available_page("US")),
    lambda client: list(client.every_available_page("US", None, Narrowed(NumberSort.LOCAL))),
    lambda client: client.rate("US"),
    lambda client: client.subscribed_numbers(),
    lambda client: client.balance(),
    lambda client: client.subscribe(NUMBER, "auto_extend"),
    lambda client: client.route(NUMBER, Routes(voice="https://calls.example/")),
)


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(
    body=BODIES,
    status=st.sampled_from((200, 201, 204, 304, 400, 401, 404, 429, 500)),
    ask=st.sampled_from(ASKED),
)
def test_no_answer_is_a_traceback(body, status, ask):
    client = TwilioClient(ACCOUNT, (ACCOUNT, TOKEN), sleep=lambda _: None)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for method in ("GET", "POST"):
            mock.add(method, re.compile(r"https://[a-z]+\.twilio\.com/.*"), body=body, status=status)
        try:
            ask(client)
            said = ""
        except ProviderError as error:
            said = str(error)
        assert TOKEN not in said
        assert all("evil" not in call.request.url for call in mock.calls)
