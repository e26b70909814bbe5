"""What became of a call, as a person would say it."""

from __future__ import annotations

from collections.abc import Sequence

from receiver.models import Event
from receiver.providers.registry import PROVIDERS
from receiver.search.answered import REACHED, ended_as, shows
from receiver.search.told import Told
from receiver.vocabulary.kinds import CallOutcome, CallStep, EventState, EventType


def outcome_of(line: Sequence[Event], told: Told | None = None) -> CallOutcome:
    """The outcome of a call that is over, or of whose caller there is a message: from its events in their
    order and from what the rules told it."""
    state = ended_as(line, told)
    if state is EventState.VOICEMAIL:
        return CallOutcome.VOICEMAIL
    if shows(line, REACHED):
        return CallOutcome.ANSWERED
    tried = [outcome for event in line if (outcome := party_of(event))]
    if tried:
        return tried[-1]
    if state is EventState.ANSWERED:
        in_menu = told.menu_last if told is not None else _in_menu(line)
        return CallOutcome.ABANDONED if in_menu else CallOutcome.ANSWERED
    endings = (PROVIDERS[event.provider].endings.get(event.call_state or "") for event in reversed(line))
    return next(filter(None, endings), CallOutcome.MISSED)


def party_of(event: Event) -> CallOutcome | None:
    """What became of somebody who was called, if an event says so; `missed` if its word is not known."""
    word = event.transfer_status or event.dial_status
    return PROVIDERS[event.provider].parties.get(word, CallOutcome.MISSED) if word else None


def step_of(event: Event) -> CallStep | None:
    """Which step of a call an event is about, if its provider says so."""
    return PROVIDERS[event.provider].steps.get(event.ivr_block or "")


def _in_menu(line: Sequence[Event]) -> bool:
    """Whether the call was in a menu when it ended: by the step of the end or, if it names none, the one
    before."""
    if PROVIDERS[line[0].provider].tells_afterwards:
        return False
    ends = (at for at, event in enumerate(line) if event.type == EventType.CALL_ENDED)
    to_the_end = 1 + next(ends, len(line) - 1)
    last = next((step_of(event) for event in reversed(line[:to_the_end]) if event.ivr_block), None)
    return last is CallStep.MENU
