"""What somebody should know about targets, as findings. Whoever delivers keeps them up to date."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from receiver.numbers import findings
from receiver.numbers.findings import Finding, graded, warning
from receiver.relay.deliveries import Deliveries
from receiver.relay.delivery import DeliveryState
from receiver.relay.target import Target, TargetState, all_targets
from receiver.vocabulary.printable import count_of

FAILING, PAUSED, DEAD = "target-failing", "target-paused", "deliveries-dead"
CODES = (FAILING, PAUSED, DEAD)
_LONG = timedelta(days=1)
"""A target that fails for so long gives its first deliveries up before long."""


def refresh(engine: Engine) -> None:
    """Look at all targets, and store what is not as it should be. Writes only if something changed."""
    dead = Deliveries(engine).dead()
    now = datetime.now(UTC)
    found = list(look(all_targets(engine), dead, now))
    try:
        for code in CODES:
            findings.replace(engine, code, (one for one in found if one.code == code), now=now)
    except IntegrityError:
        return  # another worker has just stored the same


def look(targets: Sequence[Target], dead: dict[int, int], now: datetime) -> Iterator[Finding]:
    """The findings. `dead` are deliveries given up, by target."""
    for target in targets:
        # Not its name, which the command contains: the console would take that for a number, and mask it.
        subject, name = f"target:{target.id}", shlex.quote(target.name)
        if target.state is TargetState.FAILING:
            since = target.failing_since or now
            yield graded(
                now - since > _LONG,
                FAILING,
                f"The target {target.label} fails since {since:%Y-%m-%d %H:%M} UTC:"
                f" {_ended(target.failure)} What is for it waits.",
                f"receiver targets test {name}",
                subject,
            )
        if target.paused_at is not None and not target.paused_by_person:
            yield warning(
                PAUSED,
                f"The target {target.label} is paused: {_ended(target.paused_why)} What is for it waits.",
                f"receiver targets resume {name}",
                subject,
            )
        if number := dead.get(target.id):
            yield warning(
                DEAD,
                f"{count_of(number, 'delivery', 'deliveries')} to the target {target.label} failed for good.",
                f"receiver deliveries list --state {DeliveryState.DEAD} --target {name}",
                subject,
            )


def _ended(reason: str | None) -> str:
    """A reason as the end of a sentence, which some are already."""
    return f"{(reason or '').removesuffix('.')}."
