"""A message that comes in, and what the customer's document answers."""

import base64
from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any, NamedTuple

from receiver.simulator.urls import resolved

from . import catalogue
from .account import new_sid
from .alerts import alert
from .calls import NotDelivered, places
from .clock import stamp
from .deliveries import Manner
from .documents import Source, Unanswered, fetch, remark
from .pictures import picture
from .provider import Provider
from .records import API_VERSION, Media, Message, Number, Service
from .segments import segments
from .twiml import MESSAGING, Verb
from .webhook import Line

_SEGMENT, _WITH_MEDIA = Decimal("0.0075"), Decimal("0.0100")
_LONGEST_WAY = 10
"""Documents for a message; no source has Twilio's limit."""


def deliver(
    provider: Provider,
    sender: str,
    recipient: str,
    body: str,
    *,
    media_types: Sequence[str],
    manner: Manner,
    base_url: str,
) -> dict[str, Any]:
    """Send a message to a number, and report what was answered."""
    with provider.account() as (account, now):
        number = account.number(recipient)
        if number is None:
            raise NotDelivered(f"{recipient} is not a number of this account")
        can = catalogue.COUNTRIES[number.country].kinds[number.type].capabilities
        if not can["mms" if media_types else "sms"]:
            raise NotDelivered(f"{recipient} takes no {'MMS' if media_types else 'SMS'}")
        service = account.service_of(number)
        if service and not (service.use_inbound_webhook_on_number or service.inbound_request_url):
            # At Twilio such a message is nowhere: neither listed nor charged.
            raise NotDelivered(f"the messaging service of {recipient} has no inbound_request_url")
        message = Message(
            sid=new_sid("MM" if media_types else "SM"),
            from_=sender,
            to=recipient,
            body=body,
            direction="inbound",
            status="received",
            num_segments=segments(body),
            date_created=stamp(now),
            date_updated=stamp(now),
            date_sent=stamp(now),
            messaging_service_sid=service.sid if service else None,
        )
        for content_type in media_types:
            content = base64.b64encode(picture(content_type)).decode()
            media = Media(new_sid("ME"), message.sid, content_type, content, stamp(now))
            account.media[media.sid] = media
            message.media.append(media.sid)
        account.messages[message.sid] = message
        price = _WITH_MEDIA if media_types else _SEGMENT * message.num_segments
        message.price = str(-price)
        account.charge("message", recipient, price, now)
        inbox = _inbox(account.as_used(number), service)
        if not inbox.url:
            raise NotDelivered(f"{recipient} has no sms_url that is used")
        cookies = provider.cookies.of((sender, recipient), now)
    line = Line(provider.settings, manner, voice=False)
    line.session.cookies = cookies
    exchange = _Exchange(provider, line, number, inbox, message)
    try:
        exchange.run(base_url, media_types)
    finally:
        line.session.close()
        provider.delivered(line.deliveries)
    return {
        "notified": bool(line.deliveries),
        "reason": None if line.deliveries else line.not_sent,
        "sid": message.sid,
        "replies": exchange.replies,
        "deliveries": [asdict(delivery) for delivery in line.deliveries],
    }


class _Inbox(NamedTuple):
    """Where a number's messages go."""

    url: str
    method: str
    fallback: tuple[str, str]


def _inbox(number: Number, service: Service | None) -> _Inbox:
    """The service's URLs before the number's, which are those of its application if that is known."""
    if service and not service.use_inbound_webhook_on_number:
        fallback = (service.fallback_url, service.fallback_method)
        return _Inbox(service.inbound_request_url, service.inbound_method, fallback)
    if number.sms_application_sid:
        return _Inbox("", "", ("", ""))
    return _Inbox(number.sms_url, number.sms_method, (number.sms_fallback_url, number.sms_fallback_method))


class _Exchange:
    """The requests about one message."""

    def __init__(
        self, provider: Provider, line: Line, number: Number, inbox: _Inbox, message: Message
    ) -> None:
        self.provider, self.line, self.number, self.message = provider, line, number, message
        self.inbox = inbox
        self.replies: list[dict[str, str]] = []

    def run(self, base_url: str, media_types: Sequence[str]) -> None:
        parameters = self._parameters(base_url, media_types)
        source = Source("sms", self.inbox.url, self.inbox.method, parameters)
        try:
            for _ in range(_LONGEST_WAY):
                following = self._document(source, parameters)
                if following is None:
                    return
                source = following
        except Unanswered:
            return  # an alert tells; nothing more is done

    def _parameters(self, base_url: str, media_types: Sequence[str]) -> dict[str, str]:
        message, account_sid = self.message, self.provider.settings.account_sid
        parameters = {
            "MessageSid": message.sid,
            "SmsSid": message.sid,
            "SmsMessageSid": message.sid,
            "AccountSid": account_sid,
            "From": message.from_,
            "To": message.to,
            "Body": message.body,
            "NumSegments": str(message.num_segments),
            "NumMedia": str(len(message.media)),
            "SmsStatus": "received",
            "ApiVersion": API_VERSION,
        }
        if message.messaging_service_sid:
            parameters["MessagingServiceSid"] = message.messaging_service_sid
        ours = places(self.number)
        parameters |= {f"To{part}": value for part, value in ours.items()}
        parameters |= {f"From{part}": "" for part in ours}
        folder = f"{base_url}/2010-04-01/Accounts/{account_sid}/Messages/{message.sid}/Media"
        for index, (sid, content_type) in enumerate(zip(message.media, media_types, strict=True)):
            parameters[f"MediaUrl{index}"] = f"{folder}/{sid}"
            parameters[f"MediaContentType{index}"] = content_type
        return parameters

    def _document(self, source: Source, parameters: dict[str, str]) -> Source | None:
        document, url = fetch(
            self.provider,
            self.line,
            source,
            known=MESSAGING,
            resource_sid=self.message.sid,
            fallback=self.inbox.fallback,
        )
        for verb in document.verbs:
            if verb.name == "Redirect":
                return Source("redirect", resolved(url, verb.text), verb.method(), parameters)
            sid = self._reply(verb, url)
            if verb.get("action"):
                told = {**parameters, "MessageSid": sid, "SmsSid": sid, "MessageStatus": "sent"}
                return Source("action", resolved(url, verb.get("action")), verb.method(), told)
        return None

    def _reply(self, verb: Verb, url: str) -> str:
        """Send what a document answers. Nobody gets it; it counts as delivered."""
        body = " ".join([verb.text, *(noun.text for noun in verb.nouns if noun.name == "Body")]).strip()
        with self.provider.account() as (account, now):
            reply = Message(
                sid=new_sid("SM"),
                from_=verb.get("from") or self.message.to,
                to=verb.get("to") or self.message.from_,
                body=body,
                direction="outbound-reply",
                status="delivered",
                num_segments=segments(body),
                date_created=stamp(now),
                date_updated=stamp(now),
                date_sent=stamp(now),
            )
            account.messages[reply.sid] = reply
        self.replies.append({"sid": reply.sid, "to": reply.to, "body": body})
        if callback := verb.get("statusCallback"):
            report(self.provider, self.line, reply, resolved(url, callback))
        return reply.sid


def report(provider: Provider, line: Line, message: Message, url: str) -> None:
    """Report that a message was sent and delivered; the status that it began with is not reported."""
    for status in ("sent", "delivered"):
        told = {
            "MessageSid": message.sid,
            "SmsSid": message.sid,
            "MessageStatus": status,
            "SmsStatus": status,
            "AccountSid": provider.settings.account_sid,
            "From": message.from_,
            "To": message.to,
            "ApiVersion": API_VERSION,
        }
        reply = line.request("message-status", url, "POST", told)
        code = 15003 if reply.error else remark(reply)
        if code:
            alert(provider, code, "warning", reply, message.sid)
