"""The way of a request to a callback URL, hop by hop: name, connection, TLS, answer.

Each hop is made by hand, so that the first one that fails can be named. Proxies of the environment are not
used, and redirects are not followed: the provider is not documented to do so.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from http.client import HTTPConnection, HTTPException
from urllib.parse import SplitResult, urlsplit

from receiver.keys.tls import tls_problem
from receiver.outbound.limit import TimeLimit

TIMEOUT = 10.0
"""Seconds for each hop."""
_LONGEST = 20.0
"""Seconds for the whole way, however steadily something drips."""
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
    event: int | None = None
    """The test's event in the log."""

    @property
    def holds(self) -> bool:
        return self.failed is None

    def about(self, setting: str) -> Proof:
        """The same of an address that is from another setting than PUBLIC_URL."""
        sentence, mend = (text.replace("PUBLIC_URL", setting) for text in (self.sentence, self.mend))
        return replace(self, sentence=sentence, mend=mend)


@dataclass(frozen=True)
class Probe:
    """What is sent."""

    method: str
    query: str = ""
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """What came back, whoever sent it."""

    status: int
    location: str
    server: str
    content_type: str
    body: bytes


class HopFailed(Exception):
    """A hop failed: what is wrong with it, and what to do."""

    def __init__(self, hop: Hop, sentence: str, mend: str) -> None:
        super().__init__(sentence)
        self.hop, self.sentence, self.mend = hop, sentence, mend

    def add_to(self, proof: Proof) -> Proof:
        """The proof, as one that ends here."""
        passed = tuple(hop for hop in proof.passed if hop is not self.hop)
        return replace(proof, passed=passed, failed=self.hop, sentence=self.sentence, mend=self.mend)


@dataclass
class _Way:
    """The hops that a request has behind it."""

    passed: list[Hop] = field(default_factory=list)
    certificate_until: datetime | None = None


def travel(url: str, request: Probe) -> tuple[Proof, Reply | None]:
    """Send a request, and take the answer, whatever it says; None if there is none."""
    way, started = _Way(), time.monotonic()
    try:
        with TimeLimit(_LONGEST) as limit, _connected(urlsplit(url), way, limit) as connection:
            answer = _ask(connection, urlsplit(url), request, limit)
        way.passed.append(Hop.ANSWER)
    except HopFailed as failed:
        return failed.add_to(Proof(tuple(way.passed), certificate_until=way.certificate_until)), None
    proof = Proof(
        tuple(way.passed),
        milliseconds=round((time.monotonic() - started) * 1000),
        certificate_until=way.certificate_until,
    )
    return proof, answer


@contextlib.contextmanager
def _connected(url: SplitResult, way: _Way, limit: TimeLimit) -> Iterator[HTTPConnection]:
    host, secure = url.hostname or "", url.scheme == "https"
    port = url.port or (443 if secure else 80)
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise HopFailed(
            Hop.DNS,
            f"the name {host} does not resolve on this machine.",
            "Check the spelling in PUBLIC_URL, and the DNS entry (a new one can take an hour).",
        ) from None
    way.passed.append(Hop.DNS)
    try:
        plain = limit.watch(socket.create_connection((host, port), timeout=TIMEOUT))
    except TimeoutError:
        raise HopFailed(
            Hop.CONNECT,
            f"{host} does not accept connections on port {port}: there is no answer at all.",
            "Open the port in the firewall. If it is open to the world, this network may not lead back to"
            " its own public address: try from another machine.",
        ) from None
    except OSError as error:
        raise HopFailed(
            Hop.CONNECT,
            f"{host} does not accept connections on port {port}: {(error.strerror or 'failed').lower()}.",
            "Start what listens there: the proxy, or `receiver serve`.",
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
        raise HopFailed(Hop.TLS, *tls_problem(host, error)) from None
    way.passed.append(Hop.TLS)
    certificate = secured.getpeercert() or {}
    until = certificate.get("notAfter")
    if isinstance(until, str):
        way.certificate_until = datetime.fromtimestamp(ssl.cert_time_to_seconds(until), UTC)
    return secured


def _ask(connection: HTTPConnection, url: SplitResult, request: Probe, limit: TimeLimit) -> Reply:
    target = f"{url.path or '/'}?{request.query}" if request.query else url.path or "/"
    headers = {"User-Agent": "receiver-proof", "Connection": "close", **request.headers}
    if request.body is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        connection.request(request.method, target, request.body, headers)
        response = connection.getresponse()
        body = response.read(_LARGEST_ANSWER)
        if limit.over:
            raise TimeoutError
    except (OSError, HTTPException) as error:
        if limit.over or isinstance(error, TimeoutError):
            raise HopFailed(
                Hop.ANSWER,
                f"no answer within {limit.seconds if limit.over else TIMEOUT:g} seconds.",
                "Look whether the service runs (`receiver doctor`), and at the proxy's log.",
            ) from None
        raise HopFailed(
            Hop.ANSWER,
            "the connection was closed without an answer in HTTP.",
            "Check that PUBLIC_URL has the right scheme and port, and look at the proxy's log.",
        ) from None
    found = response.headers
    return Reply(
        response.status,
        location=found.get("Location", ""),
        server=found.get("Server", ""),
        content_type=found.get("Content-Type", ""),
        body=body,
    )
