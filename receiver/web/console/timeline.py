"""A call as a time line: what happened when, and what became of it in people's words. Pure.

Works on the document of a call, masked or not. Times are those at which we received the notifications: only
the last ones carry a date of the provider's, to the second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from receiver.providers.registry import PROVIDERS
from receiver.search.time_line import after_events, party_words
from receiver.vocabulary.kinds import CallOutcome, CallStep, EventState


@dataclass(frozen=True, slots=True)
class Step:
    """One notification."""

    event: Mapping[str, Any]
    title: str
    seconds: float
    """Since the call started."""
    stage: str
    """`ringing`, `ongoing` or `ended`."""
    bad: bool
    """Whether somebody was called and did not answer."""
    no_key: bool
    """Whether the caller was asked for keys, and neither pressed one nor said anything."""
    decisions: Sequence[Mapping[str, Any]]
    """What the rules decided then."""


def time_line(call: Mapping[str, Any]) -> tuple[Step, ...]:
    """The steps of a call, in the order of what happened."""
    begun = datetime.fromisoformat(call["started_at"])
    steps: list[Step] = []
    for event, decisions in after_events(call["events"], call["decisions"]):
        # A notification that overtook another one on the way did not happen before it.
        since = (datetime.fromisoformat(event["received_at"]) - begun).total_seconds()
        seconds = max(since, steps[-1].seconds if steps else 0.0)
        stage = str(event["type"]).removeprefix("call.")
        party = str(event.get("dial_status") or event.get("transfer_status") or "")
        outcome = PROVIDERS[event["provider"]].parties.get(party, CallOutcome.ANSWERED)
        asked = step_of(event) is CallStep.MENU and stage == "ongoing"
        no_key = asked and not event.get("digits") and not event.get("text")
        steps.append(
            Step(
                event,
                _title(event, stage),
                seconds,
                stage,
                bad=outcome is not CallOutcome.ANSWERED,
                no_key=no_key,
                decisions=decisions,
            )
        )
    return tuple(steps)


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


def _title(event: Mapping[str, Any], stage: str) -> str:
    if stage == "ringing":
        return "Ringing"
    if stage == "ended":
        return CallStep.MONITORED if event.get("monitor_url") else "Ended"
    return step_of(event) or ("Ongoing" if stage == "ongoing" else "Notified")


def step_of(event: Mapping[str, Any]) -> CallStep | None:
    """Which step of a call an event is about, if its provider says so."""
    return PROVIDERS[event["provider"]].steps.get(str(event.get("ivr_block")))


FILTERS = (in_words, party_words, step_of)
"""What a template may write behind a `|`, by the function's name."""
