"""The query API, `/api/v1/`: JSON, bearer token, one error shape `{"error": {"code", "message"}}`."""

from __future__ import annotations

from flask import Response, request
from sqlalchemy.exc import SQLAlchemyError

from receiver import current
from receiver.access.tokens import BURST
from receiver.contacts.entry import ContactError
from receiver.duty.duty import DutyError, Overtaken
from receiver.intake.spool import SpoolError
from receiver.outbound.refusal import Refused
from receiver.relay.options import TargetError
from receiver.relay.replay import UnknownEvent, UnknownReplay
from receiver.relay.targets import UnknownTarget
from receiver.retention.undo import CannotUndo
from receiver.search.mistakes import SearchError
from receiver.vocabulary.errors import OperatorError
from receiver.web.api import (
    calls,
    contacts,
    deliveries,
    documents,
    duty,
    events,
    openapi,
    quarantine,
    service,
    spool,
    stats,
    targets,
)
from receiver.web.api.operation import BadRequest, api
from receiver.web.compression import compress
from receiver.web.errors import problem

__all__ = [
    "api",
    "calls",
    "contacts",
    "deliveries",
    "documents",
    "duty",
    "events",
    "openapi",
    "quarantine",
    "service",
    "spool",
    "stats",
    "targets",
]


@api.after_request
def _tell_what_is_left(answer: Response) -> Response:
    """How many requests the token may make, as the IETF's draft for RateLimit headers writes it."""
    allowance = current.tokens().allowance(request.headers.get("Authorization", ""))
    if allowance is not None:
        answer.headers["RateLimit-Policy"] = f'"token";q={allowance.most};w={BURST}'
        answer.headers["RateLimit"] = f'"token";r={allowance.left};t={allowance.seconds}'
    return answer


api.after_request(compress)


@api.errorhandler(BadRequest)
def _bad_request(error: BadRequest) -> Response:
    return problem(400, "bad_request", str(error))


@api.errorhandler(ContactError)
@api.errorhandler(DutyError)
@api.errorhandler(SearchError)
@api.errorhandler(TargetError)
@api.errorhandler(Refused)
def _bad_request_below(error: OperatorError) -> Response:
    return problem(400, "bad_request", str(error))


@api.errorhandler(Overtaken)
@api.errorhandler(CannotUndo)
def _too_late(error: OperatorError) -> Response:
    return problem(409, "conflict", str(error))


@api.errorhandler(UnknownTarget)
@api.errorhandler(UnknownReplay)
@api.errorhandler(UnknownEvent)
def _unknown(error: OperatorError) -> Response:
    return problem(404, "not_found", str(error))


@api.errorhandler(SpoolError)
def _no_spool(_: SpoolError) -> Response:
    return problem(
        503, "unavailable", "the spool cannot be used; see `receiver spool status` on that machine"
    )


@api.errorhandler(SQLAlchemyError)
def _unavailable(_: SQLAlchemyError) -> Response:
    said = "the database cannot be reached; callbacks go to the spool in the meantime"
    return problem(503, "unavailable", said)
