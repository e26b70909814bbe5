"""How a serving process writes its log: to stderr, one line per event, as JSON or as text.

All lines go through one formatter, those of libraries too. It holds back what may be private: the message of
an exception, and everything after the first line of what a library says.
"""

from __future__ import annotations

import sys
from typing import Any

from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import ExceptionRenderer, JSONRenderer, TimeStamper
from structlog.stdlib import ProcessorFormatter, add_log_level, add_logger_name
from structlog.typing import EventDict, ExcInfo, Processor

from receiver.logs.log import Entry, without_words
from receiver.logs.request import current_id
from receiver.settings.choices import LogFormat, LogLevel
from receiver.vocabulary.printable import printable, printable_lines

_FIRST = ("timestamp", "level", "logger", "event")


def logging_config(form: LogFormat, level: LogLevel) -> dict[str, Any]:
    """What `logging.config.dictConfig` takes. `level` is for our own lines.

    Libraries are heard from warnings on, whatever `level` is: below that, some print URLs and values.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": f"{__name__}.LineFormatter", "form": form}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"level": "WARNING", "handlers": ["stderr"]},
        "loggers": {
            "receiver": {"level": level.upper()},
            # It would print to stdout by itself.
            "_granian": {"level": "WARNING", "handlers": [], "propagate": True},
        },
    }


class LineFormatter(ProcessorFormatter):
    """Formats any log record; `auto` is text where stderr is a terminal, and JSON elsewhere."""

    def __init__(self, form: LogFormat = LogFormat.AUTO) -> None:
        rendering: list[Processor] = [JSONRenderer(default=str)]
        if form is LogFormat.TEXT or (form is LogFormat.AUTO and sys.stderr.isatty()):
            console = ConsoleRenderer(
                colors=False, pad_event_to=0, sort_keys=False, exception_formatter=plain_traceback
            )
            rendering = [_as_printable, console]
        super().__init__(
            processors=[
                _unpack,
                _of_request,
                add_logger_name,
                add_log_level,
                TimeStamper(fmt="iso", utc=True),
                ExceptionRenderer(_exception),
                self.remove_processors_meta,
                _in_order,
                *rendering,
            ]
        )


def _unpack(_: Any, __: str, event: EventDict) -> EventDict:
    message = event["_record"].msg
    if isinstance(message, Entry):
        return {**event, "event": message.event, **message.fields}
    lines = str(event["event"]).splitlines() or [""]
    return {**event, "event": lines[0]}


def _of_request(_: Any, __: str, event: EventDict) -> EventDict:
    known = current_id()
    return event if known is None else {"request_id": known, **event}


def _exception(exc_info: ExcInfo) -> str:
    return without_words(exc_info[1])


def _in_order(_: Any, __: str, event: EventDict) -> EventDict:
    return {name: event.pop(name) for name in _FIRST} | dict(event)


def _as_printable(_: Any, __: str, event: EventDict) -> EventDict:
    return {
        name: (printable_lines if name == "exception" else printable)(str(value))
        for name, value in event.items()
    }
