"""A call as a time line: what happened when, and its position in the drawing. Pure.

Works on the document of a call, masked or not. Times are those at which we received the notifications: only
the last ones carry a date of the provider's, to the second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from receiver.providers.registry import PROVIDERS
from receiver.vocabulary.kinds import CallOutcome, CallStep

WIDTH, HEIGHT = 600, 64
"""About as many pixels as it has on a wide screen, so that the labels can be read."""
_LEFT, _RIGHT = 14, 14
_NARROWEST = 64
"""The smallest distance between two labels."""


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
    """Whether the caller was asked for keys, and pressed none."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The position of a step in the drawing."""

    x: float
    label: str | None
    bad: bool


@dataclass(frozen=True, slots=True)
class Strip:
    """The call from left to right: how long it rang, how long it went on."""

    stops: tuple[Stop, ...]
    ringing: tuple[float, float]
    talking: tuple[float, float]
    ended: bool
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True, slots=True)
class TimeLine:
    """What a page shows of a call."""

    steps: tuple[Step, ...]
    strip: Strip
    seconds: float


def time_line(call: Mapping[str, Any]) -> TimeLine:
    """The steps of a call, in the order of what happened."""
    events: Sequence[Mapping[str, Any]] = call["events"]
    begun = datetime.fromisoformat(call["started_at"])
    steps: list[Step] = []
    for event in events:
        # A notification that overtook another one on the way did not happen before it.
        since = (datetime.fromisoformat(event["received_at"]) - begun).total_seconds()
        seconds = max(since, steps[-1].seconds if steps else 0.0)
        stage = str(event["type"]).removeprefix("call.")
        party = str(event.get("dial_status") or event.get("transfer_status") or "")
        outcome = PROVIDERS[event["provider"]].parties.get(party, CallOutcome.ANSWERED)
        asked = step_of(event) is CallStep.MENU and stage == "ongoing"
        no_key = asked and not event.get("digits")
        steps.append(
            Step(event, _title(event, stage), seconds, stage, outcome is not CallOutcome.ANSWERED, no_key)
        )
    return TimeLine(tuple(steps), _strip(steps), steps[-1].seconds)


def _title(event: Mapping[str, Any], stage: str) -> str:
    if stage == "ringing":
        return "Ringing"
    if stage == "ended":
        return CallStep.MONITORED if event.get("monitor_url") else "Ended"
    return step_of(event) or ("Ongoing" if stage == "ongoing" else "Notified")


def step_of(event: Mapping[str, Any]) -> CallStep | None:
    """Which step of a call an event is about, if its provider says so."""
    return PROVIDERS[event["provider"]].steps.get(str(event.get("ivr_block")))


def _strip(steps: Sequence[Step]) -> Strip:
    length = steps[-1].seconds
    room = WIDTH - _LEFT - _RIGHT

    def place(step: Step, at: int) -> float:
        # A call within one second has no length to draw, so its steps are spread evenly.
        part = step.seconds / length if length >= 1 else at / max(1, len(steps) - 1)
        return round(_LEFT + room * part, 1)

    xs = [place(step, at) for at, step in enumerate(steps)]
    taken = -float(_NARROWEST)
    stops = []
    for x, step in zip(xs, steps, strict=True):
        label = None
        if x - taken >= _NARROWEST or step is steps[0]:
            label, taken = step.title, x + 3.5 * len(step.title)
        stops.append(Stop(x, label, step.bad))
    answered = next((x for x, step in zip(xs, steps, strict=True) if step.stage != "ringing"), xs[-1])
    ended = any(step.stage == "ended" for step in steps)
    talked = any(step.stage == "ongoing" for step in steps)
    return Strip(
        stops=tuple(stops),
        ringing=(xs[0], answered if talked or not ended else xs[-1]),
        talking=(answered, xs[-1]) if talked else (xs[-1], xs[-1]),
        ended=ended,
    )
