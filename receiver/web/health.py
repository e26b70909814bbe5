"""Health: is the process alive, and would a callback that arrives now be held?"""

from __future__ import annotations

import logging

from flask import Blueprint, Response, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from receiver import current
from receiver.db import SchemaError, require_schema, writing

health = Blueprint("health", __name__)
logger = logging.getLogger(__name__)


@health.get("/health/live")
def live() -> Response:
    return jsonify(status="ok")


@health.get("/health/ready")
def ready() -> Response:
    """200 only if a callback arriving now would be held; tried by a transaction that takes the write lock."""
    try:
        require_schema(current.engine())
        with writing(current.engine()) as connection:
            # Writes nothing, but needs the lock and the table that a callback needs.
            connection.execute(text("UPDATE events SET repeats = repeats WHERE id = -1"))
    except (SchemaError, SQLAlchemyError) as error:
        logger.error("not ready: %s", error if isinstance(error, SchemaError) else type(error).__name__)
        answer = jsonify(status="unavailable", database="failing")
        answer.status_code = 503
        return answer
    return jsonify(status="ok", database="ok")
