"""Whether a single event matches a search, without the database."""

from __future__ import annotations

from collections.abc import Iterable

from receiver.contacts.book import is_named
from receiver.models import Event
from receiver.search.conditions import TYPES_OF_STATE
from receiver.search.duty import OPEN_TYPES
from receiver.search.entries import indexed_words
from receiver.search.query import Search
from receiver.search.voicemail import brings_voicemail
from receiver.search.words import Phrase
from receiver.vocabulary.kinds import EventType


def matches(wanted: Search, event: Event) -> bool:
    """Whether an event matches by itself. The states of whole calls are not decided here: any end of a call
    matches. Nor is what somebody did about it, `open` and `handled`."""
    if event.type == EventType.TEST and not wanted.tests:
        return False
    plain = ("provider", "kind", "type", "sender", "recipient", "session", "txn_ref")
    if any((want := getattr(wanted, name)) is not None and want != getattr(event, name) for name in plain):
        return False
    if wanted.number is not None and wanted.number not in {event.sender, event.recipient}:
        return False
    if wanted.contact is not None and not is_named(wanted.contact, event.contact):
        return False
    if wanted.state is not None and EventType(event.type) not in TYPES_OF_STATE[wanted.state]:
        return False
    if wanted.open and event.type not in OPEN_TYPES:
        return False
    if wanted.since is not None and event.received_at < wanted.since:
        return False
    if wanted.until is not None and event.received_at >= wanted.until:
        return False
    if wanted.quarantined is not None and wanted.quarantined is not (event.quarantine is not None):
        return False
    if wanted.problems is not None and wanted.problems is not bool(event.problems):
        return False
    if wanted.voicemail is not None and wanted.voicemail is not brings_voicemail(event):
        return False
    return not wanted.text or holds(indexed_words(event), wanted.phrases)


def holds(found: list[str], asked: Iterable[Phrase]) -> bool:
    """Whether all phrases are among the words found."""
    return all(
        any(_begins(found[place : place + len(phrase.words)], phrase) for place in range(len(found)))
        for phrase in asked
    )


def _begins(row: list[str], phrase: Phrase) -> bool:
    if len(row) < len(phrase.words) or tuple(row[:-1]) != phrase.words[:-1]:
        return False
    return row[-1].startswith(phrase.words[-1]) if phrase.prefix else row[-1] == phrase.words[-1]
