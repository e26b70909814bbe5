"""Standard output and error as every command needs them, whatever the shell and the locale made of them."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

import click


class NotWritten(OSError):
    """Standard output takes nothing."""


class _Output(io.TextIOWrapper):
    """Standard output, whose errors say that they are its own."""

    def write(self, text: str, /) -> int:
        with _its_own():
            return super().write(text)

    def flush(self) -> None:
        with _its_own():
            super().flush()


@contextmanager
def _its_own() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:  # whoever read it has seen enough
        raise
    except OSError as error:
        reason = f"cannot write to standard output: {error.strerror}"
        raise NotWritten(error.errno, reason) from None


def make_safe() -> None:
    """Let no text and no closed stream stop a command. To call it again changes nothing.

    A letter that the terminal's encoding lacks is shown as `?`. A closed stream becomes one that fails when
    something is written: otherwise the next file that is opened would take its place, and get its text.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if descriptor == 2 else os.O_RDONLY)
    if sys.stderr is None:  # Python's word for a stream that was closed
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  # it stays
    elif isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="replace")
    if sys.stdout is None:
        sys.stdout = _Output(open(1, "wb", closefd=False), "utf-8", "replace")  # noqa: SIM115
    elif sys.stdout is sys.__stdout__ and isinstance(sys.stdout, io.TextIOWrapper):  # nobody else's
        old = sys.stdout  # `sys` keeps it, so that it does not close the buffer
        sys.stdout = _Output(old.buffer, old.encoding, "replace", line_buffering=old.line_buffering)


def flush() -> None:
    """Have on its way what was said so far. What cannot be written is not tried again at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)
        raise


@contextmanager
def ending_cleanly() -> Iterator[None]:
    """Ctrl-C ends the line that shows `^C`, and the command with what shells expect, 130."""
    try:
        yield
    except KeyboardInterrupt:
        _end(130)
    except click.Abort as aborted:
        # At a question, click makes the same of Ctrl-C and of the end of the input.
        _end(130 if isinstance(aborted.__context__, KeyboardInterrupt) else 1)


def hear_interrupts() -> None:
    """Take Ctrl-C from now on, also one that came while it was held back."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def end_line() -> None:
    """End the line in which a terminal shows `^C`."""
    if sys.stderr.isatty():
        sys.stderr.write("\n")


def _end(status: int) -> NoReturn:
    end_line()
    raise SystemExit(status) from None
