"""How the private side reports errors to programs: in one shape, whatever went wrong."""

from __future__ import annotations

from flask import Response, jsonify


def problem(status: int, code: str, message: str, **more: object) -> Response:
    """`{"error": {"code", "message", …}}`: the code is for programs, the message says what to do."""
    answer = jsonify(error={"code": code, "message": message, **more})
    answer.status_code = status
    return answer
