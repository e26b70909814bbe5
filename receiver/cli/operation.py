"""What every command runs in: the application, and an end to known errors in one sentence."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import update_wrapper
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import ScriptInfo

from config import Config
from receiver.cli import streams
from receiver.cli.given import uses_demo
from receiver.cli.output import fitted_error
from receiver.cli.told import told


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
    from receiver.app import create_app  # noqa: PLC0415  # `listen` has a service elsewhere, and needs none here

    uses_demo(context)
    app = create_app(Config.from_env(), public=False, private=False)
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
