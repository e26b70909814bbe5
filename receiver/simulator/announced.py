"""The simulator that was started for this checkout: where it answers, for commands that are not told.

Said in a file on which the simulator holds a lock: what one has left behind is not believed.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from .statefile import new_beside

FILE = Path(__file__).resolve().parents[2] / "var" / "simulator.address"


class NotAnnounced(Exception):
    """Nobody will find the simulator. The message is one sentence for a person."""


@dataclass(frozen=True)
class Announced:
    """A simulator that runs."""

    provider: str
    url: str


@contextmanager
def announce(simulator: Announced, file: Path | None) -> Iterator[None]:
    """Say in a file, if there is one, where a simulator answers, for as long as the block lasts.

    Who announces last is the one that is found. `NotAnnounced` if the file cannot be written, or holds
    anything else.
    """
    if file is None:
        yield
        return
    if os.path.lexists(file) and _said_in(file) is None:
        raise NotAnnounced(f"The file {file} is not one that a simulator wrote: name another, or remove it.")
    with ExitStack() as stack:
        try:
            held = stack.enter_context(new_beside(file))
            fcntl.flock(held, fcntl.LOCK_EX)
            held.write(json.dumps(asdict(simulator)))
            held.flush()
            Path(held.name).replace(file)  # whole and locked from its first moment
        except OSError as error:
            raise NotAnnounced(f"The file {file} cannot be written: {error.strerror}.") from error
        yield


def announced(file: Path = FILE) -> Announced | None:
    """The simulator that is announced there, if it runs."""
    try:
        with file.open(encoding="utf-8") as said:
            try:
                fcntl.flock(said, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _said_in(file)
    except OSError:
        pass
    return None


def _said_in(file: Path) -> Announced | None:
    try:
        return Announced(**json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None
    except (OSError, ValueError, TypeError):
        return None
