"""What somebody may have meant whose search found nothing."""

from __future__ import annotations

import re

from receiver import current
from receiver.cli import output
from receiver.search.query import Search, written


def mention_what_was_meant(wanted: Search, found: int) -> None:
    """Say it, if nothing was found and it is plain: an event's id is searched for as a word, a name as a
    number."""
    if found:
        return
    text = wanted.text or ""
    if wanted == Search(text=text) and re.fullmatch(r"[0-9]{1,18}", text, re.ASCII):
        if current.event_log().get(int(text)) is not None:
            output.say(f"to see the event with this id: receiver events show {text}")
    elif wanted.sender and re.fullmatch(r"[^\W\d_][^\d+]*", wanted.sender):
        output.say(f"to look for a name among the contacts: {written('contact', wanted.sender)}")
