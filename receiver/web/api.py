"""The query API, `/api/v1/`: JSON, bearer token, one error shape `{"error": {"code", "message"}}`."""

from __future__ import annotations

import hmac

from flask import Blueprint, Response, jsonify, request

from receiver import current
from receiver.log.find import DEFAULT_PAGE, LARGEST_PAGE, Filter, FilterError, event_json

api = Blueprint("api", __name__, url_prefix="/api/v1")


def problem(status: int, code: str, message: str) -> Response:
    """The one shape of every failure."""
    answer = jsonify(error={"code": code, "message": message})
    answer.status_code = status
    return answer


@api.before_request
def _require_token() -> Response | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    given = token.strip().encode("utf-8", "surrogateescape")
    known = False
    for accepted in current.config().api_tokens:
        known |= hmac.compare_digest(given, accepted.get_secret_value().encode())
    if scheme.lower() == "bearer" and known:
        return None
    answer = problem(401, "unauthorized", "send one of API_TOKENS as: Authorization: Bearer <token>")
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


@api.errorhandler(FilterError)
def _wrong_filter(error: FilterError) -> Response:
    return problem(400, "bad_request", str(error))


@api.get("/events")
def list_events() -> Response:
    """Newest first. `next` is the cursor of the next older page, null on the last one."""
    given: dict[str, str | None] = dict(request.args.items())
    cursor, limit = given.pop("cursor", None), given.pop("limit", None)
    page = current.event_log().find(
        Filter.read(given),
        before=None if cursor is None else _whole_number("cursor", cursor, 2**63 - 1),
        limit=DEFAULT_PAGE if limit is None else _whole_number("limit", limit, LARGEST_PAGE),
    )
    return jsonify(
        events=[event_json(event) for event in page.events],
        next=None if page.next is None else str(page.next),
    )


@api.get("/events/<event_id>")
def show_event(event_id: str) -> Response:
    """One event with its raw request."""
    number = event_id if event_id.isascii() and event_id.isdigit() and len(event_id) < 19 else None
    event = None if number is None else current.event_log().get(int(number))
    if event is None:
        return problem(404, "not_found", "there is no event with this id")
    return jsonify(event_json(event, raw=True))


def _whole_number(name: str, word: str, largest: int) -> int:
    if not (word.isascii() and word.isdigit() and 0 < len(word) < 20 and 1 <= int(word) <= largest):
        raise FilterError(f"{name}: must be a whole number from 1 to {largest}")
    return int(word)
