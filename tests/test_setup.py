"""What setup decides, as tables; and what it does, against the simulator, its ledger and real databases."""

import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from urllib.parse import quote

import databases
import pytest
import responses
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from receiver.db.engine import connect
from receiver.keys.route import masked_url, shown_url
from receiver.keys.urls import CallbackUrls, Target
from receiver.providers.digits import countries_of
from receiver.providers.errors import OutcomeUnknown, TryLater
from receiver.providers.hoiio.client import HoiioClient
from receiver.providers.hoiio.values import HoiioNumber, forwarding
from receiver.providers.market import AvailableNumber, Country, Duration, NumberSort, Rate, Rates, State
from receiver.providers.numbers import Balance, Instead, Routes, SubscribedNumber
from receiver.providers.registry import PROVIDERS
from receiver.setup.apply import StepOutcome, apply, pay, repoint
from receiver.setup.catalogue import NoSuchPlace, Offer, Offers, Shop, find_country, find_state
from receiver.setup.configuring import repointed, settings_for
from receiver.setup.journal import Journal
from receiver.setup.matching import fitting
from receiver.setup.plan import Configure, Extend, Plan, Subscribe, Wish
from receiver.setup.planning import plan
from receiver.setup.survey import survey
from receiver.simulator.hoiio.server import SimulatorServer
from receiver.simulator.hoiio.settings import Settings
from receiver.vocabulary.kinds import Kind


def urls_with(key: str) -> CallbackUrls:
    return CallbackUrls(*(f"https://receiver.example.com/callbacks/{key}/hoiio/{kind}" for kind in Kind))


OLD = urls_with("key-from-last-year")
URLS = replace(urls_with("current-key"), accepted=(OLD,))
DEAD = urls_with("key-thrown-away")
ELSEWHERE = "https://other.example.com/notify"
VOICE, FAX, SMS = frozenset({Kind.VOICE}), frozenset({Kind.FAX}), frozenset({Kind.SMS})

US = HoiioNumber(
    "+14152340001",
    mode="voice",
    expiry=date(2030, 1, 1),
    auto_extend=False,
    country="US",
    state="CA",
    capabilities=frozenset({"VOICE", "SMS"}),
)
SG = replace(US, number="+6565310001", country="SG", state="", capabilities=frozenset({"VOICE", "FAX"}))
MY = replace(SG, number="+60321780001", country="MY", mode="fax", capabilities=frozenset({"FAX"}))
US_HERE = replace(US, forward_to=URLS.voice, forward_sms_to=URLS.sms)
SG_FAX_HERE = replace(SG, forward_to=URLS.fax, mode="fax")

RATES = Rates("US", "SGD", (Rate(1, Decimal("4.00")), Rate(3, Decimal("12.00"))))
OFFER = Offer(AvailableNumber("+14152340002", frozenset({"VOICE", "SMS"})), "US", "CA", RATES)


def decide(wish: Wish, *active: HoiioNumber, offer: Offer | str | None = OFFER, **options) -> Plan:
    offers = {wish: Offers((), offer) if isinstance(offer, str) else Offers((offer,))} if offer else {}
    return plan([wish], active, urls=URLS, offers=offers, **options)


def held(wish: Wish, active: list[HoiioNumber]) -> HoiioNumber | None:
    return next(iter(fitting(wish, active, URLS)), None)


# --- plan: what a number that is held needs ---


@pytest.mark.parametrize(
    ("number", "kinds", "forward_to", "forward_sms_to", "mode"),
    [
        pytest.param(US, frozenset(), URLS.voice, URLS.sms, "voice", id="all it can"),
        pytest.param(US, VOICE, URLS.voice, "", "voice", id="voice alone"),
        pytest.param(US, SMS, "", URLS.sms, "voice", id="sms alone"),
        pytest.param(SG, frozenset(), URLS.voice, "", "voice", id="voice rather than fax"),
        pytest.param(SG, FAX, URLS.fax, "", "fax", id="fax when asked"),
        pytest.param(MY, frozenset(), URLS.fax, "", "fax", id="fax when it can nothing else"),
        pytest.param(SG_FAX_HERE, VOICE, URLS.voice, "", "voice", id="from fax to voice when asked"),
        pytest.param(
            replace(US, forward_sms_to=ELSEWHERE),
            VOICE,
            URLS.voice,
            ELSEWHERE,
            "voice",
            id="keeps the sms URL",
        ),
        pytest.param(
            replace(SG, forward_to=ELSEWHERE, mode="fax", capabilities=frozenset({"FAX", "SMS"})),
            SMS,
            ELSEWHERE,
            URLS.sms,
            "fax",
            id="keeps the fax URL and its mode",
        ),
        pytest.param(
            replace(US, forward_to=OLD.voice, forward_sms_to=DEAD.sms),
            frozenset(),
            URLS.voice,
            URLS.sms,
            "voice",
            id="re-points older and dead keys",
        ),
        pytest.param(
            replace(US_HERE, mode="fax"), VOICE, URLS.voice, URLS.sms, "voice", id="right URL, wrong mode"
        ),
        pytest.param(
            replace(SG, capabilities=frozenset(), mode=""), VOICE, URLS.voice, "", "voice", id="nothing told"
        ),
    ],
)
def test_it_sends_all_settings_those_wished_for_and_those_to_keep(
    number, kinds, forward_to, forward_sms_to, mode
):
    (step,) = decide(Wish(kinds, number=number.number), number).steps
    assert isinstance(step, Configure)
    sent = {name: value for name, value in forwarding(step.routes).items() if value}
    wanted = {"forward_to": forward_to, "forward_sms_to": forward_sms_to, "mode": mode}
    assert sent == {name: value for name, value in wanted.items() if value}


@pytest.mark.parametrize(
    ("number", "kinds"),
    [
        pytest.param(US_HERE, frozenset(), id="all"),
        pytest.param(replace(US_HERE, forward_sms_to=ELSEWHERE), VOICE, id="the kind wished for"),
        pytest.param(SG_FAX_HERE, frozenset(), id="fax stays fax"),
        pytest.param(replace(US_HERE, mode=""), frozenset(), id="a mode that is not told"),
        pytest.param(
            replace(US_HERE, capabilities=frozenset()), frozenset(), id="abilities that are not told"
        ),
    ],
)
def test_there_is_nothing_to_do_for_a_number_that_points_here(number, kinds):
    decided = decide(Wish(kinds, number=number.number), number)
    assert (decided.steps, decided.ready, decided.refusals) == ((), (number,), ())


@pytest.mark.parametrize(
    ("number", "kinds", "reason"),
    [
        pytest.param(
            SG, SMS, "cannot receive sms; it can receive voice or fax", id="sms on a Singapore number"
        ),
        pytest.param(
            US, FAX, "cannot receive fax; it can receive voice and sms", id="fax on an American one"
        ),
        pytest.param(SG, VOICE | FAX, "never both", id="voice and fax"),
        pytest.param(
            replace(US, forward_to=ELSEWHERE),
            VOICE,
            "it sends voice to other.example.com, so it is left alone",
            id="elsewhere",
        ),
        pytest.param(
            replace(US, forward_to=ELSEWHERE, forward_sms_to=ELSEWHERE),
            frozenset(),
            "sms to other.example.com and voice to other.example.com",
            id="both elsewhere",
        ),
        pytest.param(replace(US, capabilities=frozenset()), frozenset(), "--kind", id="nothing told"),
    ],
)
def test_it_refuses_and_says_why(number, kinds, reason):
    decided = decide(Wish(kinds, number=number.number), number)
    assert decided.steps == ()
    assert decided.refusals[0].subject == number.number
    assert reason in decided.refusals[0].reason


def test_a_number_that_points_elsewhere_is_taken_over_when_told():
    number = replace(US, forward_to=ELSEWHERE)
    (step,) = decide(Wish(number=US.number), number, take_over=True).steps
    assert step.routes.voice == URLS.voice


# --- plan: buying ---


@pytest.mark.parametrize(
    ("duration", "price"),
    [(Duration.ONE_MONTH, "4.00"), (Duration.THREE_MONTHS, "12.00"), (Duration.AUTO_EXTEND, "4.00")],
)
def test_a_number_that_is_not_held_is_bought_and_configured(duration, price):
    decided = decide(Wish(number=OFFER.number.number, duration=duration), US_HERE)
    bought, configured = decided.steps
    assert bought == Subscribe("+14152340002", "US", "CA", duration, Decimal(price), "SGD")
    assert configured.routes == Routes(voice=URLS.voice, sms=URLS.sms)
    assert decided.cost == Decimal(price)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"kinds": FAX}, "cannot receive fax"),
        ({"duration": Duration.TWELVE_MONTHS}, "no price for this term; it does for months: 1, 3"),
        ({"max_cost": Decimal("3.99")}, "more than --max-cost 3.99"),
        ({"balance": Balance("SGD", Decimal("3.99"))}, "the account has SGD 3.99"),
        ({"offer": "sold out"}, "sold out"),
        ({"offer": None}, "not held"),
    ],
)
def test_it_does_not_buy_what_would_be_no_use_or_too_dear(options, reason):
    duration = options.pop("duration", Duration.ONE_MONTH)
    wish = Wish(options.pop("kinds", frozenset()), number=OFFER.number.number, duration=duration)
    decided = decide(wish, **options)
    assert decided.steps == ()
    assert reason in decided.refusals[0].reason


def test_what_costs_nothing_goes_on_when_the_rest_is_too_dear():
    wanted = [Wish(number=US.number), Wish(number=OFFER.number.number)]
    decided = plan(wanted, [US], urls=URLS, offers={wanted[1]: Offers((OFFER,))}, max_cost=Decimal(1))
    assert [step.number for step in decided.steps] == [US.number]
    assert [refusal.subject for refusal in decided.refusals] == [OFFER.number.number]


def test_the_same_wish_twice_is_one_wish():
    wish = Wish(number=OFFER.number.number)
    assert plan([wish, wish], [], urls=URLS, offers={wish: Offers((OFFER,))}).cost == Decimal("4.00")


# --- plan: any number of a country ---


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(US_HERE, id="points here"),
        pytest.param(US, id="not configured"),
        pytest.param(replace(US, forward_to=OLD.voice), id="points here by an older key"),
        pytest.param(replace(US, country="", state=""), id="country and state not told"),
        pytest.param(replace(US_HERE, capabilities=frozenset()), id="abilities not told"),
    ],
)
@pytest.mark.parametrize("kinds", [frozenset(), VOICE, VOICE | SMS])
def test_a_number_held_that_will_do_is_never_bought_again(number, kinds):
    decided = decide(Wish(kinds, country="US", state="CA"), number)
    assert decided.payments == ()
    assert decided.refusals == ()


@pytest.mark.parametrize(
    ("number", "countries"),
    [
        ("+14152340001", ("US",)),
        ("+14168671237", ("CA",)),
        ("+18338671237", ("US", "CA")),
        ("+6565310001", ("SG",)),
        ("+447400123456", ("GB",)),
        pytest.param("+447911123456", ("GG", "GB"), id="a range of Guernsey's, sold as British"),
        pytest.param("+447700900123", ("GB", "GG"), id="a range that nobody was given"),
    ],
)
def test_a_number_may_be_of_each_country_that_its_digits_allow(number, countries):
    found = countries_of(number)
    assert found[0] == countries[0]
    assert set(countries) <= set(found)
    assert ("DE" in found, len(found) == 1) == (False, len(countries) == 1)
    for country in countries:
        assert held(Wish(country=country), [replace(US, number=number, country="", state="")])
    assert not held(Wish(country="DE"), [replace(US, number=number, country="", state="")])


@pytest.mark.parametrize(
    ("number", "wish"),
    [
        pytest.param(replace(US, state="NY"), Wish(country="US", state="CA"), id="other state"),
        pytest.param(SG, Wish(country="US", state="CA"), id="other country"),
        pytest.param(US_HERE, Wish(FAX, country="US", state="CA"), id="cannot"),
        pytest.param(replace(US, forward_to=ELSEWHERE), Wish(country="US", state="CA"), id="used elsewhere"),
        pytest.param(SG_FAX_HERE, Wish(VOICE, country="SG"), id="used here, for fax"),
        pytest.param(replace(SG_FAX_HERE, mode=""), Wish(VOICE, country="SG"), id="the same, mode not told"),
    ],
)
def test_a_number_held_for_something_else_is_left_alone(number, wish):
    assert held(wish, [number]) is None


def test_a_held_number_nobody_knows_anything_about_is_asked_about_rather_than_buying():
    number = replace(US, capabilities=frozenset())
    decided = decide(Wish(country="US", state="CA"), number)
    assert decided.steps == ()
    assert "--number and --kind" in decided.refusals[0].reason


def test_a_number_that_would_do_but_points_elsewhere_is_mentioned_before_buying():
    number = replace(US, forward_to=ELSEWHERE)
    decided = decide(Wish(country="US", state="CA"), number, SG)
    assert len(decided.payments) == 1
    assert decided.left_alone == (number,)


def test_of_several_it_takes_the_one_with_the_least_to_change():
    half = replace(US, number="+14152340000", forward_to=URLS.voice)
    assert held(Wish(country="US"), [half, US, US_HERE]) == US_HERE
    assert held(Wish(country="US"), [US, half]) == half


TOLL_FREE = SubscribedNumber(
    "+18005550100",
    country="US",
    capabilities=frozenset({"VOICE", "SMS"}),
    sort=NumberSort.TOLL_FREE,
    routes=Routes(voice=URLS.voice, sms=URLS.sms),
)
LOCAL = replace(TOLL_FREE, number="+19125550100", sort=NumberSort.LOCAL)
ANY = Wish(country="US")


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        pytest.param([ANY, replace(ANY, sort=NumberSort.TOLL_FREE)], [LOCAL, TOLL_FREE], id="sort"),
        pytest.param([ANY, replace(ANY, area_code="800")], [LOCAL, TOLL_FREE], id="area code"),
        pytest.param([ANY, replace(ANY, contains="800555")], [LOCAL, TOLL_FREE], id="digits"),
        pytest.param(
            [Wish(country="US", state="CA"), Wish(SMS, country="US")],
            [US_HERE, replace(US_HERE, number="+16285550100", capabilities=frozenset({"VOICE"}))],
            id="state and kind",
        ),
        pytest.param(
            [ANY, replace(ANY, point=False, count=2)],
            [
                LOCAL,
                replace(US, forward_to=ELSEWHERE),
                replace(TOLL_FREE, overruled={Kind.SMS: Instead("it")}),
            ],
            id="wherever it points",
        ),
    ],
)
def test_nothing_is_bought_where_each_wish_can_have_a_number_that_is_held(wanted, numbers):
    assert plan(wanted, numbers, urls=URLS).refusals == ()
    assert plan(wanted[::-1], numbers[::-1], urls=URLS).refusals == ()


HELD = st.tuples(
    st.sampled_from([("415", "CA"), ("628", "CA"), ("212", "NY")]),
    st.sampled_from(NumberSort),
    st.sampled_from([VOICE, SMS, VOICE | SMS]),
    st.sampled_from([None, URLS, OLD, ELSEWHERE]),
    st.sets(st.sampled_from(["state", "sort", "kinds", "area_code", "contains"])),
)
"""A number, where it points, and by what somebody wished for it."""


def wishes_and_numbers(drawn) -> tuple[list[Wish], list[SubscribedNumber]]:
    """What is drawn by `HELD`; a number nobody wished for has None in the place of that."""
    wanted, numbers = Counter[Wish](), []
    for at, ((area, state), sort, kinds, leads, named) in enumerate(drawn):
        urls = {kind: leads.of(kind) if isinstance(leads, CallbackUrls) else leads or "" for kind in kinds}
        number = SubscribedNumber(
            f"+1{area}555010{at}",
            country="US",
            state=state,
            sort=sort,
            capabilities=frozenset(kind.upper() for kind in kinds),
            routes=Routes().leading(urls),
        )
        numbers.append(number)
        told = {"state": state, "sort": sort, "kinds": kinds, "area_code": area, "contains": str(at)}
        if named is not None:
            about = {name: told[name] for name in named}
            wanted[Wish(country="US", point=leads is not ELSEWHERE, **about)] += 1
    return [replace(wish, count=count) for wish, count in wanted.items()], numbers


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(HELD, min_size=1, max_size=8))
def test_nothing_is_bought_where_there_is_a_number_for_each_wish(drawn):
    wishes, numbers = wishes_and_numbers(drawn)
    assert plan(wishes, numbers, urls=URLS).refusals == ()


AT_TWILIO = CallbackUrls.made_with("https://receiver.example.com/", "current-key", PROVIDERS["twilio"])
HELD_AT_TWILIO = st.tuples(
    st.sampled_from([("415", "CA"), ("628", "CA"), ("212", "NY")]),
    st.sampled_from(NumberSort),
    st.sampled_from([VOICE, SMS, VOICE | SMS]),
    st.sampled_from([None, AT_TWILIO, ELSEWHERE]),
    st.none() | st.sets(st.sampled_from(["state", "sort", "kinds", "area_code", "contains"])),
)
"""Those that lead here lack what belongs beside the URLs, until they are configured."""


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(HELD_AT_TWILIO, min_size=1, max_size=8))
@example(
    [
        (("415", "CA"), NumberSort.LOCAL, VOICE, AT_TWILIO, {"state"}),
        (("212", "CA"), NumberSort.LOCAL, SMS, None, {"kinds"}),
        (("628", "CA"), NumberSort.LOCAL, SMS, None, None),
    ]
)
def test_there_is_nothing_to_do_once_a_plan_is_carried_out(drawn):
    wishes, numbers = wishes_and_numbers(drawn)
    done = {step.number: step.routes for step in plan(wishes, numbers, urls=AT_TWILIO).steps}
    after = [replace(number, routes=done.get(number.number, number.routes)) for number in numbers]
    assert plan(wishes, after, urls=AT_TWILIO).steps == ()


# --- URLs ---


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("", Target.UNSET),
        (URLS.sms, Target.HERE),
        (URLS.sms.replace("/hoiio/", "/"), Target.HERE),  # as it was spelled before there were providers
        (URLS.sms + "?app_state=menu", Target.HERE),
        (URLS.sms + "/", Target.HERE),
        (URLS.sms + "#fragment", Target.HERE),
        (URLS.sms.replace("/callbacks/", "/callbacks//").replace("/sms", "//SMS"), Target.HERE),
        (URLS.sms.replace("https://receiver", "HTTPS://RECEIVER"), Target.HERE),
        (URLS.sms.replace(".com/", ".com:443/"), Target.HERE),
        (URLS.sms.replace(".com/", ".com./"), Target.HERE),
        (URLS.sms.replace("/sms", "/%73ms").replace("/callbacks/", "/c%61llbacks/"), Target.HERE),
        (URLS.voice, Target.WRONG_KIND),
        (URLS.fax + "?app_state=menu", Target.WRONG_KIND),
        (URLS.sms + "/more", Target.WRONG_KIND),
        (OLD.sms, Target.OLDER_KEY),
        (OLD.sms + "?app_state=menu", Target.OLDER_KEY),
        (OLD.sms.replace("/hoiio/", "/"), Target.OLDER_KEY),
        (DEAD.sms, Target.DEAD_KEY),
        (DEAD.sms + "/?x=1", Target.DEAD_KEY),
        (URLS.sms.replace("https:", "http:"), Target.ELSEWHERE),
        (URLS.sms.replace(".com/", ".com:8443/"), Target.ELSEWHERE),
        ("https://[receiver/callbacks/current-key/sms", Target.ELSEWHERE),
        (ELSEWHERE, Target.ELSEWHERE),
        ("https://receiver.example.com.evil.example/callbacks/current-key/voice", Target.ELSEWHERE),
        ("https://receiver.example.com/callbacks-of-another/k/voice", Target.ELSEWHERE),
    ],
)
def test_it_knows_where_a_url_leads(url, target):
    assert URLS.target(url, Kind.SMS) is target


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST", "[0:0:0:0:0:0:0:1]"])
def test_this_machine_has_one_address(host):
    ours = CallbackUrls.made_with("http://127.0.0.1:8000/", "current-key")
    assert ours.target(f"http://{host}:8000/callbacks/current-key/voice", Kind.VOICE) is Target.HERE
    assert ours.target(f"http://{host}:8001/callbacks/current-key/voice", Kind.VOICE) is Target.ELSEWHERE


def test_the_query_that_the_owner_put_there_stays():
    number = replace(US, forward_to=OLD.voice + "?app_state=menu", forward_sms_to=ELSEWHERE + "?theirs=1")
    moved = repointed(number, URLS)
    assert moved.routes == Routes(voice=URLS.voice + "?app_state=menu", sms=ELSEWHERE + "?theirs=1")
    taken = settings_for(Wish(number=number.number), number, URLS, take_over=True)
    assert taken.routes == Routes(voice=URLS.voice + "?app_state=menu", sms=URLS.sms)


def test_what_leads_here_in_another_spelling_is_left_as_it_is():
    number = replace(US, forward_to=URLS.voice + "/?app_state=menu", forward_sms_to=URLS.sms + "#x")
    assert repointed(number, URLS) is None
    assert settings_for(Wish(number=number.number), number, URLS, take_over=False).holds(number)


def test_kinds_that_were_swapped_are_set_right():
    number = replace(US, forward_to=URLS.sms, forward_sms_to=URLS.voice)
    step = settings_for(Wish(number=number.number), number, URLS, take_over=False)
    assert step.routes == Routes(voice=URLS.voice, sms=URLS.sms)


def test_the_callback_key_is_masked():
    assert masked_url(URLS.voice) == "https://receiver.example.com/callbacks/•••/hoiio/voice"
    assert masked_url(f"{URLS.sms}?a=1") == "https://receiver.example.com/callbacks/•••/hoiio/sms?a=1"
    assert masked_url(ELSEWHERE) == ELSEWHERE


@pytest.mark.parametrize(
    "path",
    [
        "callbacks//current-key//Voice",
        "c%61llbacks/current-key/voice",
        "callbacks/current-key",
        "callbacks%2Fcurrent-key/",
    ],
)
def test_the_callback_key_is_masked_however_the_url_is_spelled(path):
    assert "current-key" not in masked_url(f"https://receiver.example.com/{path}")


@pytest.mark.parametrize("path", ["", "callbacks/x"])
@pytest.mark.parametrize("times", [1, 2])
def test_the_callback_key_is_masked_in_the_query_of_another_url(path, times):
    key = "a-key-that-is-long-enough"
    ours = f"https://receiver.example.com/callbacks/{key}/voice"
    for _ in range(times):
        ours = quote(ours, safe="")
    assert key not in masked_url(f"https://gateway.example.com/{path}?to={ours}")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pw@other.example.com/in?token=t#x", "other.example.com/in"),
        ("http://[broken/in", "[broken/in"),
        (URLS.voice, "receiver.example.com/callbacks/•••/hoiio/voice"),
        ("", ""),
    ],
)
def test_a_url_is_shown_without_its_secrets(url, shown):
    assert shown_url(url) == shown


# --- Places ---

COUNTRIES = (
    Country("US", "USA", "1", (State("CA", "California"), State("NY", "New York"))),
    Country("SG", "Singapore", "65"),
)


@pytest.mark.parametrize("text", ["US", "us", "usa", "United States", " USA "])
def test_a_country_goes_by_code_or_name(text):
    assert find_country(COUNTRIES, text).code == "US"


@pytest.mark.parametrize(
    ("find", "hint"),
    [
        (lambda: find_country(COUNTRIES, "Singapoor"), r"Did you mean Singapore \(SG\)"),
        (lambda: find_country(COUNTRIES, "Atlantis"), "receiver numbers countries"),
        (lambda: find_state(COUNTRIES[0], "Califronia"), r"Did you mean California \(CA\)"),
        (lambda: find_state(COUNTRIES[1], "CA"), "not sold by state"),
    ],
)
def test_a_place_that_is_not_there_is_named_with_a_hint(find, hint):
    with pytest.raises(NoSuchPlace, match=hint):
        find()


# --- apply, against the simulator ---


@pytest.fixture
def simulator():
    with SimulatorServer(Settings(rate_limit=0, resolve_hosts=False)) as server:
        yield server


@pytest.fixture
def client(simulator) -> HoiioClient:
    return HoiioClient("sim-app", "sim-token", simulator.open_url, sleep=lambda _: None, timeout=(2, 1))


@pytest.fixture
def engine(tmp_path):
    engine = connect(databases.new_file(tmp_path / "receiver.db"))
    yield engine
    engine.dispose()


class Clock:
    """A time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.slept = datetime.now(UTC), 0.0

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.slept += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(engine, clock):
    journal = Journal(engine, "account", clock=lambda: clock.now)
    with journal.lease():
        yield journal


@pytest.fixture
def run(client, journal, clock):
    """One run of setup: survey, plan, apply."""

    def run(*wanted: Wish, **options):
        found = survey(client, Shop(client), journal, wanted, URLS, sleep=clock.sleep)
        decided = plan(
            wanted,
            found.active,
            urls=URLS,
            offers=found.offers,
            unsettled=found.unsettled,
            balance=found.balance,
            **options,
        )
        return decided, list(apply(decided, client, journal, sleep=clock.sleep))

    return run


@pytest.fixture
def plan_for(client, journal):
    def plan_for(*wanted: Wish, **options) -> Plan:
        found = survey(client, Shop(client), journal, wanted, URLS)
        return plan(wanted, found.active, urls=URLS, offers=found.offers, **options)

    return plan_for


CA = Wish(country="US", state="CA")


def test_it_buys_configures_and_reads_back(simulator, run):
    _, done = run(CA)
    assert [(type(step.step), step.outcome) for step in done] == [
        (Subscribe, StepOutcome.DONE),
        (Configure, StepOutcome.DONE),
    ]
    (number,) = simulator.account["numbers"]
    assert (number["forward_to"], number["forward_sms_to"], number["mode"]) == (URLS.voice, URLS.sms, "voice")
    assert done[-1].number.number == number["number"]


@pytest.mark.parametrize(
    "wish",
    [CA, Wish(country="US"), Wish(FAX, country="SG"), Wish(country="MY"), Wish(number="+6565311237"),
     Wish(number="+14152341237"), Wish(country="HK", count=3), Wish(country="SG", point=False)],
    ids=str,
)  # fmt: skip
def test_the_second_run_finds_nothing_to_do(simulator, run, wish):
    run(wish)
    decided, done = run(wish)
    assert (decided.steps, len(decided.ready), done) == ((), wish.count, [])
    assert len(simulator.purchases) == wish.count


def test_wishes_for_one_place_get_numbers_of_their_own(simulator, run):
    """Every number of Singapore can do both, so each wish would be content with the other one's."""
    wanted = [Wish(VOICE, country="SG", count=2), Wish(FAX, country="SG"), Wish(number="+6565311237")]
    for _ in range(2):
        run(*wanted)
        modes = [number["mode"] for number in simulator.account["numbers"]]
        assert sorted(modes) == ["fax", "voice", "voice", "voice"]
    assert len(simulator.purchases) == 4


def test_a_wish_that_is_half_fulfilled_gets_the_rest(simulator, run):
    run(CA)
    decided, _ = run(replace(CA, count=3))
    assert (len(decided.ready), len(decided.payments)) == (1, 2)
    assert len(simulator.purchases) == 3


def test_too_few_for_sale_is_said_and_what_there_is_is_bought(simulator, run):
    simulator.control.set_balance("1000.00")
    decided, done = run(Wish(country="VN", count=30))
    assert decided.refusals[0].reason == "only 25 of 30 numbers are for sale there"
    # The last of them turns out to be somebody else's.
    assert [step.outcome for step in done].count(StepOutcome.FAILED) == 1
    assert len(simulator.purchases) == 24


def test_many_numbers_that_are_too_dear_are_refused_in_one_sentence(simulator, run):
    decided, _ = run(Wish(country="VN", count=7))
    (refusal,) = decided.refusals
    assert refusal.subject == "7 numbers"
    assert "cost SGD 105.00, and the account has SGD 100.00" in refusal.reason
    assert simulator.purchases == []


@pytest.mark.parametrize("fault", ["lost-answer", "garbage"])
def test_a_lost_answer_to_a_purchase_is_one_purchase(simulator, run, fault):
    simulator.control.fault("number/subscribe", fault)
    _, done = run(CA)
    assert [step.outcome for step in done] == [StepOutcome.FOUND, StepOutcome.DONE]
    assert len(simulator.purchases) == 1


def test_a_purchase_that_did_not_happen_is_made_by_the_next_run(simulator, run, clock):
    simulator.control.fault("number/subscribe", "error-500")
    _, done = run(CA)
    assert [step.outcome for step in done] == [StepOutcome.FAILED, StepOutcome.SKIPPED]
    assert "look at the numbers held" in done[0].detail
    assert simulator.purchases == []

    _, done = run(CA)
    assert [step.outcome for step in done] == [StepOutcome.DONE, StepOutcome.DONE]
    assert len(simulator.purchases) == 1
    assert clock.slept > 100  # it could still have come true


def test_two_plans_for_the_same_number_buy_it_once(simulator, client, journal, plan_for):
    first, second = plan_for(CA), plan_for(CA)
    list(apply(first, client, journal))
    assert [step.outcome for step in apply(second, client, journal)] == [StepOutcome.FOUND, StepOutcome.DONE]
    assert len(simulator.purchases) == 1


@pytest.mark.parametrize(
    "theirs", [{}, {"forward_to": ELSEWHERE, "mode": "voice"}, {"forward_sms_to": ELSEWHERE}]
)
def test_what_somebody_else_buys_meanwhile_keeps_what_they_set(simulator, client, journal, plan_for, theirs):
    decided = plan_for(replace(CA, kinds=VOICE))
    bought = simulator.subscribe("US", "CA", **theirs)
    assert [(step.step.number, step.outcome) for step in apply(decided, client, journal)] == [
        (bought, StepOutcome.FOUND),
        (bought, StepOutcome.SKIPPED if theirs else StepOutcome.DONE),
    ]
    number = simulator.account["numbers"][0]
    for name in ("forward_to", "forward_sms_to"):
        assert not theirs or number[name] == theirs.get(name, "")


@pytest.mark.parametrize("fault", ["lost-answer", "garbage", "error-500"])
def test_a_lost_answer_to_configuring_is_looked_into(simulator, run, fault):
    simulator.control.fault("number/update_forwarding", fault)
    _, done = run(CA)
    assert done[-1].outcome in (StepOutcome.DONE, StepOutcome.FOUND)
    assert simulator.account["numbers"][0]["forward_sms_to"] == URLS.sms


def test_a_refusal_concerns_one_number_and_the_others_go_on(simulator, run):
    taken, free = Wish(number="+14152349999"), Wish(number="+14152341237")
    _, done = run(taken, free)
    assert [(step.step.number, step.outcome) for step in done] == [
        (taken.number, StepOutcome.FAILED),
        (taken.number, StepOutcome.SKIPPED),
        (free.number, StepOutcome.DONE),
        (free.number, StepOutcome.DONE),
    ]
    assert [entry["number"] for entry in simulator.purchases] == [free.number]


def test_after_any_other_failure_the_rest_is_skipped(simulator, run):
    simulator.control.fault("number/subscribe", "status:error_service_not_available")
    _, done = run(Wish(number="+14152341237"), Wish(number="+6565311237"))
    assert [step.outcome for step in done] == [StepOutcome.FAILED, *[StepOutcome.SKIPPED] * 3]
    assert simulator.purchases == []


def test_what_was_configured_before_a_failure_is_read_back_all_the_same(simulator, run):
    wanted = Wish(number="+14152341237"), Wish(number="+6565311237")
    simulator.control.fault("number/subscribe", "slow", seconds=0.0)
    simulator.control.fault("number/subscribe", "status:error_service_not_available")
    _, done = run(*wanted)
    assert [step.outcome for step in done] == [
        StepOutcome.DONE,
        StepOutcome.FAILED,
        StepOutcome.DONE,
        StepOutcome.SKIPPED,
    ]
    assert done[2].number.routes.voice == URLS.voice


def test_no_credit_buys_nothing(simulator, run):
    simulator.control.set_balance("3.99")
    decided, _ = run(CA)
    assert decided.steps == ()
    assert simulator.purchases == []


def test_a_quote_that_was_too_low_stops_at_the_limit(simulator, client, journal):
    wanted = [Wish(number="+14152341237"), Wish(number="+14152349156")]
    found = survey(client, Shop(client), journal, wanted, URLS)
    cheap = replace(RATES, entries=(Rate(1, Decimal("2.00")),))
    offers = {
        wish: Offers(tuple(replace(offer, rates=cheap) for offer in offered.found))
        for wish, offered in found.offers.items()
    }
    decided = plan(wanted, found.active, urls=URLS, offers=offers, max_cost=Decimal("5.00"))

    done = list(apply(decided, client, journal))

    assert "not 2.00 as quoted" in done[0].detail
    assert done[1].outcome is StepOutcome.FAILED or done[2].outcome is StepOutcome.FAILED
    assert len(simulator.purchases) == 1


def extension(client: HoiioClient, duration: Duration) -> Extend:
    (was,) = client.subscribed_numbers()
    return Extend(was.number, was.country, was.state, duration, Decimal("24.00"), "SGD", was)


def test_extending_is_once_too(simulator, client, journal, clock):
    simulator.subscribe("SG")
    step = extension(client, Duration.THREE_MONTHS)
    simulator.control.fault("number/subscribe", "lost-answer")

    done = pay(step, client, journal, sleep=clock.sleep)

    assert done.expiry > step.was.expiry
    assert [entry["kind"] for entry in simulator.purchases] == ["subscribe", "extend"]


def test_an_extension_that_did_not_happen_is_said_to_be_unknown(simulator, client, journal, clock):
    simulator.subscribe("SG")
    simulator.control.fault("number/subscribe", "error-500")
    with pytest.raises(OutcomeUnknown):
        pay(extension(client, Duration.ONE_MONTH), client, journal, sleep=clock.sleep)
    assert len(simulator.purchases) == 1


@pytest.mark.parametrize("seconds", ["61", "86400", "9" * 400])
def test_a_purchase_is_not_tried_again_where_the_provider_asks_for_a_long_wait(journal, clock, seconds):
    with responses.RequestsMock() as provider:
        provider.post(
            "https://provider.example/open/number/subscribe",
            json={"status": "error_rate_limit_exceeded"},
            headers={"Retry-After": seconds},
        )
        client = HoiioClient("sim-app", "sim-token", "https://provider.example/open/")
        step = Subscribe("+6565311237", "SG", "", Duration.ONE_MONTH, Decimal("8.00"), "SGD")
        with pytest.raises(TryLater, match="nothing was done"):
            pay(step, client, journal, sleep=clock.sleep)
    assert (clock.slept, journal.unsettled()) == (0, ())


def test_a_key_is_exchanged_and_everything_else_stays(simulator, client, journal, clock):
    """What a rotation of the key does to a number."""
    fax = simulator.subscribe("SG", forward_to=OLD.fax, mode="fax")
    sms = simulator.subscribe("US", "CA", forward_to=ELSEWHERE, forward_sms_to=OLD.sms, mode="voice")
    for number in client.subscribed_numbers():
        (done,) = repoint([number], URLS, client, journal, sleep=clock.sleep)
        assert done.outcome is StepOutcome.DONE
        assert not list(repoint([done.number], URLS, client, journal, sleep=clock.sleep))
    held = {entry["number"]: entry for entry in simulator.account["numbers"]}
    assert (held[fax]["forward_to"], held[fax]["mode"]) == (URLS.fax, "fax")
    assert (held[sms]["forward_to"], held[sms]["forward_sms_to"]) == (ELSEWHERE, URLS.sms)


@pytest.mark.parametrize(
    ("number", "state", "reason"),
    [
        ("+14152340000", "", "not for sale in California"),
        ("+14152341237", "NY", "not for sale in New York"),
        ("+6565310000", "", "receiver numbers available SG"),
        ("+18005550000", "", "add the state"),
        ("+4930123456", "", "calling code"),
    ],
)
def test_a_number_that_is_not_for_sale_is_explained(client, number, state, reason):
    offered = Shop(client).number(number, state)
    assert offered.found == ()
    assert reason in offered.shortage


# --- Many numbers: no more requests than needed, and none more than the provider takes ---


def test_200_numbers_take_as_many_requests_as_they_need(engine):
    """Time moves on only where somebody waits for it, at the provider, too."""
    settings = Settings(resolve_hosts=False, max_subscriptions=500, balance=Decimal(2000))
    with SimulatorServer(settings) as simulator:
        slept: list[float] = []

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            simulator.control.advance(seconds / 86_400)

        def now() -> float:
            return time.monotonic() + sum(slept)

        client = HoiioClient("sim-app", "sim-token", simulator.open_url, sleep=sleep, clock=now)
        journal = Journal(engine, "account", clock=lambda: datetime.now(UTC) + timedelta(seconds=sum(slept)))
        wanted = [Wish(VOICE | SMS, country="US", state=state, count=50) for state in ("CA", "NY", "TX")]
        named = client.every_available_number("US", "FL")
        wanted += [Wish(number=next(named).number) for _ in range(40)]
        wanted += [Wish(FAX, country="HK", count=10)]
        before = Counter(simulator.account["requests"])

        with journal.lease():
            found = survey(client, Shop(client), journal, wanted, URLS, sleep=sleep)
            decided = plan(wanted, found.active, urls=URLS, offers=found.offers)
            done = list(apply(decided, client, journal, sleep=sleep))
            requests = Counter(simulator.account["requests"]) - before
            again = survey(client, Shop(client), journal, wanted, URLS, sleep=sleep)
        assert len(simulator.purchases) == 200

    assert [step.outcome for step in done] == [StepOutcome.DONE] * 400
    assert again.offers == {}
    # One is refused by which the provider's pace is found out; then nothing is refused any more.
    assert requests["number/subscribe"] == 201
    assert requests["number/update_forwarding"] <= 201
    assert requests["number/get_choices"] == 3 * 3 + 2 + 1
    assert requests["number/get_active"] == 3  # to decide, before paying, and to read back
    assert (requests["number/get_countries"], requests["number/get_rates"]) == (1, 2)
    assert 160 < sum(slept) < 240  # at 60 a minute it cannot be done in much less
