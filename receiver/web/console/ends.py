"""The two ends of what arrived: numbers as links to what else concerns them, and their conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request, url_for
from markupsafe import Markup

from receiver import current
from receiver.access.scopes import Scope
from receiver.contacts.entry import is_contact_number
from receiver.vocabulary.telephone import channel_of, is_withheld
from receiver.web.console.relay import may
from receiver.web.console.shown import masked, phone, plain

_LISTS = {"console.calls", "console.faxes", "console.conversations"}
"""Whose pages lead to their own list; all others lead to the list of events."""


def end(value: object) -> Markup:
    """A number, as a link to all that came from it or to it."""
    number = "" if value is None else str(value)
    return _linked(number, phone(number))


def who(document: Mapping[str, Any]) -> Markup:
    """Who called or wrote: the name that the contacts have, and the number, which may be withheld."""
    number = document["sender"]
    if isinstance(number, str) and is_withheld(number):
        return Markup('<span class="none" title="{}">withheld</span>').format(number)
    name = document.get("contact")
    if not name or masked():
        return phone(number)
    return Markup('<span class="who-is" title="{}">{} {}</span>').format(name, plain(name), phone(number))


def caller(document: Mapping[str, Any]) -> Markup:
    """The same, as a link to all that came from there."""
    return _linked(document["sender"] or "", who(document))


def nameless(document: Mapping[str, Any]) -> bool:
    """Whether the visitor may give who called or wrote a name."""
    number = document["sender"]
    return not (masked() or document.get("contact")) and is_contact_number(number) and may(Scope.OPERATE)


def _linked(number: str, shown: Markup) -> Markup:
    if masked() or not _searchable(number) or is_withheld(number):
        return shown
    name = request.blueprint if request.blueprint in _LISTS else "console.events"
    address = url_for(f"{name}.show_list", q=f"number:{number}")
    return Markup('<a class="number" href="{}">{}</a>').format(address, shown)


def conversation_at(document: Mapping[str, Any]) -> str | None:
    """Where the messages between both ends are; None if there are none, or if the visitor masks."""
    sender, number = document["sender"], document["recipient"]
    if masked() or not (sender and number and _searchable(sender) and _searchable(number)):
        return None
    if current.conversations().get(number, sender, limit=1) is None:
        return None
    return url_for("console.conversations.show", number=number, sender=sender)


def _searchable(number: str) -> bool:
    bare = channel_of(number)[1].removeprefix("+")
    return bare.isascii() and bare.isalnum()


FILTERS = (end, who, caller, nameless, conversation_at)
"""What a template may write behind a `|`, by the function's name."""
