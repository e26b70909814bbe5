"""The sort of target: one message for each event, in a channel."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from receiver.outbound.session import Reply, Session
from receiver.relay.chat.services import SERVICES, Service, is_retired, service_at
from receiver.relay.delivery import Parcel, Result
from receiver.relay.options import Option
from receiver.relay.posting import LARGEST_ANSWER, LONGEST, host_of, post, read_reply
from receiver.relay.sender import Surroundings, TargetError
from receiver.relay.target import Target
from receiver.relay.words import said_of
from receiver.vocabulary.printable import printable

_HEADERS = {"Content-Type": "application/json", "User-Agent": "Receiver"}
_LONGEST_WAIT = 24 * 3600.0


class Chat:
    """See `receiver.relay.sender.Sort`."""

    about = "Write a message for each event to a channel of Slack, Teams, Discord or Mattermost."
    options: tuple[Option, ...] = (
        Option(
            "url",
            "The address of the channel's incoming webhook.",
            required=True,
            secret=True,
            example="https://hooks.slack.com/services/…",
        ),
        Option("service", "Which service it is, if its address does not tell.", choices=tuple(SERVICES)),
    )
    # These services take about a message a second, and a channel is read from top to bottom.
    lanes = 1

    def read(
        self, given: Mapping[str, Any], known: Mapping[str, Any], around: Surroundings
    ) -> dict[str, Any]:
        """From `url`, which is a secret, and `service` where its host does not tell."""
        settings: dict[str, Any] = {"url": "", "service": ""} | dict(known)
        if "url" in given:
            settings["url"] = str(given["url"]).strip()
        if not settings["url"]:
            raise TargetError("a chat needs the address of its incoming webhook")
        if "url" in given or not known:
            around.guard.check(settings["url"])
        host = (urlsplit(settings["url"]).hostname or "").removesuffix(".")
        if is_retired(host):
            raise TargetError(
                f"Teams has retired the connectors at {host}: in Teams, make a workflow that posts when a"
                " webhook request is received, and give its address"
            )
        named = str(given.get("service") or settings["service"]).strip().lower()
        service = service_at(host) or SERVICES.get(named)
        if service is None:
            what = f"{printable(named)[:20]!r} is none of them" if named else f"{host} does not tell"
            raise TargetError(f"say which service it is, {', '.join(SERVICES)}: {what}")
        settings["service"] = service.name
        return settings

    def shown(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        return {"service": settings["service"], "host": host_of(settings["url"])}

    def place(self, settings: Mapping[str, Any]) -> str:
        return f"{SERVICES[settings['service']].title} at {host_of(settings['url'])}"

    def secret(self, settings: Mapping[str, Any]) -> None:
        return None

    def sender(self, target: Target, around: Surroundings) -> ChatSender:
        return ChatSender(target.settings, around)


class ChatSender:
    """Sends to one channel."""

    def __init__(self, settings: Mapping[str, Any], around: Surroundings) -> None:
        self._url: str = settings["url"]
        self._service = SERVICES[settings["service"]]
        self._around = around
        self._session: Session = around.guard.session(longest=LONGEST, largest=LARGEST_ANSWER)

    def send(self, parcel: Parcel) -> Result:
        message = self._service.message(said_of(parcel, self._around))
        body = json.dumps(message, ensure_ascii=False).encode()
        return post(self._session, self._url, _HEADERS, body, partial(_read, self._service))

    def close(self) -> None:
        self._session.close()


def _read(service: Service, reply: Reply, request: str) -> Result:
    """What the answer says, by the habits of the service."""
    result = read_reply(reply, request)
    if reply.status == 429:
        # Discord says it to the millisecond in its body.
        return replace(result, retry_after=_wait_in(reply.body) or result.retry_after)
    if reply.status in service.gone:
        why = f"{service.title} answered {reply.status}: the webhook is gone; make another, give its address"
        return replace(result, reason=why, pause=why)
    return replace(result, final=reply.status in service.pointless)


def _wait_in(body: bytes) -> float | None:
    try:
        wait = json.loads(body)["retry_after"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return float(wait) if type(wait) in {int, float} and 0 <= wait <= _LONGEST_WAIT else None
