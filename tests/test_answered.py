"""Whether a call was answered: the database and the call that is read say the same of every call."""

import random
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from conftest import KEY, make_config
from twilio_callbacks import SETTINGS, post

from receiver.answering import decisions
from receiver.answering.decisions import Decided
from receiver.answering.state import State
from receiver.search.calls import CallLog
from receiver.search.events import EventLog
from receiver.search.index import LogIndex
from receiver.search.query import Search
from receiver.vocabulary.answering import Dial, Gather, HangUp, Record, Say, Speech
from receiver.vocabulary.kinds import OF_WHOLE_CALLS, EventState

CALLS = 300
BLOCKS = ("answer", "gather", "play", "dial", "transfer", "hangup", "of-tomorrow", "")
STATES = ("ringing", "ongoing", "ended", "of-tomorrow", "")
PARTIES = ("answered", "busy", "unanswered", "failed", "of-tomorrow", "")


def generated_call(choice: random.Random, session: str):
    """A few notifications of one session, some of them odd, forged, or of a fax."""
    for place in range(choice.randint(1, 4)):
        body = {"session": session, "txn_ref": f"AA-{session}-{place}", "to": "+6560000001"}
        for name, values in (
            *(("ivr_block", BLOCKS), ("call_state", STATES)),
            *(("dial_status", PARTIES), ("transfer_status", PARTIES)),
        ):
            if choice.random() < 0.5:
                body[name] = choice.choice(values)
        if choice.random() < 0.2:
            body["record_url"] = "https://example.com/1.mp3"
        if choice.random() < 0.1:
            body["fax_status"] = "answered"
        yield body, choice.random() < 0.15
    if choice.random() < 0.8:
        yield {"session": session, "txn_ref": f"AA-{session}", "call_state": "ended"}, False


CALL_STATUS = ("ringing", "in-progress", "completed", "busy", "no-answer", "of-tomorrow")
DIAL_STATUS = ("completed", "busy", "no-answer", "of-tomorrow")
RECORDING_STATUS = ("completed", "absent", "failed", "in-progress")
RECORDING_SOURCE = ("RecordVerb", "DialVerb")


def generated_call_of_twilio(choice: random.Random, session: str):
    """The same of the other provider."""
    for place in range(choice.randint(1, 4)):
        body = {"CallSid": session, "CallStatus": choice.choice(CALL_STATUS), "msg": str(place)}
        for often, name, values in (
            (0.2, "Digits", ("1", "", "hangup")),
            (0.2, "DialCallStatus", DIAL_STATUS),
            (0.4, "RecordingUrl", ("https://example.com/1",)),
            (0.3, "RecordingDuration", ("0", "9")),
            (0.3, "RecordingStatus", RECORDING_STATUS),
            (0.3, "RecordingSource", RECORDING_SOURCE),
            (0.1, "ParentCallSid", (session,)),
            (0.1, "TranscriptionStatus", ("completed",)),
            (0.1, "CallbackSource", ("call-progress-events",)),
        ):
            if choice.random() < often:
                body[name] = choice.choice(values)
        yield body, choice.random() < 0.1
    if choice.random() < 0.8:
        yield {"CallSid": session, "CallStatus": choice.choice(CALL_STATUS[2:5])}, False


PROMPT = Speech("Hello", "en")
INSTRUCTIONS = (Say(PROMPT), Gather(PROMPT, 1, 5), Dial("+6591110001"), Record(60), HangUp(), None)


def generated_decisions(choice: random.Random, provider: str, session: str):
    """What the rules told a call, of which they led some."""
    if choice.random() < 0.3:
        for _ in range(choice.randint(1, 3)):
            state = State("v", "f", "f", over=choice.random() < 0.4) if choice.random() < 0.8 else None
            instruction = choice.choice(INSTRUCTIONS)
            yield Decided(provider, session, datetime.now(UTC), (), instruction, state)


@pytest.fixture
def config(database_url, tmp_path):
    return make_config(database_url, tmp_path, **SETTINGS)


def test_the_database_and_the_call_agree(client, app):
    choice = random.Random(11)
    told = []
    for number in range(CALLS):
        session = f"S{number}"
        if twilio := number % 2:
            for body, forged in generated_call_of_twilio(choice, session):
                headers = {"X-Twilio-Signature": "forged"} if forged else {}
                assert post(client, "voice", urlencode(body).encode(), **headers).status_code == 200
        else:
            for body, forged in generated_call(choice, session):
                headers = {"X-Hoiio-Signature": "0" * 64} if forged else {}
                assert client.post(f"/callbacks/{KEY}/voice", data=body, headers=headers).status_code == 200
        told += generated_decisions(choice, "twilio" if twilio else "hoiio", session)
    decisions.write(app.extensions["receiver"].engine, told)
    engine = app.extensions["receiver"].engine
    LogIndex(engine).catch_up()
    log, calls = EventLog(engine), CallLog(engine)
    found = {
        state: {event.session for event in log.every(Search(state=state, quarantined=False))}
        for state in OF_WHOLE_CALLS
    }
    read = {state: set() for state in EventState}
    for number in range(CALLS):
        if call := calls.get(f"S{number}"):
            read[call.state].add(call.session)
    assert found == {state: read[state] for state in found}
    assert min(map(len, found.values())) > CALLS / 10
