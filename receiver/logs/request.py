"""What the lines written while a request is answered have in common: its id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import getrandbits
from types import TracebackType
from typing import Any

from structlog.contextvars import bind_contextvars, reset_contextvars

from receiver.logs.log import get_logger, without_words

logger = get_logger(__name__)

_SANE = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


def request_id(environ: Mapping[str, Any]) -> str:
    """The caller's or proxy's `X-Request-Id` if it is a plain word, or else a new one."""
    given = environ.get("HTTP_X_REQUEST_ID")
    # Not from the system's source of randomness: that is a call of its own, and this is no secret.
    return given if given is not None and _SANE.fullmatch(given) else f"{getrandbits(64):016x}"


class Answering:
    """Puts the id on the lines written inside, and writes one about an error that gets out.

    For code that does not await: requests on the event loop share one context.
    """

    __slots__ = ("_id", "_tokens")

    def __init__(self, request_id: str) -> None:
        self._id = request_id

    def __enter__(self) -> None:
        self._tokens = bind_contextvars(request_id=self._id)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            # The server would quote the error's own words.
            logger.critical("unexpected error", error=type(error).__name__, exception=without_words(error))
        reset_contextvars(**self._tokens)
