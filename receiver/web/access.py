"""Who may use the private side with a token."""

from __future__ import annotations

from flask import abort, request

from receiver import current
from receiver.access.denied import AccessDenied
from receiver.access.scopes import Scope
from receiver.access.tokens import KnownToken
from receiver.web.errors import problem


def require(scope: Scope) -> KnownToken:
    """The token of this request; ends the request unless this token may do it now."""
    try:
        return current.tokens().authorize(request.headers.get("Authorization", ""), scope)
    except AccessDenied as refusal:
        answer = problem(refusal.status, refusal.code, str(refusal))
        answer.headers.update(refusal.headers)
        abort(answer)
