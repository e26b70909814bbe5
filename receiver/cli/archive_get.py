"""`receiver archive get`: the documents of an event, as files."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import click

from receiver import current
from receiver.archive import documents
from receiver.archive.documents import Item
from receiver.archive.names import file_name
from receiver.archive.states import State
from receiver.cli import output
from receiver.cli.operation import operation
from receiver.cli.written import written_bytes
from receiver.vocabulary.printable import count_of

_STDOUT = "-"


@click.command()
@click.argument("event_id", type=click.IntRange(1))
@click.option("--output", "-o", "place", metavar="FILE", help="A file, a folder, or - for standard output.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@operation
def get(event_id: int, place: str | None, force: bool) -> None:
    """Save the documents of an event: a fax, a recording, the files of a message.

    Into this folder, under names such as fax-20260131-100000-6591234567-17.pdf, unless told otherwise.
    """
    event = current.event_log().get(event_id)
    if event is None:
        raise click.ClickException(f"there is no event {event_id}")
    items = documents.of_events(current.engine(), [event])[event_id]
    kept = [item for item in items if item.state is State.KEPT]
    if not kept:
        raise click.ClickException(_why_not(event_id, items))
    if len(kept) > 1 and place is not None and not Path(place).is_dir():
        raise click.UsageError(f"Event {event_id} has {len(kept)} documents: give -o a folder.")
    for item in kept:
        _save(item, place, file_name(event, item.field, item.media_type, item.position), force)
    if left := len(items) - len(kept):
        output.say(f"{count_of(left, 'document')} of it not kept: see `receiver archive list`")


def _why_not(event_id: int, items: Sequence[Item]) -> str:
    if not items:
        return f"event {event_id} has no documents"
    first = items[0]
    why = f": {first.reason}" if first.reason else ""
    again = "" if first.state is State.WAITING else f" Try again: receiver archive retry {event_id}"
    return f"the document of event {event_id} is not kept, it is {first.state}{why}{again}"


def _save(item: Item, place: str | None, name: str, force: bool) -> None:
    assert item.sha256 is not None  # noqa: S101  # it is kept
    with closing(current.archive_store().open(item.sha256)) as content:
        if place == _STDOUT:
            shutil.copyfileobj(content, sys.stdout.buffer)
            return
        path = Path(place or ".")
        path = path / name if path.is_dir() else path
        try:
            if path.is_file() and not force:
                raise click.ClickException(f"{path} is there already: name another with -o, or give --force")
            with written_bytes(path) as file:
                shutil.copyfileobj(content, file)
        except OSError as error:
            raise click.ClickException(f"cannot write {path}: {error.strerror}") from None
    output.say(f"saved {path}")
