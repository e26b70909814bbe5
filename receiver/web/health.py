"""Health: is the process alive, and would a callback that arrives now be held?"""

from __future__ import annotations

import json
from http import HTTPStatus

from flask import Blueprint, Response

from receiver import current
from receiver.background.integrity import Whole
from receiver.intake.readiness import Ready
from receiver.providers.answer import Answer

LIVE, READY = "/health/live", "/health/ready"

health = Blueprint("health", __name__)


@health.get(LIVE)
def live() -> Response:
    return _response(200, told_alive())


@health.get(READY)
def ready() -> Response:
    """200 only if a callback arriving now would be held, and by what; found out within the last second."""
    found = current.parts().readiness.find_out()
    return _response(status_of(found), told(found, current.parts().integrity.known))


def status_of(found: Ready) -> int:
    return HTTPStatus.OK if found.held_by else HTTPStatus.SERVICE_UNAVAILABLE


def told(found: Ready, whole: Whole | None) -> Answer:
    return _json(
        status="ok" if found.held_by else "unavailable",
        held_by=found.held_by,
        database="ok" if found.database else "failing",
        spool="ok" if found.spool else "failing",
        # Trusted callbacks are held even if it is full.
        quarantine="full" if found.quarantine_full else "ok",
        # Only told: a damaged file may well take callbacks, and the spool does if it cannot.
        file=whole,
    )


def told_alive() -> Answer:
    return _json(status="ok")


def _json(**given: str | None) -> Answer:
    return Answer("application/json", json.dumps(given).encode() + b"\n")


def _response(status: int, answer: Answer) -> Response:
    return Response(answer.body, status, content_type=answer.content_type)
