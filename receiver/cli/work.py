"""`receiver work`: delivering, and whatever else happens after the answer."""

from __future__ import annotations

import logging.config
import os
import signal

import click

from receiver import current
from receiver.cli import streams
from receiver.cli import worker as processes
from receiver.cli.operation import operation
from receiver.db.schema import require_schema
from receiver.logs.log import get_logger

logger = get_logger(__name__)

BEHIND = 10
"""How nice the process is that `serve` starts, on a scale of 19."""
LONGEST_IDLE = 300.0
"""Seconds without anything to do."""


@click.command()
@click.option("--parent", type=int, hidden=True, help="The process to end with.")
@operation
def work(parent: int | None) -> None:
    """Deliver what arrived to your targets, until told to stop.

    `receiver serve` starts one of these by itself. Run more of them, on this machine or others, when one is
    not enough; they need the same settings and PostgreSQL.
    """
    from receiver.logs.lines import logging_config  # noqa: PLC0415  # structlog is slow to import
    from receiver.relay.worker import Worker  # noqa: PLC0415

    config = current.config()
    logging.config.dictConfig(logging_config(config.log_format, config.log_level))
    if parent is not None:
        processes.end_with(parent)
        if current.engine().dialect.name != "sqlite":
            # Callbacks go first. Not on SQLite: who waits for the processor there may hold the only lock.
            os.nice(BEHIND)
    require_schema(current.engine())
    # The one of `serve` is started again when it is needed, and need not hold memory until then.
    worker = Worker(current.surroundings(), idle=LONGEST_IDLE if parent is not None else None)
    for number in processes.STOPS:
        signal.signal(number, lambda *_: worker.stop())
    logger.info("working", process=os.getpid())
    ended = worker.run()
    streams.end_line()
    if worker.broken or not ended:
        # Without waiting for what hangs, a user's function for one: its lease ends by itself.
        os._exit(int(worker.broken))
