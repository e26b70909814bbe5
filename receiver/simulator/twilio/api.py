"""Twilio's side of its HTTP API, all hosts on one address: credentials, errors, faults, concurrency."""

import contextlib
import json
import logging
import secrets
from collections.abc import Iterator, Sequence
from typing import Any

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import HTTPException

from receiver.simulator.misbehaving import under_fault
from receiver.simulator.parameters import query_and_form
from receiver.simulator.statefile import StateError

from .endpoint import ACCOUNTS, Created, Endpoint, File, Sent
from .errors import ApiError
from .provider import Provider

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]

log = logging.getLogger(__name__)


def api_blueprint(provider: Provider, endpoints: Sequence[Endpoint]) -> Blueprint:
    """The endpoints under the paths that they have at Twilio; everything else there is 20404."""
    blueprint = Blueprint("api", __name__)
    for endpoint in endpoints:
        blueprint.add_url_rule(
            endpoint.rule,
            endpoint.name,
            _view(provider, endpoint),
            methods=[endpoint.method],
            provide_automatic_options=False,
        )

    @blueprint.route("/2010-04-01/<path:rest>", methods=_METHODS)
    @blueprint.route("/v1/<path:rest>", methods=_METHODS)
    @blueprint.route("/v2/<path:rest>", methods=_METHODS)
    def unknown(rest: str) -> Response:
        return _refused(ApiError(20404, f"The requested resource /{request.path.lstrip('/')} was not found"))

    return blueprint


def _view(provider: Provider, endpoint: Endpoint) -> Any:
    def view(**path: str) -> Response:
        provider.count(endpoint.name)
        with _under_way(provider) as concurrent:
            response = _response(provider, endpoint, path, concurrent)
        response.headers["Twilio-Concurrent-Requests"] = str(concurrent)
        response.headers["Twilio-Request-Id"] = "RQ" + secrets.token_hex(16)
        return response

    return view


@contextlib.contextmanager
def _under_way(provider: Provider) -> Iterator[int]:
    try:
        yield provider.begin()
    finally:
        provider.end()


def _response(provider: Provider, endpoint: Endpoint, path: dict[str, str], concurrent: int) -> Response:
    limit = provider.settings.concurrency
    if limit and concurrent > limit:
        return _refused(ApiError(20429))
    return under_fault(
        provider,
        endpoint.name,
        lambda: _answered(provider, endpoint, path),
        refused=lambda code: _refused(ApiError(int(code))),
        broken=lambda: _refused(ApiError(20500)),
        garbage='{"sid": "PN',
    )


def _answered(provider: Provider, endpoint: Endpoint, path: dict[str, str]) -> Response:
    response = _answer(provider, endpoint, path)
    # No parameter is logged: an answer can hold the token, and a request a message.
    log.info("%s: %s", endpoint.name, response.status_code)
    return response


def _answer(provider: Provider, endpoint: Endpoint, path: dict[str, str]) -> Response:
    try:
        answer = endpoint.answer(provider, _sent(provider, endpoint, path))
    except ApiError as refusal:
        return _refused(refusal)
    except StateError as problem:
        log.error("%s", problem)
        return _refused(ApiError(20500))
    except HTTPException:
        raise
    except Exception:
        log.exception("%s failed", endpoint.name)
        return _refused(ApiError(20500))
    if answer is None:
        return current_app.response_class(status=204)
    if isinstance(answer, File):
        return current_app.response_class(answer.content, content_type=answer.content_type)
    if isinstance(answer, Created):
        return _json(answer.body, 201)
    return _json(answer, 200)


def _sent(provider: Provider, endpoint: Endpoint, path: dict[str, str]) -> Sent:
    """The request, if its credentials are valid for its path."""
    settings = provider.settings
    name, secret = _credentials()
    opened = {
        (settings.account_sid, settings.auth_token): settings.account_sid,
        (settings.api_key, settings.api_secret): settings.account_sid,
        (settings.test_account_sid, settings.test_auth_token): settings.test_account_sid,
    }.get((name, secret))
    if opened is None:
        raise ApiError(20003)
    test = opened == settings.test_account_sid
    if endpoint.rule.startswith(ACCOUNTS) and path["account_sid"] != opened:
        raise ApiError(20404, f"The requested resource {request.path} was not found")
    if test and not endpoint.tests_too:
        raise ApiError(None, "Resource not accessible with Test Account Credentials", status=403)
    try:
        query, form = query_and_form()
    except UnicodeDecodeError as error:
        raise ApiError(20001, "The parameters are not UTF-8") from error
    base_url = (settings.base_url or request.host_url).rstrip("/")
    # A GET has a form only in the library's headers.
    return Sent(path, query, form, base_url, request.path, test)


def _credentials() -> tuple[str, str]:
    given = request.authorization
    if given is None or given.type != "basic":
        raise ApiError(20003)
    return given.username or "", given.password or ""


def _json(body: dict[str, Any], status: int) -> Response:
    return current_app.response_class(json.dumps(body), status, mimetype="application/json")


def _refused(error: ApiError) -> Response:
    response = _json(error.body(), error.status)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="Twilio API"'
    return response
