"""Callbacks that name another account than ours: whoever signs nothing can name any."""

from __future__ import annotations

import re

from receiver.providers.base import Request
from receiver.vocabulary.distrust import ANOTHER_ACCOUNT

_IN_FORM = re.compile(rb"(?:^|&)AccountSid=([^&]*)")
_IN_JSON = re.compile(rb'"AccountSid"\s*:\s*"([^"]*)"')
_IN_QUERY = re.compile(rb"[?&]AccountSid=([^&]*)")


def another_account(account: str | None, request: Request) -> str | None:
    """The reason not to trust a callback in which another account stands; without one of ours there is none.

    One that names no account, such as a test of our own, is not judged by it. A body goes before a query, as
    where it is read.
    """
    if not account:
        return None
    named = _IN_FORM.search(request.body) or _IN_JSON.search(request.body) or _in_query(request)
    return ANOTHER_ACCOUNT if named and named[1].decode("latin-1") != account else None


def _in_query(request: Request) -> re.Match[bytes] | None:
    """Where it is called by GET, all that it says is in there."""
    return _IN_QUERY.search(request.target().encode("latin-1", "replace"))
