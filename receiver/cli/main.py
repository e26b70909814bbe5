"""The `receiver` command: its options, and the help that shows all commands."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

import receiver
from receiver.cli import streams
from receiver.cli.commands import MEANT, SECTIONS
from receiver.cli.given import ENV_FILE
from receiver.cli.lazy import Commands, write_section


class Root(Commands):
    """All commands, in sections."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self.commands))
        for title, commands in SECTIONS.items():
            write_section(formatter, title, commands, width)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] in MEANT and not ctx.resilient_parsing:
            raise click.UsageError(f"No such command {args[0]!r}. Did you mean '{MEANT[args[0]]}'?", ctx)
        return super().resolve_command(ctx, args)

    def make_context(self, *args: Any, **given: Any) -> click.Context:
        with streams.ending_cleanly(), _fitted_usage_errors():
            return super().make_context(*args, **given)

    def invoke(self, ctx: click.Context) -> Any:
        with streams.ending_cleanly(), _fitted_usage_errors():
            return super().invoke(ctx)


@contextmanager
def _fitted_usage_errors() -> Iterator[None]:
    """Click writes the message of a wrong use in one line, however long."""
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:  # its message is the help
        raise
    except click.UsageError as error:
        from receiver.cli.output import fitted_error  # noqa: PLC0415  # most runs have no use for it

        raise click.UsageError(fitted_error(error.format_message()), error.ctx) from None


root = Root(
    "receiver",
    "Answers and keeps the calls, faxes and SMS that arrive at your telephone numbers.",
    [command for commands in SECTIONS.values() for command in commands],
)
root.epilog = (
    "Settings are environment variables, or lines of the .env file in the checkout; README.md lists them."
    " `receiver COMMAND --help` explains a command."
)
root.context_settings = {"help_option_names": ["-h", "--help"]}
root.params = [ENV_FILE]
click.version_option(receiver.__version__, message="Receiver %(version)s")(root)


def main() -> None:
    """What `.venv/bin/receiver` runs."""
    # Collecting garbage while modules load, and once more at exit, took a third of a short command's time.
    # `operation` turns it on again once the application is built.
    gc.disable()
    atexit.register(gc.freeze)
    streams.make_safe()
    try:
        try:
            streams.hear_interrupts()
            root(prog_name="receiver")
        finally:
            streams.flush()
    except KeyboardInterrupt:  # before or behind the command itself
        streams.end_line()
        raise SystemExit(130) from None
    except BrokenPipeError:  # whoever read it has seen enough
        raise SystemExit(1) from None
    except Exception as error:  # whatever is left: nobody at a terminal should have to read a traceback
        from receiver.cli.told import told  # noqa: PLC0415  # most runs end well

        click.echo(f"Error: {told(error)}", err=True)
        raise SystemExit(1) from None
