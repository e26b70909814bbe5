"""When a call is over, also if its end was never reported, and at which of its events it is found then.

Usually a callback reports the end. It is lost if the machine that it is for is away; but what a call was told
last, or what it did last, may say as much. A message that was left counts even before the call is over.
Here for a call that was read; `receiver.search.found_at` asks the same in SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from receiver.models import Event
from receiver.providers.registry import PROVIDERS
from receiver.search.answered import Is, Signs, ended_as, shows
from receiver.search.told import Told
from receiver.search.voicemail import brings_voicemail
from receiver.vocabulary.kinds import REPORTS, CallStep, EventState, EventType

_ALL = tuple(PROVIDERS.values())
GONE: Signs = (
    *(
        Is("call_state", word)
        for word in dict.fromkeys(
            word for provider in _ALL for word, state in provider.states.items() if state is EventState.ENDED
        )
    ),
    *(
        Is("ivr_block", word)
        for provider in _ALL
        for word, step in provider.steps.items()
        if step is CallStep.HUNG_UP
    ),
)
"""Nobody is on the line any more."""
TAUGHT = tuple(provider for provider in _ALL if provider.tells_afterwards)
"""They ask what comes next, and the answer is final: who is told to hang up hangs up."""
ASKED_AGAIN: Signs = tuple(
    Is("ivr_block", word)
    for word in dict.fromkeys(
        word
        for provider in TAUGHT
        for word, step in provider.steps.items()
        if step not in REPORTS and step is not CallStep.DIALLING
    )
)
"""They were asked what comes next: without rules the answer is the end."""


def is_over(events: Sequence[Event], told: Told | None) -> bool:
    """Whether the call is over of which these are the trusted events; `told` is what the rules told it."""
    if has_end(events) or shows(events, GONE):
        return True
    if not PROVIDERS[events[0].provider].tells_afterwards:
        return False
    return shows(events, ASKED_AGAIN) if told is None else told.over


def has_end(events: Iterable[Event]) -> bool:
    """Whether the end of the call was reported."""
    return any(event.type == EventType.CALL_ENDED for event in events)


def state_so_far(events: Sequence[Event], told: Told | None) -> EventState | None:
    """What became of a call, if it is over or the caller has left a message. None if nothing that came could
    be read as a call's."""
    if not found_at(events):
        return None
    state = ended_as(events, told)
    left = state is EventState.VOICEMAIL and any(map(brings_voicemail, events))
    return state if left or is_over(events, told) else None


def found_at(events: Sequence[Event]) -> Sequence[Event]:
    """The events at which a call is found by what became of it: its ends, or the newest if none came."""
    ends = [event for event in events if event.type == EventType.CALL_ENDED]
    under_way = [event for event in events if event.type in UNDER_WAY]
    return ends or sorted(under_way, key=lambda event: event.id)[-1:]


UNDER_WAY = (EventType.CALL_RINGING, EventType.CALL_ONGOING)
FOUND_AT_TYPES = frozenset({EventType.CALL_ENDED, *UNDER_WAY})
