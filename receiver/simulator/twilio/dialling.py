"""Dial: another party is called, and the caller talks to it if it answers."""

from collections.abc import Mapping

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
_NO_LEG = ("Conference", "Queue")
_SIP_CODES = {"completed": "200", "busy": "486", "no-answer": "480", "failed": "404", "canceled": "487"}


def dial(talk: Talk, verb: Verb, url: str) -> Next | None:
    """Call the first party that is named; what becomes of it is the caller's order."""
    party = verb.nouns[0] if verb.nouns else Verb("Number", text=verb.text)
    planned = talk.caller.legs.popleft() if talk.caller.legs else Leg()
    gone, status, seconds = None, planned.status, 0
    leg = None if party.name in _NO_LEG else _Leg(talk, verb, party, url)
    try:
        talk.spend(verb.whole("timeout", 30) if status == "no-answer" else _RINGS)
    except HungUp as end:
        gone, status = end, "canceled"
    if answered := status == "answered":
        status, begun = "completed", talk.course.seconds
        if leg:
            leg.becomes("answered", "in-progress")
        try:
            talk.spend(min(planned.seconds, verb.whole("timeLimit", 14_400)))
        except HungUp as end:
            gone = end
        seconds = int(talk.course.seconds - begun)
    talk.course.step("Dial", to=party.text, status=status, seconds=seconds)
    found = {"DialCallStatus": status, "DialBridged": "true" if answered else "false"}
    recorded: dict[str, str] = {}
    if answered and verb.get("record", "do-not-record") not in _NO_RECORDING:
        recorded = keep(talk, verb, url, "DialVerb", seconds)
        found["RecordingUrl"] = recorded["RecordingUrl"]
    if leg:
        leg.ends(status, seconds, recorded)
        found |= {"DialCallSid": leg.sid} | ({"DialCallDuration": str(seconds)} if answered else {})
    step = action("dial", verb, url, found) if verb.get("action") else None
    if gone:
        if step:
            talk.tell(step)
        raise gone
    return step


class _Leg:
    """The call to a party, listed like any other, and what its noun wants to be told meanwhile."""

    def __init__(self, talk: Talk, verb: Verb, party: Verb, url: str) -> None:
        self._talk, self._party, self._url = talk, party, url
        self._events = party.get("statusCallbackEvent", "completed").split()
        self._told = 0
        with talk.provider.account() as (account, now):
            self._call = Call(
                sid=new_sid("CA"),
                from_=verb.get("callerId") or talk.call.from_,
                to=party.text,
                direction="outbound-dial",
                phone_number_sid="",
                date_created=stamp(now),
                date_updated=stamp(now),
                start_time=stamp(now),
                parent_call_sid=talk.call.sid,
            )
            account.calls[self.sid] = self._call
        for event in ("initiated", "ringing"):
            self.becomes(event, event)

    @property
    def sid(self) -> str:
        """The SID of the call."""
        return self._call.sid

    def becomes(self, event: str, status: str) -> None:
        """Note a new status, and tell of the event if that is wanted."""
        with self._talk.provider.account() as (_, now):
            self._call.status, self._call.date_updated = status, stamp(now)
        self._tell(event, {})

    def ends(self, status: str, seconds: int, recorded: dict[str, str]) -> None:
        """Note the end, and tell of it if that is wanted."""
        with self._talk.provider.account() as (_, now):
            self._call.status, self._call.date_updated = status, stamp(now)
            self._call.end_time, self._call.duration = stamp(now), seconds
        self._tell("completed", ending(status, seconds) | recorded)

    def _tell(self, event: str, more: Mapping[str, str]) -> None:
        callback = self._party.get("statusCallback")
        if not callback or event not in self._events:
            return
        call, talk = self._call, self._talk
        about = {
            "CallSid": call.sid,
            "ParentCallSid": talk.call.sid,
            "AccountSid": talk.provider.settings.account_sid,
            "ApiVersion": API_VERSION,
            "From": call.from_,
            "Caller": call.from_,
            "To": call.to,
            "Called": call.to,
            "Direction": call.direction,
            "CallStatus": call.status,
        }
        told = about | progress(self._told, talk.now()) | dict(more)
        self._told += 1
        method = self._party.method("statusCallbackMethod")
        talk.report("dial-status", resolved(self._url, callback), method, told)


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
