"""Where the settings of a run come from: a file that was named, else the checkout or the demo in it."""

# Imports within functions: help need not wait for them.
# ruff: noqa: PLC0415

from __future__ import annotations

import os
from pathlib import Path

import click

_NAMED = "receiver.settings_named"
"""In the context's `meta`: the file that somebody named."""


def _load(context: click.Context, param: click.Parameter, path: Path | None) -> None:
    """Put the settings of a file into the environment, for this process and for the workers it starts."""
    if path is None or context.resilient_parsing:
        return
    context.meta[_NAMED] = path
    from receiver.settings.files import DEMO, ConfigError, read_env_file

    try:
        values = read_env_file(path)
    except ConfigError as error:
        raise click.BadParameter(str(error), context, param) from None
    if path.resolve() == DEMO:  # of a real service it takes nothing but what it names
        os.environ.update(values)
    for name, value in values.items():
        os.environ.setdefault(name, value)


ENV_FILE = click.Option(
    ["-e", "--env-file"],
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    expose_value=False,
    is_eager=True,
    callback=_load,
    help="Read settings from this file; they override .env, and the environment overrides them.",
)


def env_file() -> Path | None:
    """The file with settings that was named for this run, if one was."""
    named: Path | None = click.get_current_context().meta.get(_NAMED)
    return named


def uses_demo(context: click.Context) -> bool:
    """Whether the settings are those of the demo that runs here. Says so if they are."""
    from config import use_demo
    from receiver.cli import output
    from receiver.settings.files import USING_DEMO

    demo = _NAMED not in context.meta and use_demo()
    if demo:
        output.say(USING_DEMO)
    return demo
