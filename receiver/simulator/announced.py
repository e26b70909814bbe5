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

    Who announces last is the one that is found. `NotAnnounced` if the file cannot be written.
    """
    if file is None:
        yield
        return
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    with ExitStack() as stack:
        try:
            held = stack.enter_context(draft.open("w", encoding="utf-8"))
            fcntl.flock(held, fcntl.LOCK_EX)
            held.write(json.dumps(asdict(simulator)))
            held.flush()
            draft.replace(file)  # whole and locked from its first moment
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise NotAnnounced(f"The file {file} cannot be written: {error.strerror}.") from error
        yield


def announced(file: Path = FILE) -> Announced | None:
    """The simulator that is announced there, if it runs."""
    try:
        with file.open(encoding="utf-8") as said:
            try:
                fcntl.flock(said, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return Announced(**json.load(said))
    except (OSError, ValueError, TypeError):
        pass
    return None
