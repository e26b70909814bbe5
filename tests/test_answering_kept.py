"""What a call brings along, what survives it, and what does not: states, restarts, files, notes, SMS."""

from __future__ import annotations

import re
import threading
import time
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import databases
import pytest
import requests
from answered import CALLER, EXAMPLES, Service, service
from conftest import DATABASES, KEY, OLD_KEY, migrated_database
from hypothesis import given
from hypothesis import strategies as st
from mailserver import MailServer
from plans import MANY, fill, plan_of, reads_all
from receiving import Got, Receiving
from sqlalchemy import func, select
from test_relay import due_now, states, until, working
from test_serve import Service as Served

from receiver import current
from receiver.answering import decisions, in_force, noting, sms
from receiver.answering.decisions import Decided
from receiver.answering.noting import Noting
from receiver.answering.passed_on import LIFE, NAME, PassedOn, Unreadable
from receiver.answering.state import State
from receiver.answering.why import Cause, Why
from receiver.archive.archivist import Archivist
from receiver.models import DECISIONS, EVENTS
from receiver.providers.twilio.answers import NOTHING_MORE
from receiver.relay.target import TargetSort
from receiver.retention.erase import End, Erasure
from receiver.retention.prune import prune
from receiver.simulator.twilio.server import SimulatorServer

NOON = datetime(2026, 11, 26, 4, tzinfo=UTC)
SESSION = "CA" + "1" * 32
STATE = State("v", "voicemail", "counter", 1, 3, rounds={"back/0": 2})
RULES = (EXAMPLES / "shop.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def twilio():
    with SimulatorServer() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def number(twilio) -> str:
    return twilio.buy()


@pytest.fixture(scope="module", params=DATABASES)
def shop(request, tmp_path_factory, twilio, number):
    path = tmp_path_factory.mktemp("shop")
    with (
        migrated_database(request, path) as url,
        service(twilio, path, url, RULES.replace("+6561234567", number)) as running,
    ):
        running.take(number)
        running.at("2026-11-26 10:00")
        yield running


@pytest.fixture
def _at_ten(shop):
    shop.at("2026-11-26 10:00")


def next_url(document: str) -> str:
    found = re.search(r"(?:<Redirect>|action=\")([^<\"#]+)", document)
    assert found, document
    return found[1].replace("&amp;", "&")


# --- The state in a URL ---


def test_a_state_comes_back_as_it_was_by_every_key_that_is_accepted():
    keys = [OLD_KEY]
    passed = PassedOn(lambda: keys, "secret")
    token = passed.token("twilio", SESSION, STATE, NOON)
    keys.insert(0, KEY)
    assert passed.state("twilio", SESSION, token, NOON + LIFE) == STATE
    keys.remove(OLD_KEY)
    with pytest.raises(Unreadable):
        passed.state("twilio", SESSION, token, NOON)


@pytest.mark.parametrize(
    ("provider", "session", "late", "secret"),
    [
        ("hoiio", SESSION, timedelta(), "secret"),
        ("twilio", SESSION[:-1], timedelta(), "secret"),
        ("twilio", SESSION, LIFE + timedelta(seconds=1), "secret"),
        ("twilio", SESSION, timedelta(), "another"),
    ],
)
def test_a_state_is_worth_nothing_elsewhere(provider, session, late, secret):
    token = PassedOn(lambda: [KEY], "secret").token("twilio", SESSION, STATE, NOON)
    with pytest.raises(Unreadable):
        PassedOn(lambda: [KEY], secret).state(provider, session, token, NOON + late)


@given(st.text(), st.binary(), st.integers(0, 200))
def test_whatever_stands_there_is_read_or_refused(text, content, cut):
    passed = PassedOn(lambda: [KEY, OLD_KEY])
    token = passed.token("twilio", SESSION, STATE, NOON)
    for forged in (text, urlsafe_b64encode(content).decode(), token[:cut], token + text):
        if forged != token:
            with pytest.raises(Unreadable):
                passed.state("twilio", SESSION, forged, NOON)


@pytest.mark.parametrize("forge", [lambda t: t[:-1], lambda t: "A" + t[1:], lambda _: "", lambda t: t * 40])
@pytest.mark.usefixtures("_at_ten")
def test_a_call_with_a_forged_state_goes_to_its_failure_step(shop: Service, number, forge):
    begun = shop.post(shop.callback("voice"), To=number, CallStatus="ringing", CallSid=SESSION)
    base, _, token = next_url(begun).partition(f"?{NAME}=")
    shop.parts.answering.calls.gone(
        "twilio", SESSION, State("none", "", "")
    )  # as if another process had begun it
    told = shop.post(f"{base}?{NAME}={forge(token)}", To=number)
    assert "Please leave a message" in told
    assert "<Record" in told
    assert any(why.startswith("place lost") for why in shop.why(SESSION))


@pytest.mark.usefixtures("_at_ten")
def test_a_state_of_another_call_and_one_that_expired_are_worth_nothing(shop: Service, number):
    begun = shop.post(shop.callback("voice"), To=number, CallStatus="ringing")
    url = next_url(begun)
    assert "<Dial" in shop.post(url, To=number)
    assert "<Record" in shop.post(url, To=number, CallSid="CA" + "2" * 32)
    shop.at("2026-11-27 10:01")
    # This process knows where the call was: its step fails.
    assert "+6591110002" in shop.post(url, To=number)


@pytest.mark.usefixtures("_at_ten")
def test_a_stranger_hears_nothing_of_the_owners(shop: Service, number):
    begun = shop.post(shop.callback("voice"), To=number, CallStatus="ringing")
    assert shop.post(next_url(begun), To=number, forged=True) == NOTHING_MORE.body.decode()
    again = shop.post(shop.callback("voice"), To=number, CallStatus="ringing", forged=True)
    assert "Thank you for calling" in again


@pytest.mark.usefixtures("_at_ten")
def test_what_is_asked_again_is_told_again_and_noted_once(shop: Service, number):
    session = "CA" + "3" * 32
    about = {"To": number, "CallSid": session}
    begun = shop.post(shop.callback("voice"), CallStatus="ringing", **about)
    told = [shop.post(next_url(begun), **about) for _ in range(2)]
    assert told[0] == told[1]
    assert "<Dial" in told[0]
    assert len(shop.decided(session)) == 2


@pytest.mark.usefixtures("_at_ten")
def test_an_error_of_ours_is_a_polite_sentence(shop: Service, number, monkeypatch, caplog):
    def broken(*_, **__):
        raise RuntimeError("words of a caller")

    monkeypatch.setattr("receiver.answering.machine.begin", broken)
    assert "Thank you for calling" in shop.post(shop.callback("voice"), To=number, CallStatus="ringing")
    assert "words of a caller" not in caplog.text


# --- The file ---


def test_a_call_ends_by_the_rules_with_which_it_began(tmp_path, twilio, monkeypatch):
    monkeypatch.setattr(in_force, "LOOK", 0.0)
    number = "+14155550100"
    rules = RULES.replace("+6561234567", number)
    database = databases.new_file(tmp_path / "receiver.db")
    with service(twilio, tmp_path, database, rules) as office:
        office.at("2026-11-29 10:00")
        began = office.post(office.callback("voice"), To=number, CallStatus="ringing")
        assert "is closed now" in began
        office.parts.rules.refresh()
        office.rules.write_text(rules.replace("leave a message", "say it briefly"), encoding="utf-8")
        goes_on = office.post(next_url(began), To=number)
        assert "Please leave a message" in goes_on
        newer = office.post(
            office.callback("voice"), To=number, CallStatus="ringing", CallSid="CA" + "4" * 32
        )
        office.rules.write_text("nonsense", encoding="utf-8")
        assert "say it briefly" in office.post(next_url(newer), To=number, CallSid="CA" + "4" * 32)
        assert "Thank you" in office.post(next_url(goes_on), To=number, RecordingUrl="http://127.0.0.1/r")


# --- Killed, and started again ---

MENU = """
[numbers."{number}"]
calls = [{{ flow = "start" }}]
[flows]
start = [{{ say = "Hello." }}, {{ go = "menu" }}]
menu = [{{ say = "?", gather = {{ 1 = "one", 2 = "two" }}, no_input = "none", wrong_input = "none" }}]
one = [{{ say = "One." }}, "hang up"]
two = [{{ say = "Two." }}, "hang up"]
none = [{{ say = "None." }}, "hang up"]
"""


@pytest.mark.slow
def test_killed_and_restarted_in_the_middle_of_fifty_calls_each_ends_by_rule(tmp_path):
    database = databases.new_file(tmp_path / "receiver.db")

    def pass_on(got: Got) -> tuple[int, dict[str, str], bytes]:
        """Until it is answered, as a proxy does that tries again."""
        while True:
            with suppress(requests.ConnectionError):
                answer = requests.post(served.url + got.path, got.body, headers=got.headers, timeout=10)
                return answer.status_code, {"Content-Type": answer.headers["Content-Type"]}, answer.content
            time.sleep(0.25)

    with SimulatorServer() as twilio, Receiving(pass_on) as proxy:
        number, public = twilio.buy(), f"http://127.0.0.1:{proxy.port}"
        (tmp_path / "rules.toml").write_text(MENU.format(number=number), encoding="utf-8")
        account = {
            "TWILIO_ACCOUNT_SID": twilio.settings.account_sid,
            "TWILIO_AUTH_TOKEN": twilio.settings.auth_token,
            "TWILIO_API_URL": twilio.url,
            "PUBLIC_URL": public,
            "RULES": str(tmp_path / "rules.toml"),
        }
        served = Served(database, tmp_path, **account)
        served.start()
        try:
            sid = twilio.account["numbers"][0]["sid"]
            voice = f"{public}/callbacks/{KEY}/twilio/voice"
            twilio.request("POST", f"IncomingPhoneNumbers/{sid}.json", VoiceUrl=voice)

            def ring(place: int) -> tuple[str, dict]:
                keys = ["1", "2", ""][place % 3]
                return keys, twilio.control.call(f"+6590000{place:03}", number, digits=[keys])

            with ThreadPoolExecutor(50) as pool:
                calls = [pool.submit(ring, place) for place in range(50)]
                proxy.wait_for(60, 30)
                served.kill()
                assert not all(call.done() for call in calls)
                served.start()
                for keys, call in (each.result() for each in calls):
                    heard = {"1": ["?", "One."], "2": ["?", "Two."], "": ["?", "?", "None."]}[keys]
                    assert (call["heard"], call["ended"]) == (["Hello.", *heard], "hung up on")
        finally:
            served.kill()


# --- SMS ---


def replies(office: Service, number: str, sender: str, **how) -> list[str]:
    return [reply["body"] for reply in office.twilio.control.sms(sender, number, "hello", **how)["replies"]]


def test_an_sms_is_answered_once_per_sender_and_period(shop: Service, number):
    thanks = ["Thank you! We read this when the shop opens. Lim's Flowers"]
    shop.at("2026-11-26 10:00")
    assert replies(shop, number, "+6590000001") == []  # the shop is open
    shop.at("2026-11-26 20:00")
    assert replies(shop, number, "+6590000001", duplicate=2) == thanks  # what comes twice is answered alike
    assert replies(shop, number, "+6590000001") == []
    assert replies(shop, number, "+6590000002") == thanks
    assert replies(shop, number, "GRAB") == []
    shop.at("2026-11-27 07:59")
    assert replies(shop, number, "+6590000001") == []
    shop.at("2026-11-27 08:00")
    assert replies(shop, number, "+6590000001") == thanks


@pytest.mark.parametrize("word", ["STOP", "HELP", "START"])
def test_a_word_that_the_provider_answers_itself_gets_no_reply(shop: Service, number, word):
    """And the next message does, as if it had not come."""
    shop.at("2026-11-26 20:00")
    sender = f"+65900001{len(word)}{ord(word[2])}"
    told = shop.twilio.control.sms(sender, number, word, extra={"OptOutType": word})
    assert told["replies"] == []
    assert "the provider answers such a word itself" in str(shop.decided(told["sid"])[0].why[0].detail)
    assert len(replies(shop, number, sender)) == 1


def test_whoever_asks_for_no_more_messages_gets_none(shop: Service, number):
    """Also where the provider leaves such a word to us."""
    shop.at("2026-11-26 20:00")
    sender = "+6590000777"
    told = shop.twilio.control.sms(sender, number, "unsubscribe")
    assert told["replies"] == []
    assert shop.decided(told["sid"])[0].why[0].detail == sms.STOPS
    assert len(replies(shop, number, sender)) == 1


def test_another_process_knows_who_was_answered(tmp_path, twilio):
    number = twilio.buy()
    rules = RULES.replace("+6561234567", number)
    database = databases.new_file(tmp_path / "receiver.db")
    with service(twilio, tmp_path, database, rules) as office:
        office.take(number)
        office.at("2026-11-26 20:00")
        assert len(replies(office, number, CALLER)) == 1
        assert office.parts.answering.flush(10)
    with service(twilio, tmp_path, database, rules) as office:
        office.take(number)
        office.at("2026-11-26 21:00")
        for job in office.parts.answering.jobs():
            job.run()
        assert replies(office, number, CALLER) == []
        assert len(replies(office, number, "+6590000002")) == 1


# --- What stays in the log, and leaves it ---


def count(office: Service) -> int:
    return count_in(office.parts.engine)


def count_in(engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(DECISIONS)) or 0


def test_decisions_leave_the_log_with_their_call(shop: Service, number):
    shop.at("2026-11-26 10:00")
    parts = shop.parts
    one, other = (
        shop.twilio.control.call(sender, number, dial=["busy", "busy"])["sid"]
        for sender in ("+6590000011", "+6590000012")
    )
    shop.at("2026-11-26 20:00")
    shop.twilio.control.sms("+6590000011", number, "hello")
    assert len(shop.decided(one)) == len(shop.decided(other)) == 6
    with shop.app.app_context():
        store = parts.archive_store()
    Erasure(parts.engine, store, parts.spool, "+6590000011", End.EITHER).run("tests")
    assert shop.decided(one) == []
    assert len(shop.decided(other)) == 6
    with parts.engine.connect() as connection:
        assert not connection.scalar(select(DECISIONS.c.id).where(DECISIONS.c.sender == "+6590000011"))
    prune(parts.engine, timedelta(), who="tests", now=datetime.now(UTC) + timedelta(days=1))
    with parts.engine.connect() as connection:
        assert not connection.scalar(select(EVENTS.c.id))
    assert count(shop) == 0


def test_decisions_of_calls_that_the_log_does_not_have_are_swept(shop: Service, number):
    shop.at("2026-11-26 10:00")
    call = shop.twilio.control.call(CALLER, number)["sid"]
    kept = len(shop.decided(call))
    for session in ("gone-1", "gone-2"):
        parts = shop.parts
        decisions.write(parts.engine, [Decided("twilio", session, NOON, (Why(Cause.NO_RULE),))])
    decisions.sweep(shop.parts.engine, NOON + timedelta(hours=23))
    assert len(shop.decided("gone-1")) == 1
    decisions.sweep(shop.parts.engine, NOON + timedelta(days=2))
    assert (shop.decided("gone-1"), len(shop.decided(call))) == ([], kept)


def test_a_sweep_reads_no_whole_log_for_a_few_decisions(app):
    engine = app.extensions["receiver"].engine
    fill(engine)
    answered, gone = (
        Decided("hoiio", ref, NOON, (Why(Cause.RULE),), identity=ref, reply="hi", ends=("+65", "+66"))
        for ref in ("AA-SI-7", f"AA-SI-{MANY}")
    )
    decisions.write(engine, [answered, gone])
    plan = plan_of(engine, lambda: decisions.sweep(engine, NOON + timedelta(days=2)), "has_events")
    assert (len(decisions.of_session(engine, "hoiio", "AA-SI-7")), count_in(engine)) == (1, 1)
    assert not reads_all(plan), plan


def test_a_call_at_a_loss_is_given_to_one_process(shop: Service):
    engine = shop.parts.engine
    waiting = Decided("twilio", "lost", NOON, (Why(Cause.RULE),), state=STATE, open_until=NOON)
    decisions.write(engine, [waiting, Decided("twilio", "lost", NOON, (Why(Cause.LATE),))])

    def claimed(seconds: int) -> list[State]:
        now = NOON + timedelta(seconds=seconds)
        return [each.state for each in decisions.claim_overdue(engine, now, now)]

    assert claimed(0) == []
    assert (claimed(1), claimed(2)) == ([STATE], [])
    assert claimed(60) == [STATE]  # whoever had it is no more
    over = State("v", "voicemail", "counter", asked=4, over=True)
    decisions.write(engine, [Decided("twilio", "lost", NOON, (Why(Cause.HUNG_UP),), state=over)])
    assert claimed(3600) == []


def test_what_cannot_be_noted_waits_and_is_counted_when_there_is_too_much(shop: Service, monkeypatch, caplog):
    monkeypatch.setattr(noting, "LIMIT", 3)
    monkeypatch.setattr(noting, "RETRY_AFTER", 0.01)
    fails = threading.Event()
    write = decisions.write

    def failing(engine, batch):
        if not fails.is_set():
            fails.set()
            from sqlalchemy.exc import OperationalError  # noqa: PLC0415

            raise OperationalError("", {}, Exception())
        write(engine, batch)

    monkeypatch.setattr(decisions, "write", failing)
    queue = Noting(shop.parts.engine)
    for at in range(5):
        queue.add(Decided("twilio", "many", NOON + timedelta(seconds=at), (Why(Cause.NO_RULE),)))
    assert queue.flush(10)
    queue.close(10)
    assert len(shop.decided("many")) == 3
    assert "decisions were not noted" in caplog.text


@pytest.mark.slow
def test_a_voicemail_comes_by_mail_with_what_the_archive_kept(tmp_path, twilio):
    number = twilio.buy()
    with MailServer() as mail:
        settings = {"smtp_url": f"smtp://localhost:{mail.port}", "mail_from": "desk@example.com"}
        database = databases.new_file(tmp_path / "receiver.db")
        rules = RULES.replace("+6561234567", number)
        with service(twilio, tmp_path, database, rules, **settings) as office, office.app.app_context():
            office.take(number)
            office.at("2026-11-29 10:00")
            current.targets().add("desk", TargetSort.EMAIL, {"to": ["a@example.com"]}, by="tests")
            office.twilio.control.call(CALLER, number, record_seconds=3)
            Archivist.of(current.config(), current.engine()).step()
            with working():
                until(lambda: (states() and set(states()) == {"delivered"}) or bool(due_now()), 20)
    brought = [one for one in mail.taken if list(one.mail.iter_attachments())]
    (attached,) = brought[0].mail.iter_attachments()
    assert len(brought) == 1
    assert attached.get_content_type() == "audio/wav"
    assert attached.get_content().startswith(b"RIFF")
    assert f"Voicemail from {CALLER} to {number}" in brought[0].text()
