"""Assembly: the only place where the parts are put together."""

from __future__ import annotations

import logging
from traceback import format_tb
from types import TracebackType

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from config import Config
from receiver.cli.db import db
from receiver.cli.events import events
from receiver.cli.numbers import numbers
from receiver.cli.serve import serve
from receiver.cli.setup import setup
from receiver.cli.spool import spool as spool_command
from receiver.current import EXTENSION, Parts
from receiver.db import connect
from receiver.log.find import EventLog
from receiver.log.record import Recorder
from receiver.log.spool import Spool
from receiver.log.write import EventWriter
from receiver.web.api import api, problem
from receiver.web.callbacks import Rest, callbacks
from receiver.web.gateway import Gateway
from receiver.web.health import health
from receiver.work.schedule import Job, Schedule

logger = logging.getLogger(__name__)

ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


class Application(Flask):
    """Flask, but an unexpected error is logged without the path, which holds the callback key, and without
    the error's own words, which may hold what a caller sent."""

    def log_exception(self, exc_info: ExcInfo) -> None:
        kind, _, trace = exc_info
        name = kind.__name__ if kind else "error"
        logger.critical("unexpected %s in %s\n%s", name, request.endpoint, "".join(format_tb(trace)))


def create_app(config: Config, *, public: bool = True, private: bool = True) -> Flask:
    """The application with its public side, its private side, or both."""
    app = Application("receiver", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = config.max_body_bytes
    app.json.sort_keys = False  # type: ignore[attr-defined]
    engine = connect(config.database_url, patience=config.commit_deadline)
    writer, spool = EventWriter(engine), Spool(config.spool_dir, limit_mb=config.spool_limit_mb)
    app.extensions[EXTENSION] = Parts(
        config=config,
        engine=engine,
        spool=spool,
        writer=writer,
        recorder=Recorder(writer, spool, deadline=config.commit_deadline, queue_limit=config.queue_limit),
        log=EventLog(engine),
        schedule=Schedule(engine, _jobs()),
    )
    app.url_map.converters["rest"] = Rest
    app.url_map.merge_slashes = False  # would answer a doubled slash with a redirect, and lose what came
    app.register_blueprint(health)
    if public:
        app.register_blueprint(callbacks)
    if private:
        app.register_blueprint(api)
    app.register_error_handler(HTTPException, _http_error)
    for command in (serve, setup, numbers, events, spool_command, db):
        app.cli.add_command(command)
    return app


def gateway() -> Gateway:
    """What `flask serve` serves, in its worker process."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    return Gateway(create_app(Config.from_env()))


def _jobs() -> list[Job]:
    """What a serving process does in the background."""
    return []


def _http_error(error: HTTPException) -> Response:
    """JSON where programs ask, and nothing at all elsewhere: a stranger learns nothing from a 404."""
    status = error.code or 500
    if request.path.startswith("/api/"):
        return problem(status, error.name.lower().replace(" ", "_"), error.description or error.name)
    return Response(status=404 if status == 405 else status)
