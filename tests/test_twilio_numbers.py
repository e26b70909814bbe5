"""TwilioClient against the simulated Twilio, over HTTP."""

import pytest

from receiver.providers.errors import OutcomeUnknown, ProviderError, Refused, TryLater, WrongConfiguration
from receiver.providers.here import Here
from receiver.providers.market import Duration, Narrowed, NumberSort
from receiver.providers.numbers import Routes
from receiver.providers.twilio import client as twilio_client
from receiver.providers.twilio.client import TwilioClient
from receiver.providers.twilio.ways import way
from receiver.setup.plan import Configure
from receiver.simulator.twilio.server import SimulatorServer
from receiver.simulator.twilio.settings import Settings
from receiver.vocabulary.kinds import Kind

HERE = Here("https://calls.example", "key-0123456789abcdef", "https://second.example")
LOCAL = Narrowed(NumberSort.LOCAL)


@pytest.fixture(scope="module")
def sim():
    with SimulatorServer() as server:
        yield server


def client_of(sim: SimulatorServer, **changes: str) -> TwilioClient:
    own = sim.settings
    credentials = (changes.get("user", own.account_sid), changes.get("password", own.auth_token))
    account = changes.get("account", own.account_sid)
    return TwilioClient(account, credentials, sim.url, sleep=lambda _: None, timeout=(2, 2))


@pytest.fixture
def client(sim):
    sim.control.clear_faults()
    return client_of(sim)


def free(client, country: str = "US", narrowed: Narrowed = LOCAL) -> str:
    return next(
        offer.number
        for page in client.every_available_page(country, None, narrowed)
        for offer in page.entries
        if not offer.number.endswith("9999")
    )


def ours(*kinds: Kind) -> Routes:
    routes = Routes()
    for kind in kinds:
        its = way(HERE, kind)
        routes = routes.leading({kind: its.url}, its.others)
    return routes


def test_it_lists_what_is_for_sale(client):
    countries = {country.code: country for country in client.available_countries()}
    assert countries["US"].sorts == (NumberSort.LOCAL, NumberSort.TOLL_FREE)
    assert countries["GB"].prefix == "44"


def test_it_reads_every_page_of_a_list(sim, client, monkeypatch):
    bought = {sim.buy() for _ in range(3)}
    monkeypatch.setattr(twilio_client, "_LARGEST_PAGE", {"PageSize": "1"})
    listed = [one.number for one in client.subscribed_numbers()]
    assert bought <= set(listed)
    assert len(listed) == len(set(listed)) >= 3


def test_it_searches_by_area_code_digits_and_capability(client):
    wish = Narrowed(NumberSort.LOCAL, "808", "1237", frozenset({Kind.SMS}))
    (page,) = client.every_available_page("US", "HI", wish)
    assert [offer.number for offer in page.entries] == ["+18089251237"]
    assert {"VOICE", "SMS"} <= page.entries[0].capabilities
    assert "FAX" not in page.entries[0].capabilities


def test_what_is_asked_for_is_told_with_the_offer(client):
    (page, *_) = client.every_available_page("GB", None, Narrowed(NumberSort.MOBILE))
    sentences = [requirement.sentence for requirement in page.entries[0].requirements]
    assert "address" in sentences[0]
    assert "bundle" in sentences[1]
    (page, *_) = client.every_available_page("US", None, LOCAL)
    assert page.entries[0].requirements == ()


def test_elsewhere_an_area_code_is_looked_for_anywhere(client):
    """Twilio has no other search for it; whoever asked looks through what comes."""
    (page,) = client.every_available_page("GB", None, Narrowed(NumberSort.LOCAL, "121"))
    assert page.entries
    assert all("121" in offer.number for offer in page.entries)


def test_prices_are_by_sort_in_the_accounts_currency(client):
    rates = client.rate("AU")
    assert rates.currency == client.balance().currency == "USD"
    assert str(rates.price(Duration.AUTO_EXTEND, NumberSort.MOBILE)) == "6.00"


def test_a_number_is_bought_configured_and_read_back(sim, client):
    number, before = free(client), client.balance().balance
    routes = ours(Kind.VOICE, Kind.SMS)
    client.subscribe(number, Duration.AUTO_EXTEND, routes)

    held = {one.number: one for one in client.subscribed_numbers()}[number]
    assert (held.routes.voice, held.routes.sms) == (routes.voice, routes.sms)
    assert {name: held.routes.others[name] for name in routes.others} == routes.others
    assert str(before - client.balance().balance) == "1.15"


def test_what_overrules_a_url_is_cleared_with_it(sim, client):
    number = sim.buy("US", "Local", VoiceApplicationSid="AP" + "1" * 32, SmsApplicationSid="AP" + "2" * 32)

    def held():
        return {one.number: one for one in client.subscribed_numbers()}[number]

    assert held().overruled.keys() == {Kind.VOICE, Kind.SMS}
    client.route(
        number, held().routes.leading(ours(Kind.VOICE, Kind.SMS).urls, ours(Kind.VOICE, Kind.SMS).others)
    )
    assert held().overruled == {}
    client.route(number, Routes(voice="", sms=""))
    assert (held().routes.voice, held().routes.others["VoiceFallbackUrl"]) == ("", "")


def test_what_somebody_changes_meanwhile_stays(sim, client):
    number, application = sim.buy(VoiceUrl="https://calls.example/v"), "AP" + "1" * 32

    def held():
        return {one.number: one for one in client.subscribed_numbers()}[number]

    was = held()
    sid = next(one["sid"] for one in sim.account["numbers"] if one["phone_number"] == number)
    sim.request("POST", f"IncomingPhoneNumbers/{sid}.json", VoiceApplicationSid=application)
    step = Configure(number, was.routes.leading(ours(Kind.SMS).urls, ours(Kind.SMS).others), {Kind.SMS}, was)
    client.route(number, step.routes, was.routes)
    now = held()
    assert now.routes.others["VoiceApplicationSid"] == application
    assert now.routes.sms == ours(Kind.SMS).sms
    assert step.holds(now)


def test_a_number_without_sms_is_configured_without_it(sim, client):
    number = sim.buy("AU", "Local")
    held = {one.number: one for one in client.subscribed_numbers()}[number]
    assert held.routes.sms is None
    client.route(number, held.routes.leading({Kind.VOICE: "https://calls.example/v"}))


def test_a_purchase_whose_answer_is_lost_is_made_once(sim, client):
    number, before = free(client), len(sim.purchases)
    sim.control.fault("IncomingPhoneNumbers/create", "lost-answer")
    with pytest.raises(OutcomeUnknown, match="look at the numbers held"):
        client.subscribe(number, Duration.AUTO_EXTEND)
    assert len(sim.purchases) == before + 1
    assert number in {one.number for one in client.subscribed_numbers()}


def test_a_purchase_that_was_refused_for_the_crowd_is_made_once(sim, client):
    number, before = free(client), len(sim.purchases)
    sim.control.fault("IncomingPhoneNumbers/create", "status:20429", times=2)
    client.subscribe(number, Duration.AUTO_EXTEND)
    assert len(sim.purchases) == before + 1


@pytest.mark.parametrize(
    ("fault", "kind"), [("error-500", OutcomeUnknown), ("garbage", OutcomeUnknown), ("status:21452", Refused)]
)
def test_a_change_is_sent_once(sim, client, fault, kind):
    number = sim.buy()
    sim.control.fault("IncomingPhoneNumbers/update", fault)
    with pytest.raises(kind):
        client.route(number, Routes(voice="https://calls.example/once"))
    client.route(number, Routes(voice="https://calls.example/twice"))


def test_reads_outlast_a_failure(sim, client):
    sim.control.fault("Balance/fetch", "error-500", times=2)
    assert client.balance().currency == "USD"
    sim.control.fault("Balance/fetch", "error-500", times=9)
    with pytest.raises(TryLater):
        client.balance()


@pytest.mark.parametrize(
    ("country", "sort", "said"),
    [
        ("GB", NumberSort.LOCAL, "an address"),
        ("SG", NumberSort.LOCAL, "an address"),
        ("SG", NumberSort.MOBILE, "an identity"),
    ],
)
def test_what_needs_papers_is_refused_with_a_page_and_costs_nothing(sim, client, country, sort, said):
    before = client.balance().balance
    with pytest.raises(Refused, match=said) as caught:
        client.subscribe(free(client, country, Narrowed(sort)), Duration.AUTO_EXTEND)
    assert "https://www.twilio.com/en-us/guidelines" in str(caught.value)
    assert client.balance().balance == before


def test_a_number_that_is_gone_is_refused(sim, client):
    taken = next(
        offer.number
        for page in client.every_available_page("US", None, LOCAL)
        for offer in page.entries
        if offer.number not in {one.number for one in client.subscribed_numbers()}
    )
    client.subscribe(taken, Duration.AUTO_EXTEND)
    with pytest.raises(Refused, match="not for sale"):
        client.subscribe(taken, Duration.AUTO_EXTEND)


@pytest.mark.parametrize(
    "changes", [{"password": "wrong"}, {"user": "AC" + "9" * 32}, {"account": "AC" + "9" * 32}]
)
def test_wrong_credentials_are_told_without_showing_them(sim, changes):
    with pytest.raises(WrongConfiguration, match="TWILIO_ACCOUNT_SID") as caught:
        client_of(sim, **changes).subscribed_numbers()
    assert not any(value in str(caught.value) for value in changes.values())


def test_an_api_key_opens_the_same(sim):
    own = sim.settings
    assert client_of(sim, user=own.api_key, password=own.api_secret).balance().currency == "USD"


def test_test_credentials_are_told_what_they_cannot_do(sim):
    own = sim.settings
    client = client_of(
        sim, account=own.test_account_sid, user=own.test_account_sid, password=own.test_auth_token
    )
    with pytest.raises(WrongConfiguration, match="test credentials"):
        client.balance()
    assert client.subscribe("+15005550006", Duration.AUTO_EXTEND).number == "+15005550006"
    for number in ("+15005550000", "+15005550001"):
        with pytest.raises(Refused):
            client.subscribe(number, Duration.AUTO_EXTEND)


def test_a_simulator_without_money_refuses_in_a_sentence():
    with SimulatorServer(Settings(balance=0)) as poor:
        client = client_of(poor)
        with pytest.raises(ProviderError) as caught:
            client.subscribe(free(client), Duration.AUTO_EXTEND)
    assert isinstance(caught.value, Refused), str(caught.value)
