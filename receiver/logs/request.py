"""What the lines written while a request is answered have in common: its id."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar
from types import TracebackType
from typing import Any

from receiver.logs.log import get_logger, without_words

logger = get_logger(__name__)

_SANE = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


_ID = "receiver.request_id"
"""Key in the WSGI environment of the id, once somebody has asked for it: most callbacks write no line."""

_answered: ContextVar[dict[str, Any] | None] = ContextVar("answered", default=None)


def request_id(environ: dict[str, Any]) -> str:
    """The caller's or proxy's `X-Request-Id` if it is a plain word, or else a new one."""
    if _ID not in environ:
        given = environ.get("HTTP_X_REQUEST_ID")
        sane = given is not None and _SANE.fullmatch(given)
        environ[_ID] = given if sane else secrets.token_hex(8)
    return str(environ[_ID])


class Answering:
    """Puts the request's id on the lines written inside, and writes one about an error that gets out.

    For code that does not await: requests on the event loop share one context.
    """

    __slots__ = ("_environ", "_token")

    def __init__(self, environ: dict[str, Any]) -> None:
        self._environ = environ

    def __enter__(self) -> None:
        self._token = _answered.set(self._environ)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            # The server would quote the error's own words.
            logger.critical("unexpected error", error=type(error).__name__, exception=without_words(error))
        _answered.reset(self._token)


def current_id() -> str | None:
    """The id of the request that is being answered, if one is."""
    environ = _answered.get()
    return None if environ is None else request_id(environ)
