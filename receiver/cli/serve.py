"""`receiver serve`: the production server with its limits set."""

from __future__ import annotations

import errno
import logging.config
import os
import resource
import select
import signal
import socket
import time

import click
from sqlalchemy.exc import SQLAlchemyError

from config import Config
from receiver import current
from receiver.cli.operation import operation
from receiver.db import asking
from receiver.db.engine import Unreachable
from receiver.db.failure import reason_of
from receiver.db.reach import Moved
from receiver.db.schema import require_schema
from receiver.intake.spool import SpoolError, SpoolSilent
from receiver.logs.log import get_logger
from receiver.providers.registry import cautions

logger = get_logger(__name__)

PREDECESSOR = 3.0
"""Seconds for another process to leave the address: one whose parent was killed is about to."""
_TAKES = b"\0"
OTHER_FILES = 256
"""Files that are no connections: databases, logs, libraries."""


@click.command()
@click.option(
    "--listen", default="127.0.0.1:8000", show_default=True, metavar="HOST:PORT", help="Where to listen."
)
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1, 64), metavar="N", help="Processes."
)
@click.option("--no-work", is_flag=True, help="Deliver nothing: `receiver work` runs elsewhere.")
@operation
def serve(*, listen: str, workers: int, no_work: bool) -> None:
    """Serve callbacks, API and console, and deliver what arrives.

    SIGTERM stops it once accepted callbacks are written. It starts as soon as the database or the spool takes
    callbacks, but never on another schema. More than one worker needs PostgreSQL.
    """
    # Slow to import, and others load this module for its help.
    from receiver.cli.server import Serving, become  # noqa: PLC0415
    from receiver.logs.lines import logging_config  # noqa: PLC0415

    config = current.config()
    host, port = _address(listen)
    if workers > 1 and config.database_url.startswith("sqlite"):
        raise click.ClickException(
            "SQLite allows one writing process: leave --workers at 1, or use PostgreSQL"
        )
    logging.config.dictConfig(logging_config(config.log_format, config.log_level))
    _tell_cautions(config)
    _require_a_store()
    current.rules().require()
    _require_free(host, port)
    become(
        Serving(
            host=host,
            port=port,
            workers=workers,
            connections=_most_connections(config.connection_limit),
            stop_timeout=config.stop_timeout,
            works=not no_work,
            log_format=config.log_format,
            log_level=config.log_level,
        )
    )


def _tell_cautions(config: Config) -> None:
    for provider, each in cautions(config):
        logger.warning("a setting costs callbacks", provider=provider.name, what=each.sentence, do=each.mend)


def _require_a_store() -> None:
    """One store that takes callbacks is enough to begin with. The other is told of, and tried again."""
    spool_fault = _prove_spool()
    try:
        require_schema(current.engine())
        if spool_fault is not None:
            current.writer().probe()
    except (Unreachable, SQLAlchemyError, Moved) as error:
        reason = reason_of(error) if isinstance(error, SQLAlchemyError) else str(error)
        if spool_fault is not None:
            raise click.ClickException(
                f"{spool_fault}. Nor does the database take callbacks: {reason}"
            ) from None
        logger.warning("callbacks go to the spool until the database answers", reason=reason)
    if spool_fault is not None:
        logger.critical("only the database takes callbacks, the spool does not", reason=spool_fault)


def _prove_spool() -> SpoolError | None:
    """What is wrong with the spool. A process of its own looks: this one is to become the server, and cannot
    while a thread of its waits for a disk that hangs."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            current.spool().prove()
            os.write(writing, _TAKES)
        except SpoolError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        if not select.select([told], [], [], asking.PATIENCE)[0]:
            os.kill(child, signal.SIGKILL)
            return SpoolSilent(current.config().spool_dir)
        said = told.read()
    os.waitpid(child, 0)
    return None if said == _TAKES else SpoolError(said.decode() or "the spool could not be tried")


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or len(port) > 5 or not 0 < int(port) < 65536:
        raise click.BadParameter("must look like 127.0.0.1:8000", param_hint="--listen")
    return host.strip("[]"), int(port)


def _require_free(host: str, port: int) -> None:
    until = time.monotonic() + PREDECESSOR
    while True:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        except UnicodeError:  # a part of the name is empty or longer than a name can be
            raise click.ClickException(f"cannot listen on {host}:{port}: {host} is no host") from None
        except OSError as error:
            if error.errno == errno.EADDRINUSE and time.monotonic() < until:
                time.sleep(0.1)
                continue
            raise click.ClickException(
                f"cannot listen on {host}:{port}: {error.strerror}. Choose another with --listen"
            ) from None
        return


def _most_connections(wanted: int) -> int:
    """How many a worker may take: connections are files, and a server without files to spare takes none."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard == resource.RLIM_INFINITY or wanted + OTHER_FILES <= hard:
        return wanted
    possible = max(16, hard - OTHER_FILES)
    logger.warning("the limit of open files allows fewer connections", files=hard, connections=possible)
    return possible
