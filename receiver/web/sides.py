"""The two sides of the service: what the provider may reach, and what only its owner may."""

from __future__ import annotations

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from receiver.providers.here import CALLBACKS
from receiver.web.api import api
from receiver.web.api_page import api_page
from receiver.web.callbacks import CallbackAdapter, callbacks
from receiver.web.console import console, unknown_address
from receiver.web.errors import API, TOO_LARGE, problem
from receiver.web.health import health
from receiver.web.metrics import metrics
from receiver.web.paths import Rest

PUBLIC = (callbacks,)
"""What the provider reaches."""
PRIVATE = (api, api_page, metrics, console)
"""What only the owner reaches."""


def add_sides(app: Flask, *, public: bool, private: bool) -> None:
    """Let an application answer on its public side, its private side, or both; on health always."""
    app.url_map.converters["rest"] = Rest
    if public:
        app.callback_adapter = CallbackAdapter  # type: ignore[attr-defined]
    app.url_map.merge_slashes = False  # would answer a doubled slash with a redirect, and lose what came
    for blueprint in (health, *(PUBLIC if public else ()), *(PRIVATE if private else ())):
        app.register_blueprint(blueprint)
    app.register_error_handler(HTTPException, _http_error)


def _http_error(error: HTTPException) -> Response:
    """JSON for programs, a page for people who are signed in, and an empty answer for strangers."""
    status = error.code or 500
    if request.path.startswith(API):
        # Of a path that leads nowhere, its description would speak of spelling and browsers.
        nowhere = status == 404 and request.endpoint is None
        said = "there is no such path; see /docs/api" if nowhere else error.description or error.name
        said = TOO_LARGE if status == 413 else said
        answer = problem(status, error.name.lower().replace(" ", "_"), said)
        if isinstance(error, MethodNotAllowed):
            answer.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
        return answer
    # Not for callbacks: they are answered without the database.
    if request.endpoint is None and not request.path.startswith(CALLBACKS):
        page = unknown_address() if console.name in current_app.blueprints else None
        if page is not None:
            return page
    return Response(status=404 if status == 405 else status)
