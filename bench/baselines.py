"""What the service is compared with, on the server it runs on itself.

`python -m bench.baselines empty|orm <port>`, with the service's settings in the environment. `empty` is a
Flask view that does nothing, behind the service's own gateway: the most this server can give. `orm` is the
plain way: a thread a request, parsed and checked like here, one row, one ORM commit.
"""

from __future__ import annotations

import sys
from typing import Any

from flask import Flask, Response, jsonify, request
from granian.constants import Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import Session

from bench.service import HOST
from config import Config
from receiver.app import create_app
from receiver.cli.serve import HEADER_TIMEOUT
from receiver.hoiio.notifications import Kind
from receiver.hoiio.signature import HEADER, verify
from receiver.log.arrival import KEPT_HEADERS, Arrival, event_row
from receiver.models import Event
from receiver.web.gateway import Gateway

THREADS = 32


def empty() -> Gateway:
    """The service's gateway over a view that returns at once."""
    app = create_app(Config.from_env(dotenv=None))
    app.add_url_rule("/callbacks/<key>/empty", view_func=_nothing, methods=["POST"])
    return Gateway(app)


def orm() -> Flask:
    """The same event in the same table, without a queue between request and commit."""
    config = Config.from_env(dotenv=None)
    token = config.hoiio_access_token
    assert token is not None
    secret = token.get_secret_value()
    engine = _engine(config.database_url)
    app = Flask("plain")

    @app.get("/health/ready")
    def ready() -> Response:
        return jsonify(status="ok")

    @app.post("/callbacks/<key>/voice")
    def voice(key: str) -> Response:
        body = request.get_data(cache=False)
        arrival = Arrival(
            id=Arrival.new_id(),
            kind=Kind.VOICE,
            received_at=Arrival.now(),
            method=request.method,
            query=request.query_string,
            headers=_kept_headers(),
            body=body,
            peer=request.remote_addr or "",
            content_type=request.content_type or "",
            signature=verify(body, request.headers.get(HEADER), secret),
            distrust=None,
        )
        with Session(engine) as session:
            session.add(Event(**event_row(arrival)))
            session.commit()
        return Response(status=200)

    return app


def _nothing(key: str) -> Response:
    return Response(status=200)


def _kept_headers() -> bytes:
    lines = [f"{name}: {value}" for name in KEPT_HEADERS if (value := request.headers.get(name)) is not None]
    return "\r\n".join(lines).encode("latin-1", "replace")


def _engine(url: str) -> Engine:
    # A connection for each thread and patience without end: what it loses, it loses by its design.
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=THREADS)
    engine = create_engine(url, pool_size=THREADS, connect_args={"timeout": 60.0, "check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # As receiver.db sets them.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-65536"):
        connection.execute(f"PRAGMA {pragma}")


def serve(name: str, port: int) -> None:
    """With the settings of `flask serve`, but for threads where threads do the work."""
    threads = name == "orm"
    Server(
        f"bench.baselines:{name}",
        address=HOST,
        port=port,
        interface=Interfaces.WSGI if threads else Interfaces.ASGI,
        blocking_threads=THREADS if threads else None,
        factory=True,
        workers=1,
        loop=Loops.uvloop,
        websockets=False,
        log_level=LogLevels.warning,
        backpressure=1024,
        backlog=1024,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT, max_buffer_size=64 * 1024),
    ).serve()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
