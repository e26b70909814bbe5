"""The two ends of what arrived: numbers as links to what else concerns them, and their conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request, url_for
from markupsafe import Markup

from receiver import current
from receiver.vocabulary.telephone import is_withheld
from receiver.web.console.shown import masked, phone

_LISTS = {"console.calls", "console.faxes", "console.conversations"}
"""Whose pages lead to their own list; all others lead to the list of events."""


def end(value: object) -> Markup:
    """A number, as a link to all that came from it or to it."""
    number = "" if value is None else str(value)
    if masked() or not _searchable(number):
        return phone(number)
    name = request.blueprint if request.blueprint in _LISTS else "console.events"
    address = url_for(f"{name}.show_list", q=f"number:{number}")
    return Markup('<a class="number" href="{}">{}</a>').format(address, phone(number))


def caller(value: object) -> Markup:
    """The same for who called or wrote, who may have withheld the number."""
    if isinstance(value, str) and is_withheld(value):
        return Markup('<span class="none" title="{}">withheld</span>').format(value)
    return end(value)


def conversation_at(document: Mapping[str, Any]) -> str | None:
    """Where the messages between both ends are; None if there are none, or if the visitor masks."""
    sender, number = document["sender"], document["recipient"]
    if masked() or not (sender and number and _searchable(sender) and _searchable(number)):
        return None
    if current.conversations().get(number, sender, limit=1) is None:
        return None
    return url_for("console.conversations.show", number=number, sender=sender)


def _searchable(number: str) -> bool:
    return number.removeprefix("+").isascii() and number.removeprefix("+").isalnum()


FILTERS = (end, caller, conversation_at)
"""What a template may write behind a `|`, by the function's name."""
