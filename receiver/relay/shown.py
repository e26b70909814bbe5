"""Targets, deliveries, attempts and replays as people and programs see them: one form, and nothing secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from receiver.relay.deliveries import Attempt, Delivery
from receiver.relay.delivery import DeliveryState
from receiver.relay.replay import Replay
from receiver.relay.sorts import SORTS
from receiver.relay.target import Target, TargetState
from receiver.search.events import iso
from receiver.search.mistakes import SearchError
from receiver.search.query import Search
from receiver.vocabulary.mask import DOTS, masked_number, masked_text

Counts = Mapping[DeliveryState, int]
"""Of one target, as `Deliveries.counts` has them."""

# A number as people write it, but no date: only behind a + is a dash a part of it.
_NUMBER = re.compile(r"\+\d(?:[\s().-]{0,2}\d){6,}|\d(?:\s?\d){6,}")
_MAILBOX = re.compile(r"[^\s@<>,;]+@(?=[\w-]+\.)")


def discreet(text: str | None, *, mask: bool) -> str | None:
    """A sentence about what goes out; with `mask`, without the numbers and mailboxes in it."""
    if not mask or text is None:
        return text
    return _MAILBOX.sub(f"{DOTS}@", _NUMBER.sub(DOTS, text))


def target_json(target: Target, counts: Counts, *, mask: bool = False) -> dict[str, Any]:
    """A target; with `mask`, no settings, and no numbers, mailboxes and words of its search."""
    sort = SORTS[target.sort]
    return {
        "id": target.id,
        "name": target.name,
        "sort": target.sort.value,
        "place": discreet(sort.place(target.settings), mask=mask),
        "search": str(masked_search(target.search) if mask else target.search),
        "ordered": target.ordered,
        "state": target.state.value,
        "waiting": counts.get(DeliveryState.WAITING, 0),
        "dead": counts.get(DeliveryState.DEAD, 0),
        "delivered_at": iso(target.delivered_at),
        "paused_at": iso(target.paused_at),
        "paused_why": discreet(target.paused_why, mask=mask),
        "failures": target.failures,
        "failing_since": iso(target.failing_since),
        "failure": discreet(target.failure, mask=mask),
        "next_try_at": iso(next_try(target)),
        "settings": {} if mask else sort.shown(target.settings),
        "created_at": iso(target.created_at),
        "created_by": target.created_by,
    }


def next_try(target: Target) -> datetime | None:
    """When its breaker lets something through again, if that is still to come."""
    until = target.blocked_until
    if target.state is not TargetState.FAILING or until is None or until <= datetime.now(UTC):
        return None
    return until


def state_words(target: Target, clock: Callable[[datetime], str]) -> str:
    """How it stands, for anybody: `failing since 10:12, next try 10:20: answered 503`."""
    if target.state is TargetState.PAUSED:
        return f"paused: {target.paused_why}" if target.paused_why else "paused"
    if target.state is TargetState.ACTIVE:
        return f"active, but the last attempt failed: {target.failure}" if target.failures else "active"
    since = "" if target.failing_since is None else f" since {clock(target.failing_since)}"
    again = next_try(target)
    coming = "trying now" if again is None else f"next try {clock(again)}"
    return f"failing{since}, {coming}: {target.failure}"


def delivery_json(delivery: Delivery, *, mask: bool = False) -> dict[str, Any]:
    """A delivery as it stands; with `mask`, no numbers and mailboxes."""
    waits = delivery.state is DeliveryState.WAITING
    return {
        "id": delivery.id,
        "target": delivery.target,
        "event_id": delivery.event_id,
        "replay_id": delivery.replay_id or None,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "status": delivery.status,
        "reason": discreet(delivery.reason, mask=mask),
        "next_try_at": iso(delivery.due_at) if waits else None,
        "created_at": iso(delivery.created_at),
        "done_at": iso(delivery.done_at),
    }


def delivery_words(delivery: Delivery, clock: Callable[[datetime], str]) -> str:
    """How it stands, for anybody: `waiting, next try 10:20: answered 503`."""
    if delivery.state is DeliveryState.DELIVERED:
        return "delivered"
    why = f": {delivery.reason}" if delivery.reason else ""
    if delivery.state is not DeliveryState.WAITING:
        return f"{delivery.state}{why}"
    coming = f", next try {clock(delivery.due_at)}" if delivery.due_at > datetime.now(UTC) else ""
    return f"waiting{coming}{why}"


def attempt_json(attempt: Attempt, *, mask: bool = False) -> dict[str, Any]:
    """One attempt; with `mask`, no numbers and mailboxes, and nothing of what the other side said: it may
    repeat what it was sent."""
    answer = attempt.answer
    return {
        "began_at": iso(attempt.began_at),
        "milliseconds": attempt.milliseconds,
        "delivered": attempt.delivered,
        "request": discreet(attempt.request, mask=mask),
        "status": attempt.status,
        "reason": discreet(attempt.reason, mask=mask),
        "answer": masked_text(answer) if mask and answer else answer,
    }


def replay_json(replay: Replay, *, mask: bool = False) -> dict[str, Any]:
    """A replay and how far it is."""
    return {
        "id": replay.id,
        "target": replay.target,
        "search": _masked_words(replay.search) if mask else replay.search,
        "state": replay.state,
        "planned": replay.planned,
        "waiting": replay.waiting,
        "delivered": replay.delivered,
        "dead": replay.dead,
        "cancelled": replay.cancelled,
        "asked_by": replay.asked_by,
        "asked_at": iso(replay.asked_at),
        "ended_at": iso(replay.ended_at),
        "stopped_by": replay.stopped_by,
    }


def masked_search(search: Search) -> Search:
    """The search without the numbers and words in it."""
    return replace(
        search,
        sender=search.sender and masked_number(search.sender),
        recipient=search.recipient and masked_number(search.recipient),
        number=search.number and masked_number(search.number),
        contact=search.contact and masked_text(search.contact),
        text=search.text and masked_text(search.text),
    )


def _masked_words(search: str) -> str:
    """Of a replay of chosen events, the search is a list of their ids."""
    try:
        return str(masked_search(Search.parse(search)))
    except SearchError:
        return search
