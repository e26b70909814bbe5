"""The parts of the relay bench in which something is wrong: workers are killed, addresses are hostile."""

from __future__ import annotations

import contextlib
import io
import json
import random
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import func, insert, select

from bench import callbacks, paced
from bench.hostile import HOSTILE, PUBLIC, Listener
from bench.relay_parts import Work, add_target, connected, fill, judged, kill_companions, lines
from bench.report import Report, say
from bench.service import HOST, Database, Server, sqlite
from bench.taker import Taker
from receiver.db.engine import writing
from receiver.models import AttemptRow, TargetRow
from receiver.outbound.allow import AllowList
from receiver.outbound.fetch import Fetcher
from receiver.outbound.fetch_error import FetchError
from receiver.outbound.guard import Guard
from receiver.outbound.media import FAXES
from receiver.outbound.refusal import Refused, Unreachable
from receiver.relay.queue import LEASE
from receiver.relay.webhook import new_secret
from receiver.vocabulary.errors import OperatorError

RATE = 100
CONVERSATIONS = 25
STARTS_WITHIN = 20.0
LONGEST_KILL_DELAY = 0.5
"""Seconds from its first delivery: it has those to catch up with that came while there was none."""
SILENCE = 3 * LEASE.total_seconds()
TRIED_WITHIN = 60.0


def kill_often(report: Report, database: Database, kills: int) -> None:
    """SIGKILL, so many times, while callbacks come; then wait for what the dead had leased."""
    accepted: dict[str, float] = {}
    with Taker() as taker:
        add_target(database, taker.url(), ordered=True)
        with Server.receiver(database) as server:
            stop = threading.Event()
            load = threading.Thread(target=_load, args=(server, stop, accepted))
            load.start()
            try:
                for number in range(kills):
                    with Work(database):
                        taker.wait_for(taker.count() + 1, STARTS_WITHIN)
                        time.sleep(random.uniform(0, LONGEST_KILL_DELAY))
                    kill_companions(server)
                    if (number + 1) % 10 == 0 or number + 1 == kills:
                        say(f"{database.name}: {number + 1} of {kills} kills")
            finally:
                stop.set()
                load.join()
            began = time.monotonic()
            with Work(database):
                _wait_until_all_came(taker, database)
            took = time.monotonic() - began
        told = judged(taker.receipts(), lines(database))
        with database.engine().connect() as connection:
            failed = connection.scalar(select(func.count()).where(AttemptRow.delivered.is_(False))) or 0
        stored = set(database.stored())
    name = f"{database.name}: worker killed"
    report.figure(f"{name}: kills", kills)
    report.figure(f"{name}: callbacks", len(accepted))
    report.figure(f"{name}: all delivered after (s)", took)
    report.figure(f"{name}: delivered more than once", told.doubled)
    report.figure(f"{name}: failed attempts", failed)
    report.at_least(f"{name}: callbacks", len(accepted), 1)
    report.equal(f"{name}: not delivered", told.missing + len(accepted.keys() - stored), 0)
    report.equal(f"{name}: out of order", told.disordered, 0)


def _load(server: Server, stop: threading.Event, accepted: dict[str, float]) -> None:
    while not stop.is_set():
        calls = callbacks.texts(RATE, secrets.token_hex(4), conversations=CONVERSATIONS)
        accepted |= paced.send(server.port, calls, RATE).accepted


def _wait_until_all_came(taker: Taker, database: Database) -> None:
    """Or until nothing comes for longer than leases last: to catch up may take long."""
    ids, came, since = lines(database).keys(), 0, time.monotonic()
    while time.monotonic() < since + SILENCE and ids - {one.event_id for one in taker.receipts()}:
        time.sleep(0.5)
        if (now := taker.count()) > came:
            came, since = now, time.monotonic()


def try_hostile(report: Report) -> None:
    """Everything that leads to a listener which must stay silent, by the ways that requests go out."""
    with Listener() as listener:
        urls = [url.replace("{port}", str(listener.port)) for url in HOSTILE]
        saved = _saved(urls)
        tried = _delivered(urls, listener.port)
        redirected = _redirected(urls)
        rebound = _rebound(listener.port)
        heard = len(listener.heard())
        # Were it deaf, its silence would say nothing.
        with contextlib.suppress(Unreachable):
            Guard(AllowList(["127.0.0.1"])).request(
                "POST", f"http://{HOST}:{listener.port}/", data=b"", longest=0.2, largest=100
            )
        hears = len(listener.heard())
    report.figure("hostile: addresses", len(urls))
    report.figure("hostile: delivered to and refused", tried)
    report.figure("hostile: redirected to by a document and refused", redirected)
    report.figure("hostile: names that led elsewhere a moment later and were refused", rebound)
    report.equal("hostile: let through on saving", saved, 0)
    report.equal("hostile: not tried by the worker", len(urls) + 1 - tried, 0)
    report.equal("hostile: heard by the listener", heard, 0)
    report.equal("hostile: heard by the listener once it is allowed", hears, 1)


def _saved(urls: list[str]) -> int:
    guard = Guard(AllowList())
    through = 0
    for url in urls:
        with contextlib.suppress(OperatorError):
            guard.check(url)
            through += 1
    return through


def _delivered(urls: list[str], port: int) -> int:
    """How many the worker tried in vain: targets written past the check, as if it had a hole, and one that
    redirects. Its allow list has a network in which nobody is, so that not only ports are judged."""
    with sqlite() as database, Taker() as taker:
        add_target(database, taker.redirecting(f"http://{HOST}:{port}/"))
        database.environ["OUTBOUND_ALLOW"] = f"127.0.0.1:{taker.port},203.0.113.0/24"
        now = datetime.now(UTC)
        made: list[dict[str, Any]] = [
            {
                "name": f"hostile {number}",
                "sort": "webhook",
                "search": "",
                "settings": json.dumps({"url": url, "headers": {}, "secret": new_secret()}),
                "ordered": False,
                "after_id": 0,
                "created_at": now,
                "created_by": "bench",
            }
            for number, url in enumerate(urls)
        ]
        with connected(database) as engine:
            with writing(engine) as connection:
                connection.execute(insert(TargetRow), made)
            fill(database, callbacks.notifications(1))
            tried = 0
            with Work(database):
                until = time.monotonic() + TRIED_WITHIN
                while tried < len(urls) + 1 and time.monotonic() < until:
                    time.sleep(0.2)
                    with engine.connect() as connection:
                        failed = select(func.count(func.distinct(AttemptRow.delivery_id)))
                        tried = connection.scalar(failed.where(AttemptRow.delivered.is_(False))) or 0
    return tried


def _redirected(urls: list[str]) -> int:
    """A document that is fetched may redirect, and each hop is judged. How many were refused."""
    refused = 0
    with Taker() as taker:
        fetcher = Fetcher(Guard(AllowList([f"{HOST}:{taker.port}"])), longest=2)
        for url in urls:
            if url.isascii() and url.isprintable():  # otherwise no head could carry it
                try:
                    fetcher.fetch(taker.redirecting(url), io.BytesIO(), FAXES)
                except FetchError:
                    refused += 1
    return refused


def _rebound(port: int) -> int:
    """A name that leads to an allowed address when it is judged, and to this machine when it is looked up
    again. How many times it was refused."""
    url, guard = f"http://rebind.example:{port}/", Guard(AllowList([PUBLIC]))
    answers = ([PUBLIC, "127.0.0.1"], ["127.0.0.1"], ["::ffff:127.0.0.1"], ["::1"])
    refused = 0
    for answer in answers:
        with _resolving([PUBLIC]):
            guard.check(url)
        with _resolving(answer), guard.session(longest=2, largest=100) as session:
            try:
                session.post(url, {}, b"{}")
            except Refused:
                refused += 1
    return refused


@contextlib.contextmanager
def _resolving(answer: list[str]) -> Iterator[None]:
    """Every name has these addresses meanwhile."""
    asked = socket.getaddrinfo

    def lookup(_: Any, port: Any, *__: Any, **___: Any) -> list[Any]:
        return [
            (socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
            for one in answer
        ]

    socket.getaddrinfo = cast(Any, lookup)
    try:
        yield
    finally:
        socket.getaddrinfo = asked
