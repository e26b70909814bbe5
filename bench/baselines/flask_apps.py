"""Flask: a view that does nothing, one ORM commit a request, and this service behind a general bridge.

`python -m bench.baselines.flask_apps empty|orm <port>`, with the service's settings in the environment.
`empty` is behind the service's own gateway and server: the most they can give.
"""

from __future__ import annotations

import sys
from typing import Any

from a2wsgi import WSGIMiddleware
from flask import Flask, Response, jsonify, request
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import Session

from bench.baselines import CONNECTIONS, SQLITE_PRAGMAS, Callbacks
from bench.service import HOST
from config import Config
from receiver.app import create_app
from receiver.cli.server import HEADER_TIMEOUT
from receiver.models import Event
from receiver.web.gateway import Gateway


def empty() -> Gateway:
    """The service's gateway over a view that returns at once."""
    app = create_app(Config.from_env(dotenv=None))
    app.add_url_rule("/callbacks/<key>/empty/<kind>", view_func=_nothing, methods=["POST"])
    return Gateway(app)


def orm() -> Flask:
    """A thread a request, one row, one ORM commit."""
    config = Config.from_env(dotenv=None)
    callbacks, engine = Callbacks(config), _engine(config.database_url)
    app = Flask("plain")

    @app.get("/health/ready")
    def ready() -> Response:
        return jsonify(status="ok")

    @app.post("/callbacks/<key>/<kind>")
    def receive(key: str, kind: str) -> Response:
        if not callbacks.accepts(key):
            return Response(status=404)
        body = request.get_data(cache=False)
        peer = request.remote_addr or ""
        row = callbacks.row(kind, request.query_string, request.headers.get, body, peer)
        with Session(engine) as session:
            session.add(Event(**row))
            session.commit()
        return Response(status=200)

    return app


def bridged() -> Any:
    """This service's Flask application as any ASGI server can take it."""
    return WSGIMiddleware(create_app(Config.from_env(dotenv=None)).wsgi_app, workers=CONNECTIONS)  # type: ignore[arg-type]


def _nothing(key: str, kind: str) -> Response:
    return Response(status=200)


def _engine(url: str) -> Engine:
    # A connection for each thread and patience without end: what it loses, it loses by its design.
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=CONNECTIONS)
    engine = create_engine(
        url, pool_size=CONNECTIONS, connect_args={"timeout": 60.0, "check_same_thread": False}
    )
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: Any) -> None:
    for pragma in SQLITE_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def serve(name: str, port: int) -> None:
    """With the settings of `receiver serve`, but for threads where threads do the work."""
    threads = name == "orm"
    Server(
        f"bench.baselines.flask_apps:{name}",
        address=HOST,
        port=port,
        interface=Interfaces.WSGI if threads else Interfaces.ASGI,
        blocking_threads=CONNECTIONS if threads else None,
        factory=True,
        workers=1,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        log_level=LogLevels.warning,
        backpressure=1024,
        backlog=1024,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT, max_buffer_size=64 * 1024),
    ).serve()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
