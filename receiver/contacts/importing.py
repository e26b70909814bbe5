"""Putting the contacts of a file in, and telling what that did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from receiver.contacts.book import Book, Done
from receiver.contacts.reading import Problem, read


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file did, or with `dry_run` would do."""

    done: Done
    without_number: int
    problems: Sequence[Problem]
    dry_run: bool


def import_file(book: Book, content: bytes, *, dry_run: bool = False) -> Imported:
    """What can be read goes in, all at once; the rest is reported. A number that has a name gets the file's.
    `ContactError` if nothing of the file can be read."""
    found = read(content, book.home())
    done = book.put_all(found.entries, dry_run=dry_run)
    return Imported(done, found.without_number, found.problems, dry_run)


def imported_json(imported: Imported) -> dict[str, Any]:
    """The form of it on the command line."""
    return {
        "dry_run": imported.dry_run,
        "added": imported.done.added,
        "renamed": imported.done.renamed,
        "same": imported.done.same,
        "without_number": imported.without_number,
        "problems": [{"line": one.line, "reason": one.reason} for one in imported.problems],
    }


def imported_words(imported: Imported) -> str:
    """The same in a sentence."""
    done, would = imported.done, "would be " if imported.dry_run else ""
    parts = [f"{done.added:,} {would}added", f"{done.renamed:,} renamed", f"{done.same:,} known already"]
    if imported.without_number:
        parts.append(f"{imported.without_number:,} without a number")
    if imported.problems:
        parts.append(f"{len(imported.problems):,} not read")
    return ", ".join(parts)
