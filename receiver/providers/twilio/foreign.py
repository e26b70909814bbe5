"""Callbacks that name another account than ours: whoever signs nothing can name any."""

from __future__ import annotations

import re

from receiver.providers.base import Request
from receiver.vocabulary.distrust import ANOTHER_ACCOUNT

_ACCOUNT = re.compile(rb"(?:^|&)AccountSid=([^&]*)")


def another_account(account: str | None, request: Request) -> str | None:
    """The reason not to trust a form in which another account stands; without one of ours there is none.

    A form that names no account, such as a test of our own, is not judged by it.
    """
    named = _ACCOUNT.search(request.body) if account else None
    return ANOTHER_ACCOUNT if named and named[1].decode("latin-1") != account else None
