"""What the parts of the relay bench share: targets, the process that delivers, and what was delivered."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Engine, insert, select

from bench.baselines import Callbacks
from bench.load import percentile
from bench.notification import Notification
from bench.service import HOST, ROOT, Database, Server
from bench.taker import Receipt
from config import Config
from receiver.db.engine import connect, writing
from receiver.models import EVENTS, Event
from receiver.outbound.allow import AllowList
from receiver.outbound.guard import Guard
from receiver.relay.planner import line_of
from receiver.relay.sender import Surroundings
from receiver.relay.target import TargetSort
from receiver.relay.targets import Targets
from receiver.search.events import rows

_PORTION = 1_000


@contextlib.contextmanager
def connected(database: Database) -> Iterator[Engine]:
    """The service's own way to this database."""
    engine = connect(database.url)
    try:
        yield engine
    finally:
        engine.dispose()


def add_target(database: Database, url: str, name: str = "target", *, ordered: bool = False) -> None:
    """A webhook for all that arrives from now on. What is on this machine is allowed."""
    database.environ["OUTBOUND_ALLOW"] = "127.0.0.0/8"
    config = Config.from_env(database.environ, dotenv=None)
    with connected(database) as engine:
        targets = Targets(Surroundings(config, engine, Guard(AllowList(config.outbound_allow))))
        targets.add(name, TargetSort.WEBHOOK, {"url": url}, ordered=ordered, by="bench")


def fill(database: Database, told: Sequence[Notification]) -> None:
    """These events, as their callbacks would give them."""
    reader = Callbacks(Config.from_env(database.environ, dotenv=None))
    with connected(database) as engine:
        for first in range(0, len(told), _PORTION):
            portion = told[first : first + _PORTION]
            made = [reader.row(one.kind, b"", lambda _: None, one.body, HOST) for one in portion]
            with writing(engine) as connection:
                connection.execute(insert(Event), made)


class Work:
    """A `receiver work` of its own; killed when the block ends."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with (self._database.folder / "work.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "receiver.cli", "work"],
                cwd=ROOT,
                env=self._database.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()


def kill_companions(server: Server) -> None:
    """SIGKILL whatever process delivers beside this server."""
    for process in server.processes():
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")
            if b"work" in words:
                os.kill(process.pid, signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Delivered:
    """Receipts against the log."""

    missing: int
    """Events that never came."""
    doubled: int
    """How often one came that had come before."""
    disordered: int
    """Events that came before an older one of their call or conversation."""


def judged(receipts: Sequence[Receipt], lines: dict[int, str]) -> Delivered:
    """`lines` is what each event of the log keeps its order with."""
    first = list(dict.fromkeys(receipt.event_id for receipt in receipts))
    newest: dict[str, int] = {}
    disordered = 0
    for event_id in first:
        if line := lines.get(event_id, ""):
            disordered += event_id < newest.get(line, 0)
            newest[line] = max(newest.get(line, 0), event_id)
    return Delivered(len(lines.keys() - set(first)), len(receipts) - len(first), disordered)


def lines(database: Database) -> dict[int, str]:
    """The id of each event in the log, with its line."""
    with connected(database) as engine, engine.connect() as connection:
        ids = list(connection.scalars(select(EVENTS.c.id).order_by(EVENTS.c.id)))
        found: dict[int, str] = {}
        for first in range(0, len(ids), _PORTION):
            portion = rows(connection, ids[first : first + _PORTION])
            found |= {event.id: line_of(event) for event in portion}
    return found


def waits(accepted: dict[str, float], receipts: Sequence[Receipt], database: Database) -> list[float]:
    """Milliseconds from the answer to each callback until it was delivered; sorted, infinite for never."""
    came = {receipt.event_id: receipt.at for receipt in reversed(receipts)}
    with database.engine().connect() as connection:
        ids = {ref: event_id for event_id, ref in connection.execute(select(EVENTS.c.id, EVENTS.c.txn_ref))}
    return sorted((came.get(ids.get(ref, 0), math.inf) - at) * 1000 for ref, at in accepted.items())


def p95(ordered: Sequence[float]) -> float:
    return percentile(ordered, 0.95)
