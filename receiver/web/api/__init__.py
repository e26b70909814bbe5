"""The query API, `/api/v1/`: JSON, bearer token, one error shape `{"error": {"code", "message"}}`."""

from __future__ import annotations

from flask import Response
from sqlalchemy.exc import SQLAlchemyError

from receiver.web.api import calls, events, openapi, quarantine, service
from receiver.web.api.operation import BadRequest, api
from receiver.web.errors import problem

__all__ = ["api", "calls", "events", "openapi", "quarantine", "service"]


@api.errorhandler(BadRequest)
def _bad_request(error: BadRequest) -> Response:
    return problem(400, "bad_request", str(error))


@api.errorhandler(SQLAlchemyError)
def _unavailable(_: SQLAlchemyError) -> Response:
    answer = problem(
        503, "unavailable", "the database cannot be reached; callbacks go to the spool in the meantime"
    )
    answer.headers["Retry-After"] = "5"
    return answer
