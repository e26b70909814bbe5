"""Recordings of calls, and their sound, which is silence."""

from typing import Any

from receiver.simulator.sound import silent_mp3, silent_wav
from receiver.simulator.twilio.account import Account
from receiver.simulator.twilio.clock import rfc2822
from receiver.simulator.twilio.endpoint import ACCOUNTS, Answer, Endpoint, File, Sent
from receiver.simulator.twilio.errors import ApiError
from receiver.simulator.twilio.filters import within
from receiver.simulator.twilio.paging import older
from receiver.simulator.twilio.provider import Provider
from receiver.simulator.twilio.records import API_VERSION, Recording


def _list(provider: Provider, sent: Sent) -> Answer:
    call_sid = sent.path.get("call_sid") or sent.parameter("CallSid")
    created = within(sent, "DateCreated")
    with provider.look() as (account, _):
        found = [
            recording
            for recording in reversed(account.recordings.values())
            if call_sid in ("", recording.call_sid) and created(recording.date_created)
        ]
        return older(sent, "recordings", found, lambda recording: _shown(account, recording, sent))


def _fetch(provider: Provider, sent: Sent) -> Answer:
    with provider.look() as (account, _):
        return _shown(account, _known(account, sent), sent)


def _wav(provider: Provider, sent: Sent) -> Answer:
    recording = _completed(provider, sent)
    return File(silent_wav(recording.duration or 0, _channels(recording, sent)), "audio/x-wav")


def _mp3(provider: Provider, sent: Sent) -> Answer:
    recording = _completed(provider, sent)
    _channels(recording, sent)
    return File(silent_mp3(recording.duration or 0), "audio/mpeg")


def _completed(provider: Provider, sent: Sent) -> Recording:
    with provider.look() as (account, _):
        recording = _known(account, sent)
        if recording.status != "completed":
            raise sent.not_found()
        return recording


def _channels(recording: Recording, sent: Sent) -> int:
    wanted = sent.whole("RequestedChannels", 1)
    if not 1 <= wanted <= recording.channels:
        raise ApiError(20001, f"The recording has {recording.channels} channel(s)")
    return wanted


def _delete(provider: Provider, sent: Sent) -> Answer:
    with provider.account() as (account, _):
        del account.recordings[_known(account, sent).sid]
    return None


def _known(account: Account, sent: Sent) -> Recording:
    recording = account.recordings.get(sent.path["sid"])
    if recording is None:
        raise sent.not_found()
    return recording


def _shown(account: Account, recording: Recording, sent: Sent) -> dict[str, Any]:
    account_sid = sent.path["account_sid"]
    uri = f"/2010-04-01/Accounts/{account_sid}/Recordings/{recording.sid}"
    return {
        "sid": recording.sid,
        "call_sid": recording.call_sid,
        "conference_sid": None,
        "account_sid": account_sid,
        "status": recording.status,
        "source": recording.source,
        "channels": recording.channels,
        "duration": None if recording.duration is None else str(recording.duration),
        "start_time": rfc2822(recording.start_time),
        "price": None,
        "price_unit": account.currency,
        "error_code": recording.error_code,
        "encryption_details": None,
        "media_url": f"{sent.base_url}{uri}",
        "date_created": rfc2822(recording.date_created),
        "date_updated": rfc2822(recording.date_updated),
        "api_version": API_VERSION,
        "uri": f"{uri}.json",
        "subresource_uris": {},
    }


_PATH = f"{ACCOUNTS}/Recordings"

ENDPOINTS = (
    Endpoint("Recordings/list", "GET", f"{_PATH}.json", _list),
    Endpoint("Recordings/list-of-call", "GET", f"{ACCOUNTS}/Calls/<call_sid>/Recordings.json", _list),
    Endpoint("Recordings/fetch", "GET", f"{_PATH}/<sid>.json", _fetch),
    Endpoint("Recordings/delete", "DELETE", f"{_PATH}/<sid>.json", _delete),
    Endpoint("Recordings/wav", "GET", f"{_PATH}/<sid>.wav", _wav),
    Endpoint("Recordings/mp3", "GET", f"{_PATH}/<sid>.mp3", _mp3),
    Endpoint("Recordings/sound", "GET", f"{_PATH}/<sid>", _wav),
)
