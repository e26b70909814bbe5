"""The public side: what the provider POSTs, answered once it is on stable storage.

A provider may send nothing twice. So a callback that carries a valid key is answered 200 whatever it says,
and only after its commit; 503 when it could not be kept, or not in the time that its provider waits; 413 when
it is too large. Anyone else sees 404. The body of the answer is empty, unless the provider reads it.

It is meant to be a POST. Other methods are kept too if they say anything, in query or body, since a proxy may
have rewritten them; one that says nothing is somebody checking the URL, and answered 200.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, cast

from flask import Blueprint, Flask, Response, request
from flask import Request as FlaskRequest
from werkzeug.exceptions import NotFound, RequestEntityTooLarge
from werkzeug.routing import MapAdapter, Rule

from receiver import current
from receiver.intake.arrival import AGAIN, KEPT_HEADERS, Arrival, Read, Row
from receiver.intake.refusals import Cause
from receiver.intake.ticket import Ticket
from receiver.keys.route import read_path, split_path
from receiver.logs.log import get_logger
from receiver.providers.answer import NOTHING, Answer
from receiver.providers.base import Kept, Reception, Request
from receiver.providers.here import CALLBACKS
from receiver.providers.own import claims_own
from receiver.providers.registry import PROVIDERS
from receiver.settings.choices import Signatures
from receiver.vocabulary import distrust
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.verdict import Verdict
from receiver.web.asgi import SCOPE, target_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

callbacks = Blueprint("callbacks", __name__)
logger = get_logger(__name__)

BODY = "receiver.body"
"""Key in the WSGI environment under which a gateway that has read the whole body leaves it."""
WHOLE = "receiver.whole"
"""Key under which it leaves False if that is only what did arrive: it is kept, in quarantine."""
TARGETS = ("RAW_URI", "REQUEST_URI")
"""Keys in the WSGI environment under which other servers leave path and query exactly as they came."""
HELD = "receiver.held"
"""Key in the WSGI environment under which a gateway that can wait without a thread gets the answer."""


class CallbackAdapter(MapAdapter):
    """Routes any path under `/callbacks/` to `receive`.

    Werkzeug's own matching would take a sixth of the time that a callback takes. Neither the method nor the
    `Host` matters: any method is taken, so nothing shows which there are, and a `Host` may be malformed.
    """

    def __init__(self, app: Flask, request: FlaskRequest) -> None:
        super().__init__(app.url_map, "localhost", "/", "", "http", request.path, request.method)

    def match(self, *_: object, **__: object) -> Any:
        key, rest = split_path(self.path_info)
        if not key:
            raise NotFound
        return _RULE, {"key": key, "rest": rest}


_RULE = Rule(f"{CALLBACKS}<key>", endpoint="callbacks.receive")


class HeldAnswer(Response):
    """An answer that exists once its callback is on stable storage.

    Under a plain WSGI server the thread waits for the commit. A gateway sets `HELD` in the environment to a
    list, gets this answer there instead, and does the waiting itself.
    """

    def __init__(self, key: str, arrival: Arrival, reception: Reception, parts: current.Parts) -> None:
        super().__init__()
        self._key = key
        self.arrival = arrival
        self.patience = reception.patience
        """Seconds until it has to be given."""
        self._answers = reception.answers
        self._parts = parts

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        held = environ.get(HELD)
        if held is not None:
            held.append(self)
            return []
        ticket = self._parts.recorder.take(self.arrival, self.patience)
        self.status_code, told = self.given(ticket)
        if told.body:
            self.set_data(told.body)
            self.content_type = told.content_type or ""
        return super().__call__(environ, start_response)

    def given(self, ticket: Ticket) -> tuple[int, Answer]:
        """The status, and what to say beside it, once the ticket is settled or nobody waits longer.

        200 to a callback is said here and nowhere else.
        """
        if ticket.outcome is None:  # it may still be kept: then another try at it is a repeat
            self._parts.refusals.counted[Cause.NOT_HELD] += 1
            return 503, NOTHING
        if not ticket.held:
            return 503, NOTHING
        if self._is_believed(ticket):
            self._parts.keys.used(self._key)
        return 200, self._beside(ticket)

    def _is_believed(self, ticket: Ticket) -> bool:
        """Whether it shows that its key is needed. Whoever has the key can send what nobody has signed."""
        if self.arrival.signature is Verdict.VALID:
            return True
        config = self._parts.config
        verifies = config.signatures is not Signatures.IGNORE and PROVIDERS[self.arrival.provider].secret(
            config
        )
        return not verifies and ticket.row is not None and ticket.row["quarantine"] is None

    def _beside(self, ticket: Ticket) -> Answer:
        """Whatever goes wrong here, the callback is kept and the status stands."""
        # Nothing to a test of our own, even if it cannot be verified: by that we know our answer.
        if claims_own(self.arrival.query, self.arrival.body):
            return NOTHING
        try:
            if ticket.said is not None and ticket.row is not None:
                return self._by_what_it_says(ticket.said, ticket.row)
        except Exception as error:
            logger.critical("cannot make an answer", arrival=self.arrival.id, error=type(error).__name__)
        return NOTHING if self._answers is None else self._answers.usual(self.arrival.kind)

    def _by_what_it_says(self, said: Read, row: Row) -> Answer:
        ruled = self._parts.answering.concerns(row["recipient"], said.parameters)
        if self._answers is None and not ruled:
            return NOTHING
        kept = Kept(
            said.notification,
            said.parameters,
            trusted=row["quarantine"] is None or self.arrival.signature is Verdict.VALID,
            sender=cast("str | None", row["sender"]),
            recipient=cast("str | None", row["recipient"]),
            identity=str(row["identity"]),
            again=AGAIN in row,
        )
        if ruled and (answer := self._parts.answering.take(self.arrival.provider, kept)) is not None:
            return answer
        return NOTHING if self._answers is None else self._answers.to(kept)


@callbacks.endpoint("callbacks.receive")
def receive(key: str, rest: str) -> Response:
    """Answer one callback. Any path and method under a valid key is kept: a slip must not cost a call."""
    # Once each: what stands for the current request or application looks it up at every use.
    parts, environ = current.parts(), request.environ
    if not parts.keys.knows(key):
        return Response(status=404)
    body = environ.get(BODY)
    if body is None:
        try:
            # Before anything else touches the request: once the form is parsed the raw bytes are gone.
            body = request.get_data(cache=False)
        except RequestEntityTooLarge:
            parts.refusals.counted[Cause.TOO_LARGE] += 1
            return Response(status=413)
    method, query = environ["REQUEST_METHOD"], environ.get("QUERY_STRING", "").encode("latin-1")
    if method != "POST" and not query and not body:
        return Response(status=200)  # someone checking the URL
    provider, kind = read_path(rest)
    reception = parts.receptions[provider.name]
    asked = _request(environ, body)
    verdict = reception.verify(asked)
    why: str | None = distrust.CUT
    if environ.get(WHOLE, True):
        why = _distrust(parts.config.signatures, verdict) or reception.stranger(asked)
    if kind is None:
        kind, why = Kind.VOICE, why or distrust.UNKNOWN_PATH
    arrival = Arrival(
        id=Arrival.new_id(),
        provider=provider.name,
        kind=kind,
        received_at=Arrival.now(),
        method=method,
        query=query,
        headers=_kept_headers(environ, provider.name),
        body=body,
        peer=environ.get("REMOTE_ADDR") or "",
        content_type=environ.get("CONTENT_TYPE") or "",
        signature=verdict,
        distrust=why,
    )
    return HeldAnswer(key, arrival, reception, parts)


def _distrust(policy: Signatures, verdict: Verdict) -> str | None:
    if policy is Signatures.IGNORE or verdict is Verdict.VALID:
        return None
    if verdict is Verdict.INVALID:
        return distrust.SIGNATURE_INVALID
    return distrust.SIGNATURE_MISSING if policy is Signatures.REQUIRE else None


def _request(environ: WSGIEnvironment, body: bytes) -> Request:
    """What a signature may be about."""

    def header(name: str) -> str | None:
        return environ.get(_variable(name))

    return Request(partial(_target, environ), body, header)


def _target(environ: WSGIEnvironment) -> str:
    """Path and query exactly as they came; empty where the server does not tell."""
    if (scope := environ.get(SCOPE)) is not None:
        return target_of(scope)
    return next((environ[key] for key in TARGETS if environ.get(key)), "")


def _kept_headers(environ: WSGIEnvironment, provider: str) -> bytes:
    # Straight from the environment: a look-up through `request.headers` costs ten times as much.
    kept = _KEPT[provider]
    lines = [f"{name}: {environ[variable]}" for name, variable in kept if environ.get(variable) is not None]
    return "\r\n".join(lines).encode("latin-1", "replace")


@lru_cache(maxsize=64)
def _variable(header: str) -> str:
    """Where the WSGI environment (PEP 3333) keeps a header."""
    name = header.upper().replace("-", "_")
    return name if name == "CONTENT_TYPE" else f"HTTP_{name}"


_KEPT = {
    name: tuple((header, _variable(header)) for header in (*KEPT_HEADERS, *provider.kept_headers))
    for name, provider in PROVIDERS.items()
}
