"""Who is let in on the private side."""

from __future__ import annotations

from flask import abort, request

from receiver import current
from receiver.access.scopes import Scope
from receiver.access.tokens import AccessDenied, KnownToken
from receiver.web.errors import problem


def require(scope: Scope) -> KnownToken:
    """Whose token this request came with; ends the request with 401, 403 or 429 unless it has this scope."""
    try:
        return current.tokens().authorize(request.headers.get("Authorization", ""), scope)
    except AccessDenied as refusal:
        answer = problem(refusal.status, refusal.code, str(refusal))
        answer.headers.update(refusal.headers)
        abort(answer)
