"""Dial: another party is called, and the caller talks to it if it answers."""

from receiver.simulator.urls import resolved

from .account import new_sid
from .callers import Leg
from .clock import stamp
from .recording import keep
from .records import API_VERSION, Call
from .talk import HungUp, Next, Talk, action
from .twiml import Verb

_RINGS = 2
"""Seconds until somebody answers, or the line turns out to be busy."""

_NO_RECORDING = ("do-not-record", "false")
_SIP_CODES = {"completed": "200", "busy": "486", "no-answer": "480", "failed": "404", "canceled": "487"}


def dial(talk: Talk, verb: Verb, url: str) -> Next | None:
    """Call the first party that is named; what becomes of it is the caller's order."""
    party = verb.nouns[0] if verb.nouns else Verb("Number", text=verb.text)
    leg = talk.caller.legs.popleft() if talk.caller.legs else Leg()
    gone, status, seconds = None, leg.status, 0
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
        made = _keep_leg(talk, verb.get("callerId") or talk.call.from_, party.text, status, seconds)
        _report_leg(talk, made, party, url)
        found |= {"DialCallSid": made.sid} | ({"DialCallDuration": str(seconds)} if answered else {})
    if answered and verb.get("record", "do-not-record") not in _NO_RECORDING:
        found["RecordingUrl"] = keep(talk, verb, url, "DialVerb", seconds)["RecordingUrl"]
    step = action("dial", verb, url, found) if verb.get("action") else None
    if gone:
        if step:
            talk.tell(step)
        raise gone
    return step


def _keep_leg(talk: Talk, caller: str, called: str, status: str, seconds: int) -> Call:
    with talk.provider.account() as (account, now):
        made = Call(
            sid=new_sid("CA"),
            from_=caller,
            to=called,
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
        account.calls[made.sid] = made
    return made


def _report_leg(talk: Talk, leg: Call, party: Verb, url: str) -> None:
    """Report the events that the noun asks for, in the order in which they happened."""
    callback = party.get("statusCallback")
    if not callback:
        return
    statuses = {
        "initiated": "initiated",
        "ringing": "ringing",
        "answered": "in-progress",
        "completed": leg.status,
    }
    if leg.status != "completed":
        del statuses["answered"]
    chosen = party.get("statusCallbackEvent", "completed").split()
    about = {
        "CallSid": leg.sid,
        "ParentCallSid": talk.call.sid,
        "AccountSid": talk.provider.settings.account_sid,
        "ApiVersion": API_VERSION,
        "From": leg.from_,
        "Caller": leg.from_,
        "To": leg.to,
        "Called": leg.to,
        "Direction": leg.direction,
    }
    for sequence, event in enumerate(event for event in statuses if event in chosen):
        told = about | {"CallStatus": statuses[event]} | progress(sequence, talk.now())
        if event == "completed":
            told |= ending(leg.status, leg.duration or 0)
        method = party.get("statusCallbackMethod", "POST")
        talk.report("dial-status", resolved(url, callback), method, told)


def progress(sequence: int, timestamp: str) -> dict[str, str]:
    """What every status callback of a call adds."""
    return {
        "Timestamp": timestamp,
        "CallbackSource": "call-progress-events",
        "SequenceNumber": str(sequence),
    }


def ending(status: str, seconds: int) -> dict[str, str]:
    """What the last one adds to that: how long the call was, and how it ended in the words of SIP."""
    return {
        "CallDuration": str(seconds),
        "Duration": str(-(-seconds // 60)),
        "SipResponseCode": _SIP_CODES[status],
    }
