"""Health: is the process alive, and would a callback that arrives now be held?"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from receiver import current

health = Blueprint("health", __name__)


@health.get("/health/live")
def live() -> Response:
    return jsonify(status="ok")


@health.get("/health/ready")
def ready() -> Response:
    """200 only if a callback arriving now would be held, and by what. Both are tried anew each time."""
    database, spool = current.recorder().probe_database(), current.recorder().probe_spool()
    answer = jsonify(
        status="ok" if database or spool else "unavailable",
        held_by="database" if database else "spool" if spool else None,
        database="ok" if database else "failing",
        spool="ok" if spool else "failing",
        # Trusted callbacks are held even if it is full.
        quarantine="full" if current.admission().full else "ok",
    )
    answer.status_code = 200 if database or spool else 503
    return answer
