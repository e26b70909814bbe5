"""`receiver serve`: the production server with its limits set."""

from __future__ import annotations

import logging.config
import resource
import socket

import click
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from receiver import current
from receiver.cli.operation import operation
from receiver.db.engine import Unreachable
from receiver.db.schema import require_schema
from receiver.logs.log import get_logger

logger = get_logger(__name__)

HEADER_TIMEOUT = 10_000
"""Milliseconds for a request's headers to arrive."""


@click.command()
@click.option(
    "--listen", default="127.0.0.1:8000", show_default=True, metavar="HOST:PORT", help="Where to listen."
)
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1, 64), metavar="N", help="Processes."
)
@operation
def serve(listen: str, workers: int) -> None:
    """Serve callbacks, API and console until told to stop.

    SIGTERM stops it once accepted callbacks are written. It also starts while the database is away, since the
    spool holds callbacks meanwhile, but never on another schema. More than one worker needs PostgreSQL.
    """
    from receiver.logs.lines import logging_config  # noqa: PLC0415  # structlog is slow to import

    config = current.config()
    host, port = _address(listen)
    if workers > 1 and config.database_url.startswith("sqlite"):
        raise click.ClickException(
            "SQLite allows one writing process: leave --workers at 1, or use PostgreSQL"
        )
    lines = logging_config(config.log_format, config.log_level)
    logging.config.dictConfig(lines)
    try:
        current.spool().prove()
        require_schema(current.engine())
    except Unreachable as error:
        logger.warning("callbacks go to the spool until the database answers", reason=error)
    current.engine().dispose()  # the workers open their own
    current.spool().close()
    _require_free(host, port)
    _raise_file_limit()
    logger.info("listening", address=f"http://{host}:{port}", workers=workers)
    Server(
        "receiver.app:gateway",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        factory=True,
        workers=workers,
        loop=Loops.uvloop,
        # HTTP/2 would let one connection hold hundreds of bodies, and let silent ones stay for ever.
        http=HTTPModes.http1,
        websockets=False,
        log_level=LogLevels.warning,
        log_dictconfig=lines,
        backpressure=config.connection_limit,
        backlog=1024,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT, max_buffer_size=64 * 1024),
        respawn_failed_workers=True,
        workers_kill_timeout=int(config.stop_timeout) + 5,
    ).serve()


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise click.BadParameter("must look like 127.0.0.1:8000", param_hint="--listen")
    return host.strip("[]"), int(port)


def _require_free(host: str, port: int) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {host}:{port}: {error.strerror}. Choose another with --listen"
        ) from None


def _raise_file_limit() -> None:
    """Connections are files; the default of 1,024 is an attack of 1,024 idle connections."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
