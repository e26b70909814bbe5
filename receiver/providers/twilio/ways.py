"""What a number has when it brings calls and messages here; its settings read, and written.

Settings beside the URLs go by the names of Twilio's parameters. One that its answers leave empty, or leave
out, has the value that it documents as usual.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from receiver.providers import fields
from receiver.providers.errors import Refused
from receiver.providers.here import Here, Way
from receiver.providers.numbers import Routes
from receiver.providers.twilio.market import MARKET
from receiver.vocabulary.kinds import Kind

NAME = "twilio"
STATUS = "status"
"""The last part of the URL that is told how a call ended."""

OVERRIDES: Final = "#rc=4&rp=ct,rt,5xx&ct=2000&rt=5000&tt=14000"
"""How often, for what and how long Twilio tries. docs/providers/twilio.md gives the reasons."""
PATIENCE: Final = 4.5
"""Seconds: a moment less than it waits for the first byte (`rt`)."""

_USUAL: Final = {
    "VoiceMethod": "POST",
    "VoiceFallbackUrl": "",
    "VoiceFallbackMethod": "POST",
    "VoiceApplicationSid": "",
    "VoiceReceiveMode": "voice",
    "TrunkSid": "",
    "StatusCallback": "",
    "StatusCallbackMethod": "POST",
    "SmsMethod": "POST",
    "SmsFallbackUrl": "",
    "SmsFallbackMethod": "POST",
    "SmsApplicationSid": "",
}
"""All settings that matter beside the URLs, and what they are where nothing is said."""

_URLS: Final = {Kind.VOICE: "VoiceUrl", Kind.SMS: "SmsUrl"}
_ABOVE: Final = {Kind.VOICE: ("VoiceApplicationSid", "TrunkSid"), Kind.SMS: ("SmsApplicationSid",)}
_MODE: Final = "VoiceReceiveMode"
"""A change of it may clear others of its kind, so all of them are said with it."""
_FALLBACKS: Final = {Kind.VOICE: "VoiceFallbackUrl", Kind.SMS: "SmsFallbackUrl"}


_DEMOS: Final = ("https://demo.twilio.com/", "http://demo.twilio.com/")
"""Where a number leads that was bought in the console: nobody chose that, so it is as good as not set."""


def way(here: Here, kind: Kind) -> Way | None:
    """What a number has when it brings this kind here; None for faxes, which it cannot receive."""
    if kind not in _URLS:
        return None
    prefix = kind.capitalize()
    others = {f"{prefix}Method": "POST", f"{prefix}ApplicationSid": ""}
    if kind is Kind.VOICE:
        others |= {
            "TrunkSid": "",
            "VoiceReceiveMode": "voice",
            "StatusCallback": here.callback(NAME, STATUS) + OVERRIDES,
            "StatusCallbackMethod": "POST",
        }
    # Without a second machine the number keeps what it has: it may be an announcement of the owner's.
    if fallback := here.fallback(NAME, kind):
        others |= {f"{prefix}FallbackUrl": fallback + OVERRIDES, f"{prefix}FallbackMethod": "POST"}
    return Way(here.callback(NAME, kind) + OVERRIDES, others)


def routes(number: Mapping[str, Any], capabilities: frozenset[str]) -> Routes:
    """Where a number leads, as an answer describes it."""

    def url(kind: Kind) -> str | None:
        found = fields.text(number, _snake(_URLS[kind]))
        if found.lower().startswith(_DEMOS):
            found = ""
        return found or ("" if kind.upper() in capabilities else None)

    return Routes(
        voice=url(Kind.VOICE),
        sms=url(Kind.SMS),
        others={name: fields.text(number, _snake(name)) or usual for name, usual in _USUAL.items()},
    )


def parameters(wanted: Routes, what: str, number: str, was: Routes | None = None) -> dict[str, str]:
    """The parameters that set it so; where it is known how it `was`, those that change.

    Nothing is said about a kind that the number does not take, unless something of it changes.
    """
    if wanted.of(Kind.FAX):
        raise Refused(what, MARKET.refused[Kind.FAX], number=number)
    return {name: value for kind in _URLS for name, value in _of_kind(kind, wanted, was).items()}


def _of_kind(kind: Kind, wanted: Routes, was: Routes | None) -> dict[str, str]:
    url: str | None = getattr(wanted, kind)
    others = {name: value for name, value in wanted.others.items() if _kind_of(name) is kind}
    if was is None:
        changed = others if url is not None else {}
    else:
        changed = {name: value for name, value in others.items() if was.others.get(name) != value}
    if url is None or (was is not None and url == was.of(kind) and _MODE not in changed):
        return changed
    if _MODE in changed:
        changed = others
    # A URL may end what takes precedence over it: who keeps that says so along with it.
    kept = {name: others[name] for name in _ABOVE[kind] if name in others}
    # A fallback URL alone is refused.
    alone = {} if url else {_FALLBACKS[kind]: ""}
    return {**kept, **changed, _URLS[kind]: url, **alone}


def _kind_of(setting: str) -> Kind:
    return Kind.SMS if setting.startswith("Sms") else Kind.VOICE


def _snake(name: str) -> str:
    """`VoiceApplicationSid` in the spelling of answers."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
