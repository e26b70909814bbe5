"""What the rules decided about a call, put beside its events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Engine

from receiver.answering import decisions
from receiver.answering.decisions import Noted
from receiver.answering.sentences import sentence
from receiver.answering.why import Why
from receiver.search.call import Call, call_json
from receiver.search.events import iso


def decided_of(engine: Engine, call: Call) -> list[Noted]:
    """What was decided, in the order in which it was."""
    return decisions.of_session(engine, call.provider, call.session)


def call_in_full(call: Call, decided: Sequence[Noted]) -> dict[str, Any]:
    """The form of one call by itself: with what was decided about it, and why."""
    ids = {event.identity: event.id for event in call.events}
    return call_json(call) | {"decisions": [_decision_json(one, ids) for one in decided]}


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
