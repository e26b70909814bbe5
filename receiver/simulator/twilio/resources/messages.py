"""Messages in both directions."""

import threading
from typing import Any

from receiver.simulator.telephone import is_international
from receiver.simulator.twilio.account import Account, new_sid
from receiver.simulator.twilio.clock import rfc2822, stamp
from receiver.simulator.twilio.deliveries import Manner
from receiver.simulator.twilio.endpoint import ACCOUNTS, Answer, Created, Endpoint, Sent
from receiver.simulator.twilio.errors import ApiError
from receiver.simulator.twilio.filters import within
from receiver.simulator.twilio.paging import older
from receiver.simulator.twilio.provider import Provider
from receiver.simulator.twilio.records import API_VERSION, Message
from receiver.simulator.twilio.segments import LONGEST_BODY, segments
from receiver.simulator.twilio.texts import report
from receiver.simulator.twilio.webhook import Line

from . import magic


def _create(provider: Provider, sent: Sent) -> Answer:
    """Send a message. Nobody gets it; it counts as delivered."""
    to, from_, body = (sent.parameter(name) for name in ("To", "From", "Body"))
    callback = sent.url("StatusCallback")
    if not to:
        raise ApiError(21604)
    if not from_:
        raise ApiError(21603)
    if not body and not sent.has("MediaUrl"):
        raise ApiError(21602)
    if len(body) > LONGEST_BODY:
        raise ApiError(20001, f"Body has more than {LONGEST_BODY} characters")
    with provider.account() as (account, now):
        message = Message(
            sid=new_sid("SM"),
            from_=from_,
            to=to,
            body=body,
            direction="outbound-api",
            status="queued",
            num_segments=segments(body),
            date_created=stamp(now),
            date_updated=stamp(now),
        )
        if sent.test:
            magic.check_message(message)
        queued = _shown(account, message, sent)
        if not sent.test:
            if not is_international(to):
                raise ApiError(21211)
            if from_ not in account.held():
                raise ApiError(21606)
            message.status, message.date_sent = "delivered", stamp(now)
            account.messages[message.sid] = message
    if callback and not sent.test:
        line = Line(provider.settings, Manner(), voice=False)
        threading.Thread(target=report, args=(provider, line, message, callback), daemon=True).start()
    return Created(queued)


def _list(provider: Provider, sent: Sent) -> Answer:
    to, from_ = sent.parameter("To"), sent.parameter("From")
    dated = within(sent, "DateSent")
    with provider.look() as (account, _):
        found = [
            message
            for message in reversed(account.messages.values())
            if to in ("", message.to) and from_ in ("", message.from_) and dated(message.date_sent)
        ]
        found.sort(key=lambda message: message.date_sent or "", reverse=True)
        return older(sent, "messages", found, lambda message: _shown(account, message, sent))


def _fetch(provider: Provider, sent: Sent) -> Answer:
    with provider.look() as (account, _):
        return _shown(account, known_message(account, sent), sent)


def _redact(provider: Provider, sent: Sent) -> Answer:
    if not sent.has("Body") or sent.parameter("Body"):
        raise ApiError(20001, "Body can only be emptied")
    with provider.account() as (account, now):
        message = known_message(account, sent)
        message.body, message.date_updated = "", stamp(now)
        return _shown(account, message, sent)


def _delete(provider: Provider, sent: Sent) -> Answer:
    with provider.account() as (account, _):
        message = known_message(account, sent)
        for sid in message.media:
            account.media.pop(sid, None)
        del account.messages[message.sid]
    return None


def known_message(account: Account, sent: Sent) -> Message:
    """The message that the path names."""
    message = account.messages.get(sent.path["sid"])
    if message is None:
        raise sent.not_found()
    return message


def _shown(account: Account, message: Message, sent: Sent) -> dict[str, Any]:
    account_sid = sent.path["account_sid"]
    uri = f"/2010-04-01/Accounts/{account_sid}/Messages/{message.sid}"
    return {
        "sid": message.sid,
        "account_sid": account_sid,
        "messaging_service_sid": message.messaging_service_sid,
        "from": message.from_,
        "to": message.to,
        "body": message.body,
        "status": message.status,
        "direction": message.direction,
        "num_segments": str(message.num_segments),
        "num_media": str(len(message.media)),
        "price": message.price,
        "price_unit": account.currency,
        "error_code": message.error_code,
        "error_message": None,
        "date_created": rfc2822(message.date_created),
        "date_sent": rfc2822(message.date_sent),
        "date_updated": rfc2822(message.date_updated),
        "api_version": API_VERSION,
        "uri": f"{uri}.json",
        "subresource_uris": {"media": f"{uri}/Media.json"},
    }


_PATH = f"{ACCOUNTS}/Messages"

ENDPOINTS = (
    Endpoint("Messages/create", "POST", f"{_PATH}.json", _create, tests_too=True),
    Endpoint("Messages/list", "GET", f"{_PATH}.json", _list),
    Endpoint("Messages/fetch", "GET", f"{_PATH}/<sid>.json", _fetch),
    Endpoint("Messages/update", "POST", f"{_PATH}/<sid>.json", _redact),
    Endpoint("Messages/delete", "DELETE", f"{_PATH}/<sid>.json", _delete),
)
