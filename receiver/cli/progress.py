"""What shows on stderr that something is going on: a spinner or a bar, and only on a terminal.

Rich is loaded where it draws: a command in a pipe need not wait for it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from receiver.vocabulary.printable import printable


@contextmanager
def spinner(doing: str) -> Iterator[None]:
    """Show that something is going on, if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    with Console(stderr=True, highlight=False).status(Text(printable(doing)), spinner="line"):
        yield


@contextmanager
def ticker() -> Iterator[Callable[[str], None]]:
    """A line with a spinner, if stderr is a terminal; each call says in it how things stand."""
    if not sys.stderr.isatty():
        yield lambda doing: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    with Console(stderr=True, highlight=False).status("", spinner="line") as status:
        yield lambda doing: status.update(Text(printable(doing)))


@contextmanager
def bar(total: int) -> Iterator[Callable[[str], None]]:
    """A bar on stderr; each call says what is done next and moves it on."""
    if not sys.stderr.isatty():
        yield lambda doing: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.markup import escape  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True, highlight=False)
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as shown:
        task = shown.add_task("", total=total)
        begun = False

        def step_on(doing: str) -> None:
            nonlocal begun
            # What has begun is not done yet.
            shown.update(task, description=escape(printable(doing)), advance=int(begun))
            begun = True

        yield step_on
