"""How the private side reports errors to programs: in one shape, whatever went wrong."""

from __future__ import annotations

from flask import Response, jsonify

API = "/api/"
"""What the paths begin with at which programs ask."""
RETRY_AFTER = 5
"""Seconds after which it is worth a try again, as every 503 says."""
TOO_LARGE = "the body is too large: send it in several requests"


def problem(status: int, code: str, message: str, **more: object) -> Response:
    """`{"error": {"code", "message", …}}`: the code is for programs, the message says what to do."""
    answer = jsonify(shape(code, message, **more))
    answer.status_code = status
    if status == 503:
        answer.headers["Retry-After"] = str(RETRY_AFTER)
    return answer


def shape(code: str, message: str, **more: object) -> dict[str, object]:
    """The one shape."""
    return {"error": {"code": code, "message": message, **more}}
