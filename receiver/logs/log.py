"""Log calls with fields: `logger.error("a job failed", job=name)`.

An event is a short sentence that stays the same, so that it can be searched for; what differs is in the
fields. It goes through the standard library, where any handler can print it. structlog is left to
`receiver.logs.lines`: importing it takes longer than many a command does.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from traceback import format_tb
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """An event and its fields: the message of a log record."""

    event: str
    fields: Mapping[str, object]

    def __str__(self) -> str:
        fields = " ".join(f"{name}={value}" for name, value in self.fields.items())
        return f"{self.event}: {fields}" if fields else self.event


class Logger(logging.LoggerAdapter[logging.Logger]):
    """Takes every keyword of a log call as a field."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Entry, MutableMapping[str, Any]]:
        return Entry(str(msg), dict(kwargs)), {}


def get_logger(name: str) -> Logger:
    return Logger(logging.getLogger(name))


def without_words(error: BaseException) -> str:
    """The traceback and type of an error, without its message, which may hold what a caller sent."""
    return f"{''.join(format_tb(error.__traceback__))}{type(error).__name__}"
