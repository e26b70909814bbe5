"""`receiver archive`: the documents that callbacks linked to, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence

import click

from receiver import current
from receiver.archive import checking, documents
from receiver.archive.documents import Item, item_json
from receiver.archive.states import State
from receiver.cli import options, output, pages, progress, tables
from receiver.cli.columns import Column
from receiver.cli.operation import operation
from receiver.db.schema import require_schema
from receiver.outbound.media import BY_TYPE
from receiver.vocabulary.printable import count_of, size


@click.command()
@options.AS_JSON
@operation
def status(as_json: bool) -> None:
    """Show how many documents are kept, and what became of the others."""
    found = documents.counts(current.engine())
    if as_json:
        output.json_out(found)
        return
    click.echo(f"{count_of(found.documents, 'document')}, {size(found.bytes)}")
    tables.show(("links", "state"), [(count, state) for state, count in found.states.items()])
    if found.deleting:
        wait = count_of(found.deleting, "document waits", "documents wait")
        output.say(f"{wait} for deletion, which `receiver work` does")


@click.command()
@click.option("--state", type=click.Choice([state.value for state in State]), help="Only these.")
@click.option("--before", type=click.IntRange(1), metavar="ID", help="Of events before this one.")
@pages.LIMIT
@options.AS_JSON
@operation
def list_items(state: str | None, before: int | None, limit: int, as_json: bool) -> None:
    """List the links of events, newest first, and what became of them."""
    page = documents.find(current.engine(), state=State(state) if state else None, before=before, limit=limit)
    if as_json:
        following = None if page.next is None else str(page.next)
        output.json_out({"documents": [item_json(item) for item in page.items], "next": following})
        return
    pages.show(
        ("event", "field", "state", "document", Column("attempts", goes=1), Column("reason", room=16)),
        [_row(item) for item in page.items],
        "documents",
    )
    pages.mention_older(page.next)


def _row(item: Item) -> Sequence[object]:
    media = BY_TYPE.get(item.media_type or "")
    words = f"{media.words}, {size(item.size or 0)}" if media else None
    return (item.event_id, item.field, item.state.value, words, item.attempts, item.reason)


@click.command()
@click.argument("ids", nargs=-1, type=click.IntRange(1), metavar="[EVENT_ID]...")
@click.option("--all-lapsed", is_flag=True, help="All whose link had lapsed.")
@options.AS_JSON
@operation
def retry(ids: tuple[int, ...], all_lapsed: bool, as_json: bool) -> None:
    """Fetch documents again that are not kept.

    Name events, or all that lapsed. What is being fetched right now goes on. What is kept stays as it is:
    `receiver archive check` looks into that.
    """
    if bool(ids) == all_lapsed:
        raise click.UsageError("Give ids of events, or --all-lapsed.")
    again = documents.retry(current.engine(), ids, state=State.LAPSED if all_lapsed else None)
    if as_json:
        output.json_out({"waiting": again})
    else:
        click.echo(f"{count_of(again, 'link')} will be fetched again")


@click.command()
@click.option("--mend", is_flag=True, help="Fetch again what is missing or damaged.")
@options.AS_JSON
@operation
def check(mend: bool, as_json: bool) -> None:
    """Check that every document is there and is what was kept.

    Reads all of them, and compares their SHA-256. Exits with 1 if something is wrong, or if the archive holds
    what the log does not name. Nothing deletes that: it may be another log's.
    """
    require_schema(current.engine())
    engine, store = current.engine(), current.archive_store()
    with progress.spinner("reading all documents"):
        found = checking.check(engine, store)
        again = checking.mend(engine, store, found) if mend else 0
    if as_json:
        output.json_out(
            {
                "documents": found.documents,
                "wrong": found.wrong,
                "strays": found.strays,
                "fetched_again": again,
            }
        )
    else:
        _show_check(found)
        if mend:
            output.say(f"{count_of(again, 'link')} will be fetched again")
    unreadable = any(one.what == checking.UNREADABLE for one in found.wrong)
    if unreadable or found.strays or (found.wrong and not mend):
        raise SystemExit(1)


def _show_check(found: checking.Checked) -> None:
    click.echo(f"{count_of(found.documents, 'document')} read, {len(found.wrong)} wrong")
    if found.wrong:
        rows = [
            (one.sha256[:16], one.what, ", ".join(str(event_id) for event_id in one.event_ids))
            for one in found.wrong
        ]
        tables.show(("document", "what", "events"), rows)
    if found.strays:
        files = count_of(len(found.strays), "file")
        output.say(f"{files} in the archive that this log does not name; --json lists them")
