"""Proof of reachability: does what is posted to a callback URL arrive in the log as it was sent?

A signed test notification takes the provider's way, through PUBLIC_URL, one hop after the other by hand:
name, connection, TLS, answer, log. The first hop that fails is named, with what to do about it. Proxies of
the environment are not used, and redirects are not followed: the provider is not documented to do so.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from http.client import HTTPConnection, HTTPException
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import Engine, func, or_, select

from receiver.models import Event
from receiver.providers.hoiio import signature
from receiver.providers.own import own_notification
from receiver.vocabulary.kinds import EventType, Kind
from receiver.vocabulary.verdict import Verdict

TIMEOUT = 10.0
"""Seconds for each hop."""
_LOOKS = (0.0, 0.1, 0.2, 0.4, 0.8, 1.5, 2.0, 3.0)
"""Pauses in seconds before looking into the log again: longer than a commit and its deadline."""
_LARGEST_ANSWER = 64 * 1024


class Hop(StrEnum):
    """A stretch of the way, in order."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    ANSWER = "answer"
    LOG = "log"


@dataclass(frozen=True)
class Proof:
    """How far a request to a callback URL came. `failed` is None if it came all the way."""

    passed: tuple[Hop, ...] = ()
    failed: Hop | None = None
    sentence: str = ""
    """What is wrong with the failed hop."""
    mend: str = ""
    """What to do about it."""
    milliseconds: int = 0
    """Until the answer was here."""
    certificate_until: datetime | None = None
    date: datetime | None = None
    """What the answer's Date header says."""
    event: int | None = None
    """The test's event in the log."""

    @property
    def holds(self) -> bool:
        return self.failed is None


def prove(engine: Engine, url: str, kind: Kind, access_token: str) -> Proof:
    """Post a signed test notification to a callback URL, and look for it in the log.

    It is logged with type `test` and never counted as a call. `access_token` must be the one the service
    verifies with.
    """
    nonce = secrets.token_hex(16)
    body = own_notification(nonce)
    # Once more in the query, where it can be found when a proxy ate the body.
    query = f"receiver_test={nonce}"
    with engine.connect() as connection:
        before = connection.scalar(select(func.max(Event.id))) or 0
    proof, answer = _travel(url, _Request("POST", query, body, signature.sign(body, access_token)))
    if answer is None:
        return proof
    try:
        _require_our_answer(url, answer)
        row = _find(engine, before, query.encode(), body)
        _require_whole(row, kind, body)
    except _FailedError as failed:
        return failed.add_to(proof)
    assert row is not None  # noqa: S101  # _require_whole raised
    return replace(proof, passed=(*proof.passed, Hop.LOG), event=row.id)


def reach(url: str) -> Proof:
    """Go as far as the answer, without leaving anything in the log: is there a service of ours that accepts
    this URL's key?"""
    proof, answer = _travel(url, _Request("GET"))
    if answer is not None:
        try:
            _require_our_answer(url, answer)
        except _FailedError as failed:
            return failed.add_to(proof)
    return proof


@dataclass(frozen=True)
class _Request:
    method: str
    query: str = ""
    body: bytes | None = None
    signature: str = ""


@dataclass(frozen=True)
class _Answer:
    status: int
    location: str
    server: str
    content_type: str
    body: bytes


@dataclass(frozen=True)
class _Arrived:
    """What became of the test."""

    id: int
    kind: str
    type: str
    signature: str
    quarantine: str | None
    body: bytes


@dataclass
class _Way:
    """The hops that a request has behind it."""

    passed: list[Hop] = field(default_factory=list)
    certificate_until: datetime | None = None


class _FailedError(Exception):
    """A hop that failed."""

    def __init__(self, hop: Hop, sentence: str, mend: str) -> None:
        super().__init__(sentence)
        self.hop, self.sentence, self.mend = hop, sentence, mend

    def add_to(self, proof: Proof) -> Proof:
        passed = tuple(hop for hop in proof.passed if hop is not self.hop)
        return replace(proof, passed=passed, failed=self.hop, sentence=self.sentence, mend=self.mend)


def _travel(url: str, request: _Request) -> tuple[Proof, _Answer | None]:
    """Send a request, and take the answer, whatever it says; None if there is none."""
    way, started = _Way(), time.monotonic()
    try:
        with _connected(urlsplit(url), way) as connection:
            answer, date = _ask(connection, urlsplit(url), request)
        way.passed.append(Hop.ANSWER)
    except _FailedError as failed:
        return failed.add_to(Proof(tuple(way.passed), certificate_until=way.certificate_until)), None
    proof = Proof(
        tuple(way.passed),
        milliseconds=round((time.monotonic() - started) * 1000),
        certificate_until=way.certificate_until,
        date=date,
    )
    return proof, answer


@contextlib.contextmanager
def _connected(url: SplitResult, way: _Way) -> Iterator[HTTPConnection]:
    host, secure = url.hostname or "", url.scheme == "https"
    port = url.port or (443 if secure else 80)
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise _FailedError(
            Hop.DNS,
            f"the name {host} does not resolve on this machine.",
            "Check the spelling in PUBLIC_URL, and the DNS entry (a new one can take an hour).",
        ) from None
    way.passed.append(Hop.DNS)
    try:
        plain = socket.create_connection((host, port), timeout=TIMEOUT)
    except TimeoutError:
        raise _FailedError(
            Hop.CONNECT,
            f"{host} does not accept connections on port {port}: there is no answer at all.",
            "Open the port in the firewall. If it is open to the world, this network may not lead back to"
            " its own public address: try from another machine.",
        ) from None
    except OSError as error:
        raise _FailedError(
            Hop.CONNECT,
            f"{host} does not accept connections on port {port}: {(error.strerror or 'failed').lower()}.",
            "Start what listens there: the proxy, or `flask serve`.",
        ) from None
    way.passed.append(Hop.CONNECT)
    connection = HTTPConnection(host, port, timeout=TIMEOUT)
    with contextlib.closing(connection):
        connection.sock = _secured(plain, host, way) if secure else plain
        yield connection


def _secured(plain: socket.socket, host: str, way: _Way) -> ssl.SSLSocket:
    try:
        secured = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
    except (OSError, ValueError) as error:
        plain.close()
        raise _FailedError(Hop.TLS, *_tls_problem(host, error)) from None
    way.passed.append(Hop.TLS)
    certificate = secured.getpeercert() or {}
    until = certificate.get("notAfter")
    if isinstance(until, str):
        way.certificate_until = datetime.fromtimestamp(ssl.cert_time_to_seconds(until), UTC)
    return secured


# Numbers of OpenSSL's X509_V_ERR_….
_NOT_YET_VALID, _EXPIRED, _SELF_SIGNED, _WRONG_HOST = 9, 10, (18, 19), (62, 64)
_RENEW = "Renew it, and let the proxy load the new one."


def _tls_problem(host: str, error: OSError | ValueError) -> tuple[str, str]:
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else None
    if code == _EXPIRED:
        return f"the TLS certificate of {host} has expired.", _RENEW
    if code == _NOT_YET_VALID:
        return f"the TLS certificate of {host} is not valid yet.", "Check the clock of this machine."
    if code in _WRONG_HOST:
        return (
            f"the TLS certificate is for another name than {host}.",
            "Get one for this name, or put the name of the certificate into PUBLIC_URL.",
        )
    if code in _SELF_SIGNED:
        return (
            f"the TLS certificate of {host} is self-signed, or comes from an authority of one's own: the"
            " provider has no reason to trust it.",
            "Get one from a public authority, such as Let's Encrypt.",
        )
    if code is not None:
        return (
            f"the TLS certificate of {host} cannot be followed to a known authority.",
            "Let the proxy send the whole chain, with the intermediate certificates. A private authority"
            " will not do.",
        )
    if isinstance(error, TimeoutError):
        return f"{host} does not finish the TLS handshake.", "Look at the proxy's log."
    if isinstance(error, ssl.SSLError) and error.reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST"}:
        return (
            f"{host} speaks no TLS on this port.",
            "Let the proxy end TLS there, or correct the port in PUBLIC_URL.",
        )
    return f"{host} breaks off the TLS handshake.", "Look at the proxy's log, and at its certificate."


def _ask(connection: HTTPConnection, url: SplitResult, request: _Request) -> tuple[_Answer, datetime | None]:
    target = f"{url.path or '/'}?{request.query}" if request.query else url.path or "/"
    headers = {"User-Agent": "receiver-proof", "Connection": "close"}
    if request.body is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        headers[signature.HEADER] = request.signature
    try:
        connection.request(request.method, target, request.body, headers)
        response = connection.getresponse()
        body = response.read(_LARGEST_ANSWER)
    except TimeoutError:
        raise _FailedError(
            Hop.ANSWER,
            f"no answer within {TIMEOUT:g} seconds.",
            "Look whether the service runs (`flask doctor`), and at the proxy's log.",
        ) from None
    except (OSError, HTTPException):
        raise _FailedError(
            Hop.ANSWER,
            "the connection was closed without an answer in HTTP.",
            "Check that PUBLIC_URL has the right scheme and port, and look at the proxy's log.",
        ) from None
    found = response.headers
    answer = _Answer(
        response.status,
        found.get("Location", ""),
        found.get("Server", ""),
        found.get("Content-Type", ""),
        body,
    )
    return answer, _date(found.get("Date", ""))


def _date(header: str) -> datetime | None:
    try:
        return datetime.strptime(header, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    except ValueError:
        return None


def _require_our_answer(url: str, answer: _Answer) -> None:
    """Raise unless this service said 200."""
    if answer.status == 200 and not answer.body:
        return
    sentence, mend = _answer_problem(url, answer)
    raise _FailedError(Hop.ANSWER, sentence, mend)


_OF_STATUS = {
    400: ("the proxy refuses the request (HTTP 400).", "Check scheme and port in PUBLIC_URL."),
    405: (
        "what answers takes no POST (HTTP 405).",
        "Let the proxy pass POST requests to /callbacks/, to this service.",
    ),
    408: ("the proxy waited in vain for the body (HTTP 408).", "Look at the proxy's log."),
    411: ("the proxy wants a length (HTTP 411).", "Look at the proxy's settings for request bodies."),
    413: (
        "even a small body is too large (HTTP 413).",
        "Raise the proxy's limit (nginx: client_max_body_size), or MAX_BODY_BYTES.",
    ),
    429: ("the proxy takes no more requests (HTTP 429).", "Exempt /callbacks/ from its rate limit."),
    502: (
        "the proxy answers, but does not reach this service (HTTP 502).",
        "Start `flask serve`, and check the address that the proxy passes to.",
    ),
    504: (
        "the proxy answers, but this service did not answer it in time (HTTP 504).",
        "Look at the service's log, and at `flask doctor`.",
    ),
}


def _answer_problem(url: str, answer: _Answer) -> tuple[str, str]:
    if 300 <= answer.status < 400:
        return _redirect_problem(url, answer)
    if answer.status == 404:
        return _path_problem(url, answer)
    if answer.status in (401, 403, 407):
        return (
            f"something in front of the service wants a login, or blocks (HTTP {answer.status}).",
            "Let /callbacks/ pass without one: the key in the URL is what protects it.",
        )
    if answer.status == 503:
        if answer.body:
            return _OF_STATUS[502][0].replace("502", "503"), _OF_STATUS[502][1]
        return (
            "this service cannot hold callbacks now (HTTP 503).",
            "Look at `flask doctor`: database or spool must be writable.",
        )
    if answer.status in _OF_STATUS:
        return _OF_STATUS[answer.status]
    if answer.status == 200:
        return (
            f"something else answers there, with a page of its own ({_name(answer)}).",
            "Point the proxy's /callbacks/ to this service, or correct PUBLIC_URL.",
        )
    return f"the answer is HTTP {answer.status}, not 200.", "Look at the proxy's log, and at the service's."


def _redirect_problem(url: str, answer: _Answer) -> tuple[str, str]:
    was, to = urlsplit(url), urlsplit(answer.location)
    redirect = f"the answer is a redirect (HTTP {answer.status}), and the provider is not known to follow one"
    if was.scheme == "http" and to.scheme == "https" and to.hostname == was.hostname:
        return (
            f"{redirect}: http is sent on to https.",
            "Let PUBLIC_URL begin with https; run setup again.",
        )
    if to.hostname and to.hostname != was.hostname:
        return (
            f"{redirect}: it leads to {to.hostname}.",
            f"Put {to.scheme}://{to.netloc} into PUBLIC_URL, and run setup again.",
        )
    return f"{redirect}.", "Let the proxy pass /callbacks/ to this service without a redirect."


def _path_problem(url: str, answer: _Answer) -> tuple[str, str]:
    parts = urlsplit(url)
    prefix, _, rest = parts.path.partition("/callbacks/")
    if answer.body:
        return (
            f"a proxy or another site answers that there is no such page (HTTP 404, {_name(answer)}).",
            f"Let the proxy pass {prefix}/callbacks/ to this service.",
        )
    if prefix:
        without, said = _travel(parts._replace(path=f"/callbacks/{rest}").geturl(), _Request("GET"))
        if without.holds and said is not None and said.status == 200 and not said.body:
            return (
                f"the path is lost on the way (HTTP 404): it works without {prefix}.",
                f"Take {prefix} out of PUBLIC_URL, or teach it to the proxy.",
            )
        return (
            f"the service answers, but does not know the path (HTTP 404): PUBLIC_URL has {prefix} in it.",
            f"Let the proxy take {prefix} away before it passes a request on (nginx: a slash at the end of"
            " proxy_pass).",
        )
    return (
        "what answers does not accept this callback key (HTTP 404).",
        "Restart the service if CALLBACK_KEYS was changed; else PUBLIC_URL leads to another installation,"
        " or a proxy changes the path.",
    )


def _name(answer: _Answer) -> str:
    told = answer.server or answer.content_type.partition(";")[0] or "unnamed"
    return "".join(char for char in told[:40] if char.isascii() and char.isprintable())


def _find(engine: Engine, before: int, query: bytes, body: bytes) -> _Arrived | None:
    """The event of the test, by what is left of it."""
    mine = or_(Event.query_string == query, Event.body == body)
    columns = (Event.id, Event.kind, Event.type, Event.signature, Event.quarantine, Event.body)
    for pause in _LOOKS:
        time.sleep(pause)
        with engine.connect() as connection:
            row = connection.execute(select(*columns).where(Event.id > before, mine)).first()
        if row is not None:
            return _Arrived(*row)
    return None


def _require_whole(row: _Arrived | None, kind: Kind, body: bytes) -> None:
    """Raise unless the event says exactly what was sent."""
    if row is None:
        raise _FailedError(
            Hop.LOG,
            "it was answered 200, but is not in this log.",
            "Look at `flask spool status`: it may wait for the database. If not, PUBLIC_URL leads to an"
            " installation with another database.",
        )
    if sentence_and_mend := _event_problem(row, kind, body):
        raise _FailedError(Hop.LOG, *sentence_and_mend)


def _event_problem(row: _Arrived, kind: Kind, body: bytes) -> tuple[str, str] | None:
    if not row.body:
        return (
            "it arrived without its body.",
            "Let the proxy pass request bodies (nginx: proxy_pass_request_body on).",
        )
    if row.body != body:
        return (
            f"its body was changed on the way: {len(body)} bytes were sent, {len(row.body)} arrived.",
            "Let the proxy pass bodies as they are: the provider's signature is over the very bytes.",
        )
    if row.signature == Verdict.MISSING:
        return (
            f"it arrived without the header {signature.HEADER}, so no callback can be verified.",
            "Let the proxy pass this header.",
        )
    if row.signature == Verdict.INVALID:
        return (
            "its signature was found wrong, though it arrived whole: the service verifies with another"
            " access token than this command.",
            "Restart the service if HOIIO_ACCESS_TOKEN was changed, or give both the same.",
        )
    if row.kind != kind:
        return f"it was sent as {kind} and arrived as {row.kind}.", "Let the proxy pass the path as it is."
    if row.quarantine is not None:
        return f"it was quarantined: {row.quarantine}.", "Let the proxy pass the path as it is."
    if row.type != EventType.TEST:
        return "the service that answers is of an older version.", "Restart it."
    return None
