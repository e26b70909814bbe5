"""Whatever happens to a run of setup, the next one goes on from there, and nothing is paid twice.

The simulator's ledger is the witness.
"""

import os
import signal
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import databases
import killable
import pytest
from conftest import KEY, ON_BOTH, on_sqlite
from rehearsed import REHEARSED
from sqlalchemy import select

from receiver.db.engine import connect
from receiver.models import SetupStep
from receiver.providers.errors import UnexpectedAnswer
from receiver.providers.market import Duration
from receiver.setup.apply import StepOutcome, apply
from receiver.setup.catalogue import Shop
from receiver.setup.journal import Ending, Journal, SetupError
from receiver.setup.plan import Subscribe
from receiver.setup.planning import plan
from receiver.setup.survey import survey
from receiver.simulator.hoiio.server import SimulatorServer
from receiver.simulator.hoiio.settings import Settings

database_url = on_sqlite

HOIIO = REHEARSED[0]
URLS, (CA, SG) = HOIIO.urls, HOIIO.wishes
STEP = Subscribe("+6565311237", "SG", "", Duration.ONE_MONTH, Decimal("8.00"), "SGD")


class Clock:
    """A time that passes only when somebody sleeps; the simulator's passes with it."""

    def __init__(self) -> None:
        self.begun, self.slept, self.simulator = datetime.now(UTC), 0.0, None

    def now(self) -> datetime:
        return self.begun + timedelta(seconds=self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        if self.simulator and seconds:
            self.simulator.control.advance(seconds / 86_400)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def engine(database_url):
    engine = connect(database_url.replace("postgresql://", "postgresql+psycopg://"))
    yield engine
    engine.dispose()


@pytest.fixture
def simulator(clock):
    with SimulatorServer(Settings(rate_limit=0, resolve_hosts=False)) as server:
        clock.simulator = server
        yield server


def run(simulator, engine, clock, *wanted, wait=True, account="account", of=HOIIO, shop=None):
    """One run of setup, with a client and a journal of its own."""
    client, market = of.client(simulator, clock.sleep), of.provider.market
    journal, shop = Journal(engine, account, clock=clock.now), shop or Shop(client, market)
    with journal.lease(sleep=clock.sleep):
        found = survey(client, shop, journal, wanted, of.urls, wait=wait, sleep=clock.sleep)
        decided = plan(
            wanted,
            found.active,
            urls=of.urls,
            offers=found.offers,
            unsettled=found.unsettled,
            market=market,
        )
        return decided, list(apply(decided, client, journal, market, sleep=clock.sleep))


def entries(engine):
    with engine.connect() as connection:
        return [
            (row.action, row.outcome) for row in connection.execute(select(SetupStep).order_by(SetupStep.id))
        ]


# --- What is written ---


@ON_BOTH
def test_each_step_is_written_with_what_became_of_it(simulator, engine, clock):
    simulator.control.fault("number/update_forwarding", "status:error_forward_to_invalid")
    run(simulator, engine, clock, CA, SG)
    assert entries(engine) == [
        ("subscribe", "held"),
        ("configure", "not done"),
        ("subscribe", "held"),
        ("configure", "done"),
    ]
    run(simulator, engine, clock, CA, SG)
    assert entries(engine)[4:] == [("configure", "done")]


@ON_BOTH
def test_a_step_is_written_before_it_is_sent(engine, clock):
    journal = Journal(engine, "account", clock=clock.now)
    with journal.lease():
        journal.begin(STEP)
        (attempt,) = journal.unsettled()
    assert (attempt.number, attempt.country, attempt.confirmed) == ("+6565311237", "SG", False)
    assert Journal(engine, "another account").unsettled() == ()


@ON_BOTH
def test_amounts_are_kept_exactly(engine, clock):
    journal = Journal(engine, "account", clock=clock.now)
    with journal.lease():
        journal.begin(STEP)
    with engine.connect() as connection:
        assert connection.execute(select(SetupStep.price)).scalar_one() == Decimal("8.00")


@ON_BOTH
def test_a_number_is_of_the_place_that_it_was_bought_as(engine, clock):
    """Whatever its digits say: Twilio lists neither."""
    journal = Journal(engine, "account", clock=clock.now)
    with journal.lease():
        for number, state, ending in (
            ("+14152340001", "NY", Ending.HELD),
            ("+14152340002", "CA", Ending.BOUGHT),
            ("+14152340003", "TX", Ending.NOT_DONE),
        ):
            journal.end(journal.begin(replace(STEP, number=number, country="US", state=state)), ending)
    assert journal.places() == {"+14152340001": ("US", "NY"), "+14152340002": ("US", "CA")}
    assert Journal(engine, "another account").places() == {}


# --- One at a time ---


@ON_BOTH
def test_only_one_may_be_at_work(engine, clock):
    """While it lives; the other one is told who it is, and waits no longer than it takes to see."""
    first, second = (Journal(engine, "account", clock=clock.now) for _ in range(2))
    said = []

    def renewed_meanwhile(seconds):
        clock.sleep(seconds)
        first._take()

    with (
        first.lease(),
        pytest.raises(SetupError, match=f"process {os.getpid()} on .* is at work"),
        second.lease(sleep=renewed_meanwhile, say=said.append),
    ):
        pass
    assert "Waiting 30 s to see which" in said[0]
    with second.lease(sleep=clock.sleep, say=said.append):
        pass
    assert len(said) == 1


@ON_BOTH
def test_the_lease_of_a_dead_run_runs_out(engine, clock):
    dead, next_one = (Journal(engine, "account", clock=clock.now) for _ in range(2))
    assert dead._take() is None
    with next_one.lease(sleep=clock.sleep):
        assert 29 < clock.slept < 31
        with pytest.raises(SetupError, match="another one took over"):
            dead.begin(STEP)  # it was only asleep, and wakes up now
    assert entries(engine) == []


@ON_BOTH
def test_a_lease_is_renewed_as_long_as_the_run_lasts(engine, monkeypatch):
    monkeypatch.setattr("receiver.setup.journal.LEASE_SECONDS", 0.3)
    first, second = Journal(engine, "account"), Journal(engine, "account")
    with first.lease():
        for _ in range(3):
            with pytest.raises(SetupError), second.lease():
                pass
        first.begin(STEP)


@ON_BOTH
def test_of_many_at_once_one_buys(simulator, engine, clock):
    results = []

    def one():
        try:
            results.append(run(simulator, engine, Clock(), CA)[1])
        except SetupError as error:
            results.append(error)

    threads = [threading.Thread(target=one) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 5
    assert len(simulator.purchases) == 1


# --- Resumed after a death: the same run, killed at every moment ---


@pytest.mark.slow
@pytest.mark.parametrize("of", REHEARSED, ids=lambda of: of.provider.name)
def test_a_run_that_is_killed_at_any_moment_is_resumed(tmp_path, of):
    """After each request and each entry in the journal, for one number; for two see the lost answers."""
    end, moments = _killed(of, tmp_path, None)
    first = moments.index("after writing that Subscribe begins")
    assert (len(end), moments.count("after writing that Subscribe begins")) == (1, 1)
    assert len(moments) - first > 3
    # From the last question before it: what is asked earlier changes nothing, too.
    for deadly in range(first - 1, len(moments)):
        held, passed = _killed(of, tmp_path, deadly)
        assert passed == moments[: deadly + 1]
        assert held == end, moments[deadly]


def _killed(of, tmp_path, deadly):
    """Kill a run at a moment and run again; what is held then, and the moments of the first run."""
    folder = tmp_path / f"{deadly}"
    folder.mkdir()
    database_url = databases.new_file(folder / "receiver.db")
    options = [*of.options, "--yes"]
    with of.server() as simulator:
        env = of.settings(simulator) | {
            "PUBLIC_URL": "http://127.0.0.1:1/",
            "CALLBACK_KEYS": KEY,
            "DATABASE_URL": database_url,
            "SPOOL_DIR": f"{folder}/spool",
            "NO_PROXY": "*",
        }
        code, moments = killable.setup(env, options, folder / "log", deadly)
        if deadly is not None:
            assert code == -signal.SIGKILL
            code, _ = killable.setup(env, options, folder / "log")
        assert code == 0
        held = of.held(simulator)
        bought = [entry["number"] for entry in simulator.purchases]
        assert len(set(bought)) == len(bought) == len(held)
    return held, moments


# --- Resumed after a lost answer: each answer of the run, one at a time ---


@pytest.mark.parametrize("fault", ["lost-answer", "error-500", "garbage"])
@pytest.mark.parametrize("of", REHEARSED, ids=lambda of: of.provider.name)
def test_whichever_answer_is_lost_the_end_is_the_same(tmp_path, of, fault):
    engine = connect(databases.new_file(tmp_path / "receiver.db"))
    end, requests = _with_lost_answer(of, engine, None)
    assert sum(requests.values()) > 8
    for endpoint, times in requests.items():
        for lost in range(1, times + 1):
            held, _ = _with_lost_answer(of, engine, (endpoint, lost, fault))
            assert held == end, f"lost answer {lost} of {endpoint}"
    engine.dispose()


def _with_lost_answer(of, engine, lost):
    """Two runs, the first one with a fault; what is held in the end, and the requests of the first run."""
    clock = Clock()
    with of.server() as simulator:
        clock.simulator = simulator
        if lost:
            endpoint, at, fault = lost
            if at > 1:
                simulator.control.fault(endpoint, "slow", times=at - 1, seconds=0.0)
            simulator.control.fault(endpoint, fault)
        with suppress(UnexpectedAnswer):  # an unreadable answer to a question: nothing was done yet
            run(simulator, engine, clock, *of.wishes, account=f"{lost}", of=of)
        requests = simulator.account["requests"]
        run(simulator, engine, clock, *of.wishes, account=f"{lost}", of=of)
        assert len(simulator.purchases) == 2
        return of.held(simulator), requests


# --- A provider that takes its time to show what was bought ---


@pytest.mark.parametrize("delay", [30, 100])
@pytest.mark.parametrize("fault", ["lost-answer", "slow"])
def test_a_number_that_is_shown_late_is_waited_for(engine, delay, fault):
    """The run after it is for any number of the place, and could choose another one."""
    clock = Clock()
    with SimulatorServer(Settings(rate_limit=0, resolve_hosts=False, listing_delay=delay)) as simulator:
        clock.simulator = simulator
        simulator.control.fault("number/subscribe", fault, **({"seconds": 0.0} if fault == "slow" else {}))
        run(simulator, engine, clock, CA)
        decided, _ = run(simulator, engine, clock, CA)
        assert decided.payments == ()
        assert decided.refusals == ()
        assert len(simulator.purchases) == 1
        assert simulator.account["numbers"][0]["forward_to"] == URLS.voice


@pytest.mark.parametrize(
    ("fault", "sentence"), [("lost-answer", "neither lists nor sells"), ("slow", "support")]
)
def test_a_number_that_is_not_shown_for_long_blocks_its_place_until_it_is_settled(engine, fault, sentence):
    clock = Clock()
    with SimulatorServer(Settings(rate_limit=0, resolve_hosts=False, listing_delay=3600)) as simulator:
        clock.simulator = simulator
        simulator.control.fault("number/subscribe", fault, **({"seconds": 0.0} if fault == "slow" else {}))
        run(simulator, engine, clock, CA)
        for _ in range(2):
            decided, _ = run(simulator, engine, clock, CA, SG)
            assert sentence in decided.refusals[0].reason
        # Another place is not concerned; its own number is not shown either.
        assert [entry["number"][:3] for entry in simulator.purchases] == ["+14", "+65"]

        clock.sleep(3600)
        decided, _ = run(simulator, engine, clock, CA, SG)
        assert (decided.refusals, len(simulator.purchases)) == ((), 2)


def test_a_purchase_is_not_judged_by_what_was_for_sale_before_it(engine):
    """A question at the terminal lists numbers, while the answer of the run before is still open."""
    clock = Clock()
    with SimulatorServer(Settings(rate_limit=0, resolve_hosts=False, listing_delay=3600)) as simulator:
        clock.simulator = simulator
        shop = Shop(HOIIO.client(simulator, clock.sleep))
        before = {entry.number for entry in shop.numbers("US", "CA")}
        simulator.control.fault("number/subscribe", "lost-answer")
        run(simulator, engine, clock, CA)
        decided, _ = run(simulator, engine, clock, CA, shop=shop)
        (bought,) = (entry["number"] for entry in simulator.purchases)
        assert bought in before
        assert "neither lists nor sells" in decided.refusals[0].reason


def test_a_dry_run_does_not_wait_and_does_not_guess(simulator, engine, clock):
    journal = Journal(engine, "account", clock=clock.now)
    with journal.lease():
        journal.begin(STEP)
    decided, _ = run(simulator, engine, clock, SG, wait=False)
    assert "not known yet" in decided.refusals[0].reason
    assert clock.slept == 0


@ON_BOTH
def test_a_purchase_that_was_never_sent_is_found_out(simulator, engine, clock):
    journal = Journal(engine, "account", clock=clock.now)
    with journal.lease():
        journal.begin(STEP)
    _, done = run(simulator, engine, clock, SG)
    assert done[-1].outcome is StepOutcome.DONE
    assert entries(engine)[0] == ("subscribe", Ending.NOT_DONE)
    assert len(simulator.purchases) == 1
