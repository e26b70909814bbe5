"""`receiver events export`: everything that matches, in a file or a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from receiver import current
from receiver.cli import options, output, pages, progress
from receiver.cli.operation import operation
from receiver.cli.searching import Shown, searching, warn_of
from receiver.cli.written import written
from receiver.export.export import ALL_FIELDS, FieldError, Form, export, read_fields
from receiver.search.index_lag import words_lag
from receiver.search.query import Search


@click.command()
@searching
@click.option("--csv", "form", flag_value="csv", help="CSV in which no cell starts a formula.")
@click.option("--ndjson", "form", flag_value="ndjson", help="One JSON object per line (the default).")
@click.option(
    "--output", "-o", "path", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file."
)
@click.option("--fields", help=f"Only these fields, comma-separated: {', '.join(ALL_FIELDS)}, params, raw.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="How many; all by default.")
@pages.BEFORE
@options.MASK
@operation
def export_events(
    *,
    wanted: Search,
    shown: Shown,
    form: str | None,
    path: Path | None,
    fields: str | None,
    limit: int | None,
    before: int | None,
    mask: bool,
) -> None:
    """Write all matching events as CSV or JSON lines.

    Newest first, with times in UTC. A file is there once it is whole; a device or a pipe is written to.
    A CSV file begins with a byte order mark, so that Excel reads it as UTF-8; CSV on stdout does not.
    """
    try:
        names = read_fields(fields) if fields else ALL_FIELDS
    except FieldError as error:
        raise click.UsageError(f"--{error}") from None
    found = export(
        current.engine(),
        wanted,
        Form(form or "ndjson"),
        fields=names,
        limit=limit,
        before=before,
        mask=mask,
        mark=path is not None,
    )
    warn_of(words_lag(current.engine(), wanted, before=before), shown)
    if path is None:
        write(found, sys.stdout)
        return
    try:
        with progress.spinner(f"writing {path}"), written(path) as file:
            write(found, file)
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror or error}") from None
    output.say(f"wrote {path}, {path.stat().st_size:,} bytes" if path.is_file() else f"wrote {path}")


def write(found: Iterator[str], file: Any) -> None:
    """Write an export to a file or to stdout, in UTF-8 and with the line ends that it has."""
    if file is sys.stdout:
        sys.stdout.reconfigure(newline="", encoding="utf-8")
    for text in found:
        file.write(text)
    file.flush()
