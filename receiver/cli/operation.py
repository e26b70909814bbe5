"""What every command runs in: the application, and an end to known errors in one sentence."""

from __future__ import annotations

import gc
import sqlite3
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import update_wrapper
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import ScriptInfo
from sqlalchemy.exc import SQLAlchemyError

from config import Config, use_demo
from receiver import current
from receiver.cli import output, streams
from receiver.cli.main import SETTINGS_GIVEN
from receiver.cli.output import fitted_error
from receiver.db.engine import SchemaError
from receiver.db.failure import failure_of, words_of
from receiver.db.schema import require_schema
from receiver.settings.files import USING_DEMO, ConfigError
from receiver.vocabulary.errors import OperatorError


def operation(command: Callable[..., None]) -> Callable[..., None]:
    """Run a command inside the application, with `known_errors`."""

    @click.pass_context
    def run(context: click.Context, /, *args: Any, **given: Any) -> None:
        streams.make_safe()  # for the `flask` command, too
        with streams.ending_cleanly(), known_errors():
            if not current_app:
                context.with_resource(_application(context).app_context())
            context.invoke(command, *args, **given)

    return update_wrapper(run, command)


def _application(context: click.Context) -> Flask:
    """The application: that of the `flask` command, or one of our own that serves nothing."""
    if info := context.find_object(ScriptInfo):
        return info.load_app()
    # Assembly stands above the commands, so it is named here and not imported, as a server names it.
    create_app = import_module("receiver.app").create_app
    if not context.meta.get(SETTINGS_GIVEN) and use_demo():
        output.say(USING_DEMO)
    app: Flask = create_app(Config.from_env(), public=False, private=False)
    gc.freeze()  # what is loaded by now stays for good
    gc.enable()
    return app


@contextmanager
def known_errors() -> Iterator[None]:
    """Errors become one sentence on stderr and exit code 1, without a traceback."""
    try:
        try:
            yield
        finally:
            streams.flush()
    except (click.exceptions.Exit, click.Abort, BrokenPipeError):  # click ends these in order
        raise
    except click.ClickException as error:
        if type(error) is not click.ClickException:  # a usage error knows how to show itself
            raise
        raise click.ClickException(fitted_error(error.message)) from None
    except Exception as error:
        raise click.ClickException(fitted_error(told(error))) from None


def told(error: Exception) -> str:
    """An error in one sentence, without private values."""
    if isinstance(error, OperatorError | ConfigError):
        return str(error)
    if isinstance(error, SQLAlchemyError | sqlite3.Error):
        return _why(error)
    if isinstance(error, OSError):
        reason = error.strerror or type(error).__name__
        return f"{error.filename}: {reason}" if error.filename else reason
    if isinstance(error, UnicodeEncodeError) and _was_typed(error.object[error.start : error.end]):
        return "a word of this command is no text: write it in the encoding of your locale"
    # Its own text may hold what is private.
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}, line {place.lineno}"
    return f"this should not have happened: {type(error).__name__} in {where}. Please report it"


def _was_typed(no_text: str) -> bool:
    return any(no_text in word for word in sys.argv[1:])


def _why(error: SQLAlchemyError | sqlite3.Error) -> str:
    """Why the database failed; if it does not say, its schema may not be what it should be."""
    if failure := failure_of(error):
        return str(failure)
    try:
        require_schema(current.engine())
    except SchemaError as reason:
        return str(reason)
    # Its own text holds the statement and its values, which are private.
    return f"the database failed: {words_of(error)}"
