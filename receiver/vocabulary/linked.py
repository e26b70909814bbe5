"""Files that an event links to, several in one field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Linked(NamedTuple):
    """A link to a file, and what the provider says that it is."""

    media_type: str
    url: str


def linked_json(files: tuple[Linked, ...]) -> list[dict[str, str]]:
    """Their form in the JSON of an event."""
    return [file._asdict() for file in files]


def lines_of(files: Iterable[Linked]) -> str | None:
    """As the log keeps them: one on each line, its type first. None if there are none."""
    return "\n".join(f"{file.media_type} {file.url}" for file in files) or None


def lines_of_json(files: Iterable[Mapping[str, str]]) -> str | None:
    """The same from the JSON of an event."""
    return lines_of(Linked(**file) for file in files)


def read_lines(kept: str | None) -> tuple[Linked, ...]:
    """The files from what the log keeps."""
    return tuple(Linked(*line.split(" ", 1)) for line in (kept or "").split("\n") if " " in line)
