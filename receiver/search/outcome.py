"""What became of a call, as a person would say it."""

from __future__ import annotations

from collections.abc import Sequence

from receiver.models import Event
from receiver.providers.registry import PROVIDERS
from receiver.search.answered import REACHED, answered, shows
from receiver.vocabulary.kinds import CallOutcome, CallStep, EventType

_NOT_REACHED = {"busy": CallOutcome.BUSY, "unanswered": CallOutcome.NO_ANSWER}


def outcome_of(line: Sequence[Event]) -> CallOutcome:
    """The outcome of a call that ended, from its events in their order."""
    if shows(line, REACHED):
        return CallOutcome.ANSWERED
    if any(event.record_url for event in line):
        return CallOutcome.VOICEMAIL
    tried = [status for event in line if (status := event.transfer_status or event.dial_status)]
    if tried:
        return _NOT_REACHED.get(tried[-1], CallOutcome.MISSED)
    if _last_step(line) is CallStep.MENU:
        return CallOutcome.ABANDONED
    return CallOutcome.ANSWERED if answered(line) else CallOutcome.MISSED


def _last_step(line: Sequence[Event]) -> CallStep | None:
    """The step that the call was in when it ended: that of the end or, if it names none, the one before."""
    to_the_end = 1 + next(at for at, event in enumerate(line) if event.type == EventType.CALL_ENDED)
    steps = (
        PROVIDERS[event.provider].steps.get(event.ivr_block)
        for event in reversed(line[:to_the_end])
        if event.ivr_block
    )
    return next(steps, None)
