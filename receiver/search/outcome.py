"""What became of a call, as a person would say it."""

from __future__ import annotations

from collections.abc import Sequence

from receiver.models import Event
from receiver.providers.registry import PROVIDERS
from receiver.search.answered import REACHED, RECORDED, ended_as, shows
from receiver.search.told import Told
from receiver.vocabulary.kinds import CallOutcome, CallStep, EventState, EventType


def outcome_of(line: Sequence[Event], told: Told | None = None) -> CallOutcome:
    """The outcome of a call that ended, from its events in their order and from what the rules told it."""
    if shows(line, REACHED):
        return CallOutcome.ANSWERED
    if shows(line, RECORDED):
        return CallOutcome.VOICEMAIL
    tried = [outcome for event in line if (outcome := party_of(event))]
    if tried:
        return tried[-1]
    if told.menu_last if told is not None else _last_step(line) is CallStep.MENU:
        return CallOutcome.ABANDONED
    if ended_as(line, menu=told is not None and told.menu) is EventState.ANSWERED:
        return CallOutcome.ANSWERED
    endings = (PROVIDERS[event.provider].endings.get(event.call_state or "") for event in reversed(line))
    return next(filter(None, endings), CallOutcome.MISSED)


def party_of(event: Event) -> CallOutcome | None:
    """What became of somebody who was called, if an event says so; `missed` if its word is not known."""
    word = event.transfer_status or event.dial_status
    return PROVIDERS[event.provider].parties.get(word, CallOutcome.MISSED) if word else None


def step_of(event: Event) -> CallStep | None:
    """Which step of a call an event is about, if its provider says so."""
    return PROVIDERS[event.provider].steps.get(event.ivr_block or "")


def _last_step(line: Sequence[Event]) -> CallStep | None:
    """The step that the call was in when it ended: that of the end or, if it names none, the one before."""
    to_the_end = 1 + next(at for at, event in enumerate(line) if event.type == EventType.CALL_ENDED)
    return next((step_of(event) for event in reversed(line[:to_the_end]) if event.ivr_block), None)
