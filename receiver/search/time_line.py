"""A call as a line of time: its events, and between them what the rules decided. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def after_events(
    events: Sequence[Mapping[str, Any]], decisions: Iterable[Mapping[str, Any]]
) -> list[tuple[Mapping[str, Any], list[Mapping[str, Any]]]]:
    """Each event of a call with the decisions that stand behind it: those that it led to, and those to which
    no event led while it was the newest."""
    places = {event["id"]: at for at, event in enumerate(events)}
    found: list[tuple[Mapping[str, Any], list[Mapping[str, Any]]]] = [(event, []) for event in events]
    for one in decisions:
        came = [at for at, event in enumerate(events) if event["received_at"] <= one["decided_at"]]
        found[places.get(one["event_id"], max(came, default=0))][1].append(one)
    return found


def party_words(event: Mapping[str, Any]) -> str:
    """What became of somebody who was called: our word, or the provider's if we have none for it."""
    from receiver.providers.registry import PROVIDERS  # noqa: PLC0415  # `listen` needs none, and starts quickly

    word = str(event.get("dial_status") or event.get("transfer_status") or "")
    return PROVIDERS[event["provider"]].parties.get(word) or word
