"""What became of a call, as one person tells another: from its document, masked or not. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from receiver.providers.registry import PROVIDERS
from receiver.search.time_line import party_words
from receiver.vocabulary.kinds import CallOutcome, CallStep, EventState

_SAID = {
    CallOutcome.ANSWERED: "Somebody answered.",
    CallOutcome.MISSED: "Nobody answered.",
    CallOutcome.BUSY: "Nobody answered: the line was busy.",
    CallOutcome.NO_ANSWER: "Nobody answered: it rang until it was given up.",
    CallOutcome.VOICEMAIL: "Nobody answered. The caller left a message.",
    CallOutcome.ABANDONED: "The caller hung up in the menu.",
    CallOutcome.CANCELED: "The caller hung up before anybody answered.",
    CallOutcome.UNKNOWN: "Its end was never reported.",
    EventState.RINGING: "It is ringing.",
    EventState.ONGOING: "It is going on.",
}


def in_words(call: Mapping[str, Any]) -> str:
    """What became of a call, as one person tells another."""
    if call["outcome"] == CallOutcome.ANSWERED and (who := _answered_by(call)):
        return f"{who} answered: nobody spoke with the caller."
    if call["outcome"] == CallOutcome.MISSED and _led(call):
        return "Nobody answered. The caller heard what your rules say."
    return _SAID.get(call["outcome"] or call["state"], "")


def _answered_by(call: Mapping[str, Any]) -> str:
    """What answered a call in which nobody who was dialled did; nothing if somebody may have."""
    events = call["events"]
    if any(party_words(event) == CallOutcome.ANSWERED for event in events):
        return ""
    if _led(call):
        return "Your rules"
    menu = any(step_of(event) is CallStep.MENU for event in events)
    return "A menu" if menu and not any(event.get("monitor_url") for event in events) else ""


def _led(call: Mapping[str, Any]) -> bool:
    """Whether rules led it somewhere."""
    return any(one["flow"] is not None for one in call["decisions"])


def step_of(event: Mapping[str, Any]) -> CallStep | None:
    """Which step of a call an event is about, if its provider says so."""
    return PROVIDERS[event["provider"]].steps.get(str(event.get("ivr_block")))
