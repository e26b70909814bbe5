"""A simulator's state on disk: one text file, replaced atomically."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from decimal import InvalidOperation
from pathlib import Path
from typing import IO, Any


class StateError(Exception):
    """The state file cannot be read or written. The message is one sentence for a person."""


def load(path: Path) -> str | None:
    """The text of a state file; None if there is no file yet."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise StateError(f"The state file {path} cannot be read: {reason(error)}.") from error


def save(path: Path, text: str) -> None:
    """Replace the file's content. After a crash there is the old file or the new one, never a part.

    Its owner alone can read it: it holds callback URLs, with their keys.
    """
    try:
        with new_beside(path) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise StateError(f"The state file {path} cannot be written: {reason(error)}.") from error


@contextlib.contextmanager
def new_beside(path: Path) -> Iterator[IO[str]]:
    """A new file in the same directory, which only its owner can read; gone if the block does not move it."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f"{path.name}.", delete=False
    ) as file:
        try:
            yield file
        finally:
            Path(file.name).unlink(missing_ok=True)


@contextlib.contextmanager
def reading(text: str, origin: object, form: object) -> Iterator[dict[str, Any]]:
    """What a state file holds; `StateError` if it is of another form, or the block cannot read it."""
    try:
        kept: dict[str, Any] = json.loads(text)
        if kept["format"] != form:
            raise ValueError("its format is not one this version knows")
        yield kept
    except (ValueError, TypeError, KeyError, AttributeError, InvalidOperation) as error:
        raise StateError(
            f"The state file {origin} is not one of this simulator's, or is damaged ({reason(error)}); "
            "move it away to begin anew."
        ) from error


def _sync_folder(folder: Path) -> None:
    # The rename is durable only once the directory is synced.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def reason(error: Exception) -> str:
    """Why a state file is unusable, in a few words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, KeyError):
        return f"{error} is missing"
    return str(error) or type(error).__name__
