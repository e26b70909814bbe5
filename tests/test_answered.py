"""Whether a call was answered: the database and the call that is read say the same of every call."""

import random

from conftest import KEY

from receiver.search.calls import CallLog
from receiver.search.events import EventLog
from receiver.search.query import Search
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


def test_the_database_and_the_call_agree(client, app):
    choice = random.Random(11)
    for number in range(CALLS):
        for body, forged in generated_call(choice, f"S{number}"):
            headers = {"X-Hoiio-Signature": "0" * 64} if forged else {}
            assert client.post(f"/callbacks/{KEY}/voice", data=body, headers=headers).status_code == 200
    engine = app.extensions["receiver"].engine
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
