"""Targets and their deliveries as lines for a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import click

from receiver.cli.searching import Shown
from receiver.cli.tables import Marked
from receiver.relay.deliveries import Attempt, Delivery
from receiver.relay.delivery import DeliveryState
from receiver.relay.shown import attempt_json, delivery_words, discreet, state_words
from receiver.relay.target import Target, TargetState
from receiver.vocabulary.printable import printable

_STYLES: Mapping[str, str] = {
    TargetState.ACTIVE: "green",
    TargetState.PAUSED: "yellow",
    TargetState.FAILING: "red",
    DeliveryState.DELIVERED: "green",
    DeliveryState.DEAD: "red",
    DeliveryState.CANCELLED: "yellow",
}

_YES_NO = {True: "yes", False: "no"}


def clock(shown: Shown) -> Callable[[datetime], str]:
    """A moment in as few characters as it needs: `10:12` if it is today."""

    def written(when: datetime) -> str:
        today = datetime.now(UTC).astimezone(shown.zone).date()
        there = when.astimezone(shown.zone)
        return there.strftime("%H:%M") if there.date() == today else shown.minute(when)

    return written


def marked(words: str, state: str) -> Marked:
    """Words about a state in the colour of that state."""
    return Marked(words, _STYLES.get(state, ""))


def state_of(target: Target, shown: Shown, *, mask: bool = False) -> Marked:
    """How a target stands, in words."""
    return marked(discreet(state_words(target, clock(shown)), mask=mask) or "", target.state)


def state_of_delivery(delivery: Delivery, shown: Shown, *, mask: bool) -> Marked:
    """How a delivery stands, in words."""
    return marked(discreet(delivery_words(delivery, clock(shown)), mask=mask) or "", delivery.state)


def show_attempt(attempt: Attempt, heading: str, *, mask: bool = False) -> None:
    """What was sent, what came back, and how long it took."""
    told = attempt_json(attempt, mask=mask)
    click.echo(printable(f"{heading}: {told['request'] or 'nothing was sent'}"))
    outcome = "delivered" if attempt.delivered else printable(told["reason"] or "failed").removesuffix(".")
    status = f"answered {attempt.status}, " if attempt.status and attempt.delivered else ""
    click.echo(f"  {status}{outcome}, after {attempt.milliseconds} ms")
    for line in (told["answer"] or "").splitlines():
        click.echo(f"  | {printable(line)}")


def fields(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The rows of a table with a value in each; what is nested as `settings.url`."""
    rows: list[tuple[str, str]] = []
    for name, value in document.items():
        if isinstance(value, Mapping):
            rows += [(f"{name}.{inner}", text) for inner, text in fields(value)]
        elif isinstance(value, list):
            rows += [(name, ", ".join(map(str, value)))] if value else []
        elif value is not None:
            rows.append((name, _YES_NO[value] if isinstance(value, bool) else str(value)))
    return rows
