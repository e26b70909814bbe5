"""Calls that came in, and the legs they dialled."""

from typing import Any

from receiver.simulator.twilio.account import Account
from receiver.simulator.twilio.clock import rfc2822
from receiver.simulator.twilio.endpoint import ACCOUNTS, Answer, Endpoint, Sent
from receiver.simulator.twilio.filters import within
from receiver.simulator.twilio.paging import older
from receiver.simulator.twilio.provider import Provider
from receiver.simulator.twilio.records import API_VERSION, Call


def _list(provider: Provider, sent: Sent) -> Answer:
    wanted = {name: sent.parameter(name) for name in ("To", "From", "Status", "ParentCallSid")}
    started, ended = within(sent, "StartTime"), within(sent, "EndTime")
    with provider.look() as (account, _):
        found = [
            call
            for call in reversed(account.calls.values())
            if wanted["To"] in ("", call.to)
            and wanted["From"] in ("", call.from_)
            and wanted["Status"] in ("", call.status)
            and wanted["ParentCallSid"] in ("", call.parent_call_sid)
            and started(call.start_time)
            and ended(call.end_time)
        ]
        return older(sent, "calls", found, lambda call: _shown(account, call, sent))


def _fetch(provider: Provider, sent: Sent) -> Answer:
    with provider.look() as (account, _):
        return _shown(account, _known(account, sent), sent)


def _delete(provider: Provider, sent: Sent) -> Answer:
    with provider.account() as (account, _):
        del account.calls[_known(account, sent).sid]
    return None


def _known(account: Account, sent: Sent) -> Call:
    call = account.calls.get(sent.path["sid"])
    if call is None:
        raise sent.not_found()
    return call


def _shown(account: Account, call: Call, sent: Sent) -> dict[str, Any]:
    account_sid = sent.path["account_sid"]
    uri = f"/2010-04-01/Accounts/{account_sid}/Calls/{call.sid}"
    return {
        "sid": call.sid,
        "parent_call_sid": call.parent_call_sid,
        "account_sid": account_sid,
        "to": call.to,
        "to_formatted": call.to,
        "from": call.from_,
        "from_formatted": call.from_,
        "phone_number_sid": call.phone_number_sid or None,
        "status": call.status,
        "start_time": rfc2822(call.start_time),
        "end_time": rfc2822(call.end_time),
        "duration": None if call.duration is None else str(call.duration),
        "price": call.price,
        "price_unit": account.currency,
        "direction": call.direction,
        "answered_by": None,
        "forwarded_from": call.forwarded_from,
        "group_sid": None,
        "caller_name": call.caller_name,
        "queue_time": "0",
        "trunk_sid": None,
        "api_version": API_VERSION,
        "date_created": rfc2822(call.date_created),
        "date_updated": rfc2822(call.date_updated),
        "uri": f"{uri}.json",
        "subresource_uris": {"recordings": f"{uri}/Recordings.json"},
    }


_PATH = f"{ACCOUNTS}/Calls"

ENDPOINTS = (
    Endpoint("Calls/list", "GET", f"{_PATH}.json", _list),
    Endpoint("Calls/fetch", "GET", f"{_PATH}/<sid>.json", _fetch),
    Endpoint("Calls/delete", "DELETE", f"{_PATH}/<sid>.json", _delete),
)
