"""What the rules decided about calls and SMS, put beside their events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Engine

from receiver.answering import decisions
from receiver.answering.decisions import Noted
from receiver.answering.sentences import sentence
from receiver.answering.why import Cause, Why
from receiver.models import Event
from receiver.search.call import Call, call_json
from receiver.search.conversations import Conversation, conversation_json
from receiver.search.events import iso
from receiver.search.repeats import whole_json


def decided_of(engine: Engine, call: Call) -> list[Noted]:
    """What was decided, in the order in which it was."""
    return decisions.of_session(engine, call.provider, call.session)


def call_in_full(call: Call, decided: Sequence[Noted]) -> dict[str, Any]:
    """The form of one call by itself: with what was decided about it, and why."""
    ids = {event.identity: event.id for event in call.events}
    return call_json(call) | {"decisions": [_decision_json(one, ids) for one in decided]}


def event_in_full(engine: Engine, event: Event) -> dict[str, Any]:
    """The form of one event by itself: with its raw request and repeats, and with what it led to."""
    decided = decisions.of_events(engine, [event.identity]).values()
    ids = {event.identity: event.id}
    return whole_json(engine, event) | {"decisions": [_decision_json(one, ids) for one in decided]}


def conversation_in_full(engine: Engine, conversation: Conversation) -> dict[str, Any]:
    """The form of one conversation by itself: each message with what it led to."""
    ids = {part.identity: part.id for message in conversation.messages for part in message.parts}
    decided = decisions.of_events(engine, list(ids))
    shown = conversation_json(conversation)
    for told, message in zip(shown["messages"], conversation.messages, strict=True):
        led_to = [decided[part.identity] for part in message.parts if part.identity in decided]
        told["decisions"] = [_decision_json(one, ids) for one in _of_message(led_to)]
    return shown


def _of_message(parts: Sequence[Noted]) -> Iterable[Noted]:
    """What a message led to: the parts of a long one came one by one, and each was decided about."""
    answered = [one for one in parts if one.told or one.why[-1].cause is Cause.NOT_SENT]
    return {one.why: one for one in reversed(answered or parts)}.values()


def _decision_json(one: Noted, ids: Mapping[str, int]) -> dict[str, Any]:
    there = one.state if one.state is not None and not one.state.over else None
    return {
        "decided_at": iso(one.decided_at),
        "event_id": ids.get(one.identity or ""),
        "why": [_why_json(why) for why in one.why],
        "does": one.told,
        "flow": None if there is None else there.flow,
        "step": None if there is None else there.step + 1,
    }


def _why_json(why: Why) -> dict[str, Any]:
    return {
        "cause": why.cause.value,
        "rule": why.tried[-1].rule if why.tried and why.tried[-1].held else None,
        "flow": why.flow or None,
        "step": why.step or None,
        "said": sentence(why),
    }
