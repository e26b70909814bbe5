"""Which conversation is meant at the terminal: by its two numbers in either order, or by one of them."""

from __future__ import annotations

import click

from receiver import current
from receiver.cli import output
from receiver.cli.searching import read_search
from receiver.search.conversations import Conversation
from receiver.search.events import DEFAULT_PAGE
from receiver.search.query import Search

BOTH_ENDS = click.argument("ends", metavar="SENDER [NUMBER]", nargs=-1, required=True)
_NAMED = 10
"""So many conversations are named, if it is not clear which one is meant."""


def conversation_of(
    ends: tuple[str, ...], *, before: int | None = None, limit: int = DEFAULT_PAGE
) -> Conversation:
    """The conversation between these. The error says who wrote where, if several are meant."""
    if len(ends) > 2:
        raise click.UsageError("a conversation has two numbers: who wrote, and which of yours they wrote to")
    if len(ends) == 1:
        return _only(ends[0], before, limit)
    log, (one, other) = current.conversations(), (_spelled(end) for end in ends)
    for sender, number in ((one, other), (other, one)):
        found = log.get(number, sender, before=before, limit=limit)
        if found is not None:
            return found
    raise click.ClickException(
        f"{output.spoken(ends[0])} and {output.spoken(ends[1])} have no conversation:"
        " `receiver conversations` lists who wrote where"
    )


def _only(end: str, before: int | None, limit: int) -> Conversation:
    """The one conversation with this number."""
    log = current.conversations()
    found = log.find(Search(number=_spelled(end)), limit=_NAMED + 1).conversations
    one = log.get(found[0].number, found[0].sender, before=before, limit=limit) if len(found) == 1 else None
    if one is not None:
        return one
    if not found:
        raise click.ClickException(
            f"there is no conversation with {output.spoken(end)}:"
            " `receiver conversations` lists who wrote where"
        )
    named = [f"  {output.spoken(one.sender)} {output.spoken(one.number)}" for one in found[:_NAMED]]
    named += ["  and more"] * (len(found) > _NAMED)
    raise click.ClickException("\n".join(["there are several: name both numbers, as in", *named]))


def _spelled(end: str) -> str:
    return read_search(lambda: Search.read({"number": end})).number or ""
