"""How targets, deliveries and replays are shown, also to those who mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import request

from receiver import current
from receiver.access.scopes import Scope
from receiver.models import Event
from receiver.relay import shown as relay_shown
from receiver.relay.deliveries import Delivery
from receiver.relay.replay import Replay
from receiver.relay.shown import masked_search, next_try, replay_json
from receiver.relay.target import Target
from receiver.search.events import rows
from receiver.search.query import Search
from receiver.web.console import guard, shown
from receiver.web.console.lists import row, whole_number


def discreet(text: str | None) -> str:
    """A sentence of ours about what went out, without numbers and mailboxes for those who mask."""
    return relay_shown.discreet(text, mask=shown.masked()) or ""


def search_words(search: Search) -> str:
    """A search as this visitor may see it."""
    return str(masked_search(search) if shown.masked() else search)


def replayed_words(replay: Replay) -> str:
    """What a replay sends, as this visitor may see it."""
    return replay_json(replay, mask=shown.masked())["search"] or "every event"


def label(name: str) -> str:
    """The name of a setting, for people."""
    return "URL" if name == "url" else name.replace("_", " ").capitalize()


def may(scope: str) -> bool:
    """Whether the visitor may do what requires this scope."""
    return guard.visitor().scope.allows(Scope(scope))


def by_visitor() -> str:
    """Who does it, for the record."""
    return guard.visitor().name


def lines(deliveries: Sequence[Delivery]) -> list[dict[str, Any]]:
    """Deliveries with their events, as lines of a list. An event may be gone in the meantime."""
    with current.engine().connect() as connection:
        events = {event.id: row(event) for event in rows(connection, [one.event_id for one in deliveries])}
    return [{"delivery": one, "event": events.get(one.event_id)} for one in deliveries]


@dataclass(frozen=True, slots=True)
class Sent:
    """Where an event was delivered, and where the visitor may send it."""

    targets: Sequence[Target]
    deliveries: Sequence[Delivery]


def of_event(event: Event) -> Sent:
    """Where an event was delivered, newest first. What is quarantined goes nowhere until it is released."""
    targets = current.targets().all()
    if not targets:
        return Sent([], [])
    deliveries = current.deliveries().of_events([event.id])
    allowed = may(Scope.OPERATE) and event.quarantine is None
    return Sent(targets if allowed else [], deliveries)


def done(sentences: dict[str, str]) -> str | None:
    """What was just done, for the person who did it; `{}` stands for how many."""
    count = whole_number(request.args.get("count")) or 0
    sentence = sentences.get(request.args.get("done", ""))
    return sentence and sentence.format(counted(count))


def counted(number: int) -> str:
    """So many deliveries, in words."""
    return f"{number:,} {'delivery' if number == 1 else 'deliveries'}"


FILTERS = (next_try, discreet, search_words, replayed_words, counted)
"""What a template may write behind a `|`, by the function's name."""
