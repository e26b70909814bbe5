"""Why a document could not be had."""

from __future__ import annotations

from enum import Enum


class Cause(Enum):
    """What there is to do about a document that could not be had."""

    FAILED = "try again later"
    LAPSED = "nothing: the link leads nowhere any more"
    REFUSED = "nothing: it is not for us"


class FetchError(Exception):
    """The document could not be had. The message is a sentence that says why, and never holds the link."""

    def __init__(
        self, message: str, cause: Cause = Cause.FAILED, *, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.cause = cause
        self.retry_after = retry_after
        """Seconds that the server asked us to wait."""


def not_written(error: OSError) -> FetchError:
    """What it means if there is no room for the document, or no right to write."""
    return FetchError(f"It cannot be written here: {error.strerror or type(error).__name__}.")
