"""Where a call is, passed on in the URL that its provider calls next: nobody else can make or change it.

So any process can go on with any call, and a restart loses none. A token is worth nothing for another call,
another provider, or a day later.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import parse_qs, urlsplit

from receiver.answering.state import State

NAME = "answering"
"""The parameter in the query of a callback URL that holds it."""
LIFE = timedelta(days=1)
"""No call is longer."""
_LONGEST = 4000
_TAG = 16


class Unreadable(ValueError):
    """It is not what we passed on for this call, or has expired."""


def token_in(url: str) -> str | None:
    """The token in a callback URL; None if it has none."""
    try:
        query = parse_qs(urlsplit(url).query)
    except ValueError:
        return None
    return query.get(NAME, [None])[0]


class PassedOn:
    """Makes and reads tokens. `keys` gives the callback keys that are accepted, the current one first."""

    def __init__(self, keys: Callable[[], Sequence[str]], secret: str = "") -> None:
        self._keys, self._secret = keys, secret

    def token(self, provider: str, session: str, state: State, at: datetime) -> str:
        """What tells us later where a call was."""
        content = f"{int(at.timestamp())} {state.dumps()}".encode()
        return _text(self._tag(self._keys()[0], provider, session, content) + content)

    def state(self, provider: str, session: str, token: str, at: datetime) -> State:
        """Where this call was, or `Unreadable`."""
        if len(token) > _LONGEST:
            raise Unreadable
        try:
            whole = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (NotBase64, ValueError):
            raise Unreadable from None
        if _text(whole) != token:  # the decoder passes over what is no base64
            raise Unreadable
        tag, content = whole[:_TAG], whole[_TAG:]
        # With every key, so that how long it takes tells nothing.
        right = [hmac.compare_digest(tag, self._tag(key, provider, session, content)) for key in self._keys()]
        if not any(right):
            raise Unreadable
        try:
            made, _, state = content.decode().partition(" ")
            age = at - datetime.fromtimestamp(int(made), UTC)
            found = State.loads(state)
        except (ValueError, KeyError, TypeError):  # an earlier release wrote it
            raise Unreadable from None
        if abs(age) > LIFE:
            raise Unreadable
        return found

    def _tag(self, key: str, provider: str, session: str, content: bytes) -> bytes:
        bound = json.dumps([provider, session]).encode()
        return hmac.digest(_derived(key, self._secret), bound + b"\0" + content, "sha256")[:_TAG]


@lru_cache(maxsize=16)
def _derived(key: str, secret: str) -> bytes:
    """A key for this purpose alone."""
    return hmac.digest(secret.encode(), b"answering\0" + key.encode(), hashlib.sha256)


def _text(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
