"""What the commands that decide about events and delete them have in common."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import click

from receiver import current
from receiver.retention.remove import Removed
from receiver.vocabulary.printable import count_of


@contextmanager
def deleting(doing: str, total: int) -> Iterator[Callable[[int], None]]:
    """Progress on stderr, if that is a terminal: call it with how many more are done."""
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=total, label=doing, file=sys.stderr, hidden=hidden) as bar:
        yield bar.update


def removed_json(done: Removed) -> dict[str, object]:
    """What was or would be removed, for `--json`."""
    return {
        "events": done.events,
        "repeats": done.repeats,
        "first_at": done.first,
        "last_at": done.last,
    }


def written(when: datetime) -> str:
    """A time to the second, in the zone that it has."""
    return f"{when:%Y-%m-%d %H:%M:%S}"


def with_documents(count: int) -> str:
    """What went with the events, if anything did."""
    return f", with {count_of(count, 'document')}" if count else ""


def who() -> str:
    """The person at the terminal, for the record of what was done."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user has no name
        return "command line"


def secret() -> str:
    """What keys the digest that stands for an erased number; empty if none is set."""
    key = current.config().secret_key
    return key.get_secret_value() if key else ""
