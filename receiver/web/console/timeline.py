"""A call as a time line: what happened when. Pure.

Works on the document of a call, masked or not. Times are those at which we received the notifications: only
the last ones carry a date of the provider's, to the second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from receiver.providers.registry import PROVIDERS
from receiver.search.in_words import in_words, step_of
from receiver.search.time_line import after_events, party_words
from receiver.vocabulary.kinds import CallOutcome, CallStep


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


def _title(event: Mapping[str, Any], stage: str) -> str:
    if stage == "ringing":
        return "Ringing"
    if stage == "ended":
        return CallStep.MONITORED if event.get("monitor_url") else "Ended"
    return step_of(event) or ("Ongoing" if stage == "ongoing" else "Notified")


FILTERS = (in_words, party_words, step_of)
"""What a template may write behind a `|`, by the function's name."""
