"""Asking several providers the same: one that cannot tell hides nothing of the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from receiver.cli import output
from receiver.providers.base import Provider
from receiver.providers.errors import ProviderError
from receiver.setup.catalogue import NoSuchPlace


class Several:
    """The providers that are asked. With one alone, its mistakes are those of the command."""

    def __init__(self, asked: Sequence[Provider]) -> None:
        self.asked = asked
        self.many = len(asked) > 1
        self.failed = False
        """Whether one could not be asked, so that not everything is known."""

    @contextmanager
    def one(self, of: Provider) -> Iterator[None]:
        """Around what is asked of one: what is wrong with it alone is said, and the others are asked."""
        try:
            yield
        except ProviderError as error:
            if not self.many:
                raise
            self.failed = True
            output.say(f"{of.title}: {error}")
        except (NoSuchPlace, click.UsageError) as problem:
            if not self.many:
                raise
            output.say(f"{of.title}: {problem}")

    def end(self, *, found: bool) -> None:
        """Leave with an error if one could not be asked, or none has what was asked for."""
        if self.failed or not found:
            raise SystemExit(1)
