"""Commands whose modules are imported only when they run: neither help nor completion waits for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from importlib import import_module

import click
from click.shell_completion import CompletionItem


class Later(click.Command):
    """Stands for a command that nobody has used yet. `where` is its `module:function` in `receiver.cli`."""

    def __init__(self, name: str, where: str, sentence: str) -> None:
        super().__init__(name, short_help=sentence)
        self.where = where

    def load(self) -> click.Command:
        """Import the command."""
        module, _, function = self.where.partition(":")
        command = getattr(import_module(f"receiver.cli.{module}"), function)
        if not isinstance(command, click.Command):
            raise TypeError(f"{self.where} is no command")
        return command


class Commands(click.Group):
    """A group that shows its commands in the order given, and imports one when it is used.

    With a `default`, that command runs when none is named: `receiver calls from:+65…`.
    """

    def __init__(
        self, name: str, sentence: str, commands: Sequence[click.Command], default: str | None = None
    ) -> None:
        super().__init__(name, help=sentence, commands=commands)
        self.default = default

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = super().get_command(ctx, cmd_name)
        return command.load() if isinstance(command, Later) else command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if self.default and not (ctx.resilient_parsing and not args):
            named = bool(args) and (args[0] in self.commands or args[0] in ctx.help_option_names)
            if not named:
                self._doubt(args)
                args = [self.default, *args]
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_section(formatter, "Commands", self.commands.values())

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        return [
            *(
                CompletionItem(name, help=command.get_short_help_str())
                for name, command in self.commands.items()
                if name.startswith(incomplete)
            ),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]

    def _doubt(self, args: list[str]) -> None:
        """A mistyped command is a word to search for, too: say so."""
        if not args or ":" in args[0]:
            return
        if close := get_close_matches(args[0], self.commands, n=1, cutoff=0.75):
            click.echo(f"Searching for {args[0]!r}. Did you mean the command {close[0]!r}?", err=True)


def write_section(
    formatter: click.HelpFormatter, title: str, commands: Iterable[click.Command], width: int = 0
) -> None:
    """A headed list of commands with their sentences, which begin behind names of at least this width."""
    rows = [
        ((command.name or "").ljust(width), command.get_short_help_str(formatter.width))
        for command in commands
    ]
    with formatter.section(title):
        formatter.write_dl(rows)
