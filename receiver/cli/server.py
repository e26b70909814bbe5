"""The process that `receiver serve` becomes once it has looked at the settings and the stores.

It only looks after the processes that do the work, and should not hold memory for more: it has loaded neither
the application nor the database's library.
"""

from __future__ import annotations

import logging.config
import os
import signal
import sys
from dataclasses import asdict, dataclass
from functools import partial
from json import dumps, loads
from typing import NoReturn

from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from receiver.cli import streams, worker
from receiver.cli.companion import Companion
from receiver.logs.lines import logging_config
from receiver.logs.log import get_logger
from receiver.settings.choices import LogFormat, LogLevel

_NAME = "receiver.cli.server"
"""Of this module, also where it is what runs."""
logger = get_logger(_NAME)

HEADER_TIMEOUT = 10_000
"""Milliseconds for a request's headers to arrive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What the server needs to know of the settings."""

    host: str
    port: int
    workers: int
    connections: int
    """How many a worker may take."""
    stop_timeout: float
    works: bool
    """Whether to look after a `receiver work`, too."""
    log_format: LogFormat
    log_level: LogLevel


def become(serving: Serving) -> NoReturn:
    """Replace this process by the server. Its id stays the same, for whoever supervises it."""
    sys.stdout.flush()
    sys.stderr.flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # until it can be ended in order
    os.execv(sys.executable, [sys.executable, "-m", _NAME, dumps(asdict(serving))])  # noqa: S606


def serve(serving: Serving) -> None:
    """Serve until told to stop."""
    lines = logging_config(LogFormat(serving.log_format), LogLevel(serving.log_level))
    logging.config.dictConfig(lines)
    address = f"http://{serving.host}:{serving.port}"
    logger.info("listening", address=address, workers=serving.workers)
    worker.mind_forks()
    companion = Companion()
    server = Server(
        "receiver.app:gateway",
        address=serving.host,
        port=serving.port,
        interface=Interfaces.ASGI,
        factory=True,
        workers=serving.workers,
        loop=Loops.uvloop,
        # HTTP/2 would let one connection hold hundreds of bodies, and let silent ones stay for ever.
        http=HTTPModes.http1,
        websockets=False,
        log_level=LogLevels.warning,
        log_dictconfig=lines,
        backpressure=serving.connections,
        backlog=1024,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT, max_buffer_size=64 * 1024),
        respawn_failed_workers=True,
        workers_kill_timeout=int(serving.stop_timeout) + 5,
    )
    worker.hear_every_signal(server)
    worker.pass_on_hangups(server)
    if serving.works:
        companion.start()
    try:
        server.serve(partial(worker.run, os.getpid(), companion.call if serving.works else None))
    finally:
        companion.stop()
        streams.end_line()


if __name__ == "__main__":
    with streams.ending_cleanly():
        streams.hear_interrupts()
        serve(Serving(**loads(sys.argv[1])))
