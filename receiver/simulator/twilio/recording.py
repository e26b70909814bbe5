"""Record: the caller speaks, and the customer is told where the recording is."""

from receiver.simulator.urls import resolved

from .account import new_sid
from .clock import rfc2822, stamp
from .records import Recording
from .talk import HungUp, Next, Talk, action
from .twiml import Verb

_TOO_SHORT = 16101


def record(talk: Talk, verb: Verb, url: str) -> Next:
    """Record the caller. If the caller hangs up, the action is told and its answer ignored."""
    longest, spoken = verb.whole("maxLength", 3600), talk.caller.record_seconds
    key = talk.caller.record_key if spoken < longest else ""
    if key not in verb.get("finishOnKey", "1234567890*#"):
        key = ""
    begun, gone = talk.course.seconds, None
    try:
        silence = 0 if key or spoken >= longest else verb.whole("timeout", 5)
        talk.spend(min(spoken, longest) + silence)
    except HungUp as end:
        gone = end
    seconds = min(spoken, longest, int(talk.course.seconds - begun))
    recorded = keep(talk, verb, url, "RecordVerb", seconds)
    talk.course.step("Record", seconds=seconds, recording=recorded["RecordingSid"])
    if gone:
        talk.tell(action("record", verb, url, {**recorded, "Digits": "hangup"}))
        raise gone
    return action("record", verb, url, recorded | ({"Digits": key} if key else {}))


def keep(talk: Talk, verb: Verb, url: str, source: str, seconds: int) -> dict[str, str]:
    """Keep a recording; returns what an action is told of it.

    Its sound is there, and its end reported, only after the action was: the file may not exist before.
    """
    ended = "completed" if seconds else "absent"
    with talk.provider.account() as (account, now):
        made = Recording(
            sid=new_sid("RE"),
            call_sid=talk.call.sid,
            source=source,
            status="processing",
            channels=2 if "dual" in verb.get("record") else 1,
            start_time=stamp(now),
            date_created=stamp(now),
            date_updated=stamp(now),
        )
        account.recordings[made.sid] = made
    talk.recordings.append(made.sid)
    account_sid = talk.provider.settings.account_sid
    link = f"{talk.base_url}/2010-04-01/Accounts/{account_sid}/Recordings/{made.sid}"
    about = {"RecordingSid": made.sid, "RecordingUrl": link}
    length = {"RecordingDuration": str(seconds)}
    told = about | {
        "AccountSid": account_sid,
        "CallSid": talk.call.sid,
        "RecordingChannels": str(made.channels),
        "RecordingStartTime": rfc2822(made.start_time) or "",
        "RecordingSource": source,
        "RecordingTrack": verb.get("recordingTrack", "both"),
    }

    def report(status: str, more: dict[str, str]) -> None:
        callback = verb.get("recordingStatusCallback")
        if callback and status in verb.get("recordingStatusCallbackEvent", "completed").split():
            method = verb.method("recordingStatusCallbackMethod")
            talk.report(
                "recording", resolved(url, callback), method, told | {"RecordingStatus": status} | more
            )

    def end() -> None:
        with talk.provider.account() as (_, now):
            made.status, made.date_updated = ended, stamp(now)
            made.duration, made.error_code = seconds or None, None if seconds else _TOO_SHORT
        report(ended, length if seconds else {"ErrorCode": str(_TOO_SHORT)})

    report("in-progress", {})
    talk.soon.append(end)
    return about | length
