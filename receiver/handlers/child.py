"""The process in which handlers run: `python -m receiver.handlers.child list|run MODULE`.

Its parent talks to it in lines of JSON over stdin and stdout, which the module never gets to see: what that
prints goes to stderr. With `list` it says once which handlers there are. With `run` it says that it is ready,
runs a function for each line that comes, and ends with its parent.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO

from receiver.handlers.event import Event
from receiver.handlers.load import LoadError, is_theirs, load
from receiver.handlers.registry import Handler, Stop

MOST_MEMORY = 1024 * 1024 * 1024
"""Bytes of its own. Whoever wants more gets a MemoryError, instead of taking the machine's."""
LONGEST_STOP = 500
"""Characters of what a handler says as it gives an event up."""


def main(task: str, where: str) -> None:
    said, answers = _take_streams()
    _limit()

    def say(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()

    try:
        handlers = load(where)
    except LoadError as error:
        say({"error": {"what": error.what, "file": error.file, "line": error.line}})
        return
    if task == "list":
        say({"handlers": [_described(handler) for handler in handlers.values()]})
        return
    say({"ready": True})
    _serve(handlers, said, say)


def _serve(handlers: Mapping[str, Handler], said: BinaryIO, say: Callable[[dict[str, Any]], None]) -> None:
    lines: SimpleQueue[bytes] = SimpleQueue()
    running = threading.Event()

    def read() -> None:
        for line in said:
            lines.put(line)
        if running.is_set():
            os._exit(1)  # nobody is left who would end it in time, or hear how it went
        lines.put(b"")

    threading.Thread(target=read, name="parent", daemon=True).start()
    while line := lines.get():
        running.set()
        say(_run(handlers, json.loads(line)))
        running.clear()


def _run(handlers: Mapping[str, Handler], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Run one, and say how it went: never with the message of an error, which may hold what came in."""
    handler = handlers.get(asked["handler"])
    if handler is None:
        return {"failed": "no such function any more"}
    try:
        handler.function(Event.read(asked["event"], **asked["about"]))
    except Stop as stop:
        return {"stopped": _where(stop, handler), "said": str(stop)[:LONGEST_STOP]}
    except BaseException as error:  # sys.exit in a handler ends the handler
        return {"failed": _where(error, handler)}
    finally:
        with suppress(Exception):
            sys.stdout.flush()
    return {"done": True}


def _where(error: BaseException, handler: Handler) -> str:
    """`ValueError in reply, line 12`: the innermost place in the user's own files."""
    place = handler.name.rpartition(".")[2]
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == handler.file or is_theirs(frame.filename):
            place = f"{frame.name}, line {frame.lineno}"
            if frame.filename != handler.file:
                place += f" of {Path(frame.filename).name}"
    return f"{type(error).__name__} in {place}"[:200]


def _described(handler: Handler) -> dict[str, Any]:
    return {
        "name": handler.name,
        "types": handler.types,
        "search": handler.search,
        "timeout": handler.timeout,
        "lanes": handler.lanes,
        "ordered": handler.ordered,
        "file": handler.file,
        "code": hashlib.sha256(Path(handler.file).read_bytes()).hexdigest()[:16],
    }


def _take_streams() -> tuple[BinaryIO, BinaryIO]:
    """Stdin and stdout for us alone. In their places stand nothing, and stderr."""
    said, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    return said, answers


def _limit() -> None:
    """Bound its memory; and if the machine has none left, this is what the kernel ends first."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    if most == resource.RLIM_INFINITY or most > MOST_MEMORY:
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, most))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
