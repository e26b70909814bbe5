"""Dial: another party is called, and the caller talks to it if it answers."""

from receiver.simulator.urls import resolved

from .account import new_sid
from .callers import Leg
from .clock import stamp
from .recording import keep
from .records import Call
from .talk import HungUp, Next, Talk, action
from .twiml import Verb

_RINGS = 2
"""Seconds until somebody answers, or the line turns out to be busy."""

_NO_RECORDING = ("do-not-record", "false")


def dial(talk: Talk, verb: Verb, url: str) -> Next | None:
    """Call the first party that is named; what becomes of it is the caller's order."""
    party = verb.nouns[0] if verb.nouns else Verb("Number", text=verb.text)
    leg = talk.caller.legs.popleft() if talk.caller.legs else Leg()
    sid, gone, status, seconds = new_sid("CA"), None, leg.status, 0
    try:
        talk.spend(verb.whole("timeout", 30) if leg.status == "no-answer" else _RINGS)
    except HungUp as end:
        gone, status = end, "canceled"
    begun = talk.course.seconds
    if status == "answered":
        status = "completed"
        try:
            talk.spend(min(leg.seconds, verb.whole("timeLimit", 14_400)))
        except HungUp as end:
            gone = end
        seconds = int(talk.course.seconds - begun)
    answered = status == "completed"
    talk.course.step("Dial", to=party.text, status=status, seconds=seconds)
    found = {"DialCallStatus": status, "DialBridged": "true" if answered else "false"}
    if party.name not in ("Conference", "Queue"):
        _keep_leg(talk, sid, party, caller_id=verb.get("callerId"), status=status, seconds=seconds)
        _report_leg(talk, sid, party, url, status=status, seconds=seconds)
        found |= {"DialCallSid": sid} | ({"DialCallDuration": str(seconds)} if answered else {})
    if answered and verb.get("record", "do-not-record") not in _NO_RECORDING:
        found["RecordingUrl"] = keep(talk, verb, url, "DialVerb", seconds)["RecordingUrl"]
    step = action("dial", verb, url, found) if verb.get("action") else None
    if gone:
        if step:
            talk.tell(step)
        raise gone
    return step


def _keep_leg(talk: Talk, sid: str, party: Verb, *, caller_id: str, status: str, seconds: int) -> None:
    with talk.provider.account() as (account, now):
        account.calls[sid] = Call(
            sid=sid,
            from_=caller_id or talk.call.from_,
            to=party.text,
            direction="outbound-dial",
            phone_number_sid="",
            date_created=stamp(now),
            date_updated=stamp(now),
            status=status,
            start_time=stamp(now),
            end_time=stamp(now),
            duration=seconds,
            parent_call_sid=talk.call.sid,
        )


def _report_leg(talk: Talk, sid: str, party: Verb, url: str, *, status: str, seconds: int) -> None:
    """Report the events that the noun asks for, in the order in which they happened."""
    callback = party.get("statusCallback")
    if not callback:
        return
    statuses = {
        "initiated": "initiated",
        "ringing": "ringing",
        "answered": "in-progress",
        "completed": status,
    }
    if status != "completed":
        del statuses["answered"]
    chosen = party.get("statusCallbackEvent", "completed").split()
    about = {
        "CallSid": sid,
        "ParentCallSid": talk.call.sid,
        "To": party.text,
        "Called": party.text,
        "Direction": "outbound-dial",
    }
    for sequence, event in enumerate(event for event in statuses if event in chosen):
        told = talk.usual | about | {"CallStatus": statuses[event]}
        told |= progress(sequence, seconds if event == "completed" else None, talk.now())
        method = party.get("statusCallbackMethod", "POST")
        talk.report("dial-status", resolved(url, callback), method, told)


def progress(sequence: int, seconds: int | None, timestamp: str) -> dict[str, str]:
    """What a status callback of a call adds; the length is told at the end only."""
    length = {"CallDuration": str(seconds), "Duration": str(-(-seconds // 60))} if seconds is not None else {}
    return length | {
        "Timestamp": timestamp,
        "CallbackSource": "call-progress-events",
        "SequenceNumber": str(sequence),
    }
