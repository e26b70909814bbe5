"""Assembly: the only place where the parts are put together."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache, partial
from types import TracebackType
from typing import TYPE_CHECKING

from flask import Flask, Request, request
from werkzeug.routing import MapAdapter

from config import Config
from receiver.access.tokens import Tokens
from receiver.answering.driver import Requests
from receiver.answering.in_force import RulesInForce
from receiver.answering.service import Answering
from receiver.archive.opened import open_store
from receiver.background.integrity import Integrity
from receiver.background.schedule import Schedule
from receiver.background.watch import Watch
from receiver.current import EXTENSION, Parts
from receiver.db.engine import connect
from receiver.intake.admission import Admission
from receiver.intake.doubts import Doubts
from receiver.intake.readiness import Readiness
from receiver.intake.recorder import Recorder
from receiver.intake.refusals import Refusals
from receiver.intake.spool import Spool
from receiver.intake.undecided import undecided
from receiver.intake.writer import EventWriter
from receiver.keys.ring import KeyRing
from receiver.logs.log import get_logger, without_words
from receiver.providers.here import CALLBACKS
from receiver.providers.registry import configured, receptions
from receiver.relay import deliveries
from receiver.retention import prune
from receiver.retention.ours import OursReleased
from receiver.search.events import EventLog
from receiver.search.index import LogIndex

if TYPE_CHECKING:
    from receiver.web.gateway import Gateway

logger = get_logger(__name__)

ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


class Application(Flask):
    """Flask with two differences.

    An unexpected error is logged without the path, which holds the callback key, and without its message,
    which may hold what a caller sent. Callbacks have a way of their own.
    """

    callback_adapter: Callable[[Flask, Request], MapAdapter] | None = None

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        route = self.callback_adapter
        if request is not None and route is not None and request.path.startswith(CALLBACKS):
            return route(self, request)
        return super().create_url_adapter(request)

    def log_exception(self, exc_info: ExcInfo) -> None:
        _, error, _ = exc_info
        if error is not None:
            logger.critical(
                "unexpected error",
                error=type(error).__name__,
                endpoint=request.endpoint,
                exception=without_words(error),
            )


def create_app(config: Config, *, public: bool = True, private: bool = True) -> Flask:
    """The application with its public side, its private side, or both; with neither, it runs commands."""
    app = Application("receiver", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = config.max_body_bytes
    app.json.sort_keys = False  # type: ignore[attr-defined]
    engine = connect(config.database_url, patience=config.commit_deadline)
    writer, spool = EventWriter(engine), Spool(config.spool_dir, limit_mb=config.spool_limit_mb)
    keys = KeyRing(engine, [key.get_secret_value() for key in config.callback_keys], config.spool_dir)
    tokens = Tokens(engine, config.api_tokens, rate=config.api_rate)
    admission = Admission(engine, spool, limit_mb=config.quarantine_limit_mb)
    clients = {each.name: partial(each.client, config, time.sleep) for each in configured(config)}
    watch = Watch(engine, keys, config, clients)
    recorder = Recorder(
        writer, spool, admission, deadline=config.commit_deadline, queue_limit=config.queue_limit
    )
    refusals = Refusals()
    integrity = Integrity(engine)
    rules = RulesInForce(config.rules, engine, config.spool_dir)
    taken = receptions(config)
    answering = Answering(
        config,
        engine,
        rules,
        lambda: (keys.current, *keys.older),
        receptions=taken,
        make_driver=Requests,
        undecided=partial(undecided, engine),
    )
    jobs = (
        *keys.jobs(),
        *tokens.jobs(),
        *admission.jobs(),
        *Doubts(recorder.counters.doubted).jobs(),
        *refusals.jobs(),
        *OursReleased(engine, admission).jobs(),
        *LogIndex(engine).jobs(),
        *prune.jobs(engine, config.retention),
        *deliveries.jobs(engine, config.delivery_log),
        *integrity.jobs(),
        *rules.jobs(),
        *answering.jobs(),
        *(watch.jobs() if public else ()),
    )
    app.extensions[EXTENSION] = Parts(
        config=config,
        engine=engine,
        spool=spool,
        writer=writer,
        recorder=recorder,
        admission=admission,
        readiness=Readiness(recorder, admission),
        refusals=refusals,
        integrity=integrity,
        rules=rules,
        answering=answering,
        log=EventLog(engine),
        schedule=Schedule(engine, jobs),
        watch=watch,
        keys=keys,
        receptions=taken,
        tokens=tokens,
        archive_store=cache(partial(open_store, config)),
    )
    if public or private:
        from receiver.web.sides import add_sides  # noqa: PLC0415  # commands serve nothing, and start sooner

        add_sides(app, public=public, private=private)
    return app


def gateway() -> Gateway:
    """What `receiver serve` serves, in its worker process."""
    # Only a process that serves needs the event loop and structlog: commands start without them.
    from receiver.web.gateway import Gateway  # noqa: PLC0415

    return Gateway(create_app(Config.from_env()))
