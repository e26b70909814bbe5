"""Settings that are one of a few words."""

from __future__ import annotations

from enum import StrEnum


class Signatures(StrEnum):
    """What to do with a callback's signature, which not every provider insists on.

    `require` quarantines a missing or wrong one, `prefer` quarantines a wrong one and accepts and marks a
    missing one, `ignore` only records the result.
    """

    REQUIRE = "require"
    PREFER = "prefer"
    IGNORE = "ignore"


class LogFormat(StrEnum):
    """How a serving process writes its log; `auto` is text on a terminal and JSON elsewhere."""

    AUTO = "auto"
    JSON = "json"
    TEXT = "text"


class LogLevel(StrEnum):
    """The least of the service's own lines that is written."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"
