"""Loading the module of handlers, and where in it something went wrong."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path

from receiver.handlers.registry import HANDLERS, Handler, HandlerError

_TELLING = (SyntaxError, ImportError, NameError, AttributeError, HandlerError)
"""Errors whose messages are about the code. Those of others may hold a password."""


class LoadError(Exception):
    """The module cannot be loaded: what is wrong, and where."""

    def __init__(self, what: str, file: str, line: int | None) -> None:
        super().__init__(f"{what} ({file}{f', line {line}' if line else ''})")
        self.what, self.file, self.line = what, file, line


def load(where: str) -> dict[str, Handler]:
    """The handlers of a module, given by its name or by its file; `LoadError`."""
    try:
        if where.endswith(".py"):
            _load_file(Path(where))
        else:
            importlib.import_module(where)
    except BaseException as error:  # a module that calls sys.exit cannot be loaded either
        raise _load_error(error, where) from None
    return HANDLERS


def _load_file(path: Path) -> None:
    name = path.stem
    if not path.is_file():
        raise HandlerError("there is no such file")
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.origin != str(path):
        raise HandlerError(f"there is another module {name!r} in Python's path: give the file another name")
    # So that it can import what lies beside it. Last, so that nothing there stands in for anything else.
    sys.path.append(str(path.parent))
    importlib.import_module(name)


def _load_error(error: BaseException, where: str) -> LoadError:
    file, line = where, None
    if isinstance(error, SyntaxError) and error.filename:
        file, line = error.filename, error.lineno
    else:
        for frame in traceback.extract_tb(error.__traceback__):
            if is_theirs(frame.filename):
                file, line = frame.filename, frame.lineno
    name = type(error).__name__
    if isinstance(error, HandlerError):
        what = str(error)
    elif isinstance(error, _TELLING):
        what = f"{name}: {error.msg if isinstance(error, SyntaxError) else error}"
    else:
        what = f"{name} while loading"
    return LoadError(what[:500], _shown(file), line)


def is_theirs(file: str) -> bool:
    """Whether a file is the user's: not Python's, not installed, and not ours."""
    path = Path(file)
    ours = Path(__file__).parents[1]
    return (
        path.is_absolute()
        and ours not in path.parents
        and Path(traceback.__file__).parent not in path.parents
        and not {"site-packages", "dist-packages"} & set(path.parts)
    )


def _shown(file: str) -> str:
    """Relative to the checkout, which is where this process runs."""
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file
