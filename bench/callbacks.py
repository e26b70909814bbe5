"""Realistic callbacks of each provider, signed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench import hoiio, twilio
from bench.notification import Notification
from bench.service import ACCESS_TOKEN, AUTH_TOKEN, CALLBACK_KEY, HOST
from receiver.providers.registry import DEFAULT, PROVIDERS

PATH = f"/callbacks/{CALLBACK_KEY}"


@dataclass(frozen=True, slots=True)
class Speaker:
    """What a provider says in the benches, and with what it signs."""

    name: str
    secret: str
    notification: Callable[[int], Notification]
    text: Callable[[str, str, str, str], Notification]
    """By reference, sender, recipient and words, all of them escaped as in a form."""

    def sign(self, path: str, body: bytes) -> dict[str, str]:
        """The headers with its signature."""
        return PROVIDERS[self.name].sign(f"http://{HOST}{path}", body, self.secret)


SPEAKERS: Mapping[str, Speaker] = {
    "hoiio": Speaker("hoiio", ACCESS_TOKEN, hoiio.notification, hoiio.text),
    "twilio": Speaker("twilio", AUTH_TOKEN, twilio.notification, twilio.text),
}
USUAL = DEFAULT.name


@dataclass(frozen=True, slots=True)
class Call:
    """One signed callback, ready for the socket."""

    ref: str
    request: bytes


def calls(count: int, first: int = 0, *, under: str = PATH, provider: str = USUAL) -> list[Call]:
    """Signed callbacks of consecutive numbers, for the paths below `under`."""
    speaker = SPEAKERS[provider]
    return [_signed(speaker, speaker.notification(number), under) for number in range(first, first + count)]


def texts(count: int, mark: str, *, conversations: int) -> list[Call]:
    """Signed SMS callbacks, which take turns among so many conversations."""
    speaker = SPEAKERS[USUAL]
    made = []
    for number in range(count):
        sender = f"%2B65{91_000_000 + number % conversations}"
        told = speaker.text(f"AA-SI-{mark}-{number}", sender, "%2B6565111001", f"message+{number}")
        made.append(_signed(speaker, told, PATH))
    return made


def notifications(count: int) -> list[Notification]:
    """Those of the first numbers."""
    return [SPEAKERS[USUAL].notification(number) for number in range(count)]


def _signed(speaker: Speaker, told: Notification, under: str) -> Call:
    path = f"{under}/{told.kind}"
    headers = {**told.headers, **speaker.sign(path, told.body)}
    signed = "\r\n".join(f"{name}: {value}" for name, value in headers.items())
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: {speaker.name}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\n"
        f"{signed}\r\nContent-Length: {len(told.body)}\r\n\r\n"
    )
    return Call(told.ref, head.encode() + told.body)
