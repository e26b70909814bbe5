"""Live, over the real server: the stream, exports and callers that are slow, and `receiver events tail`."""

import json
import queue
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import databases
import pytest
import requests
from arrivals import arrival
from conftest import API_TOKEN, KEY
from sqlalchemy import text
from test_serve import ROOT, Service

from receiver.db.engine import connect, writing
from receiver.intake.arrival import event_row
from receiver.intake.writer import EventWriter

HEADERS = {"Authorization": f"Bearer {API_TOKEN}"}
pytestmark = pytest.mark.slow


def begun(database_url: str, tmp_path: Path) -> Service:
    service = Service(database_url, tmp_path)
    service.start()
    return service


@pytest.fixture
def service(database_url, tmp_path):
    service = begun(database_url, tmp_path)
    yield service
    if service.process.poll() is None:
        service.kill()


@pytest.fixture
def on_sqlite(tmp_path):
    """What does not depend on the database is tried on one."""
    service = begun(databases.new_file(tmp_path / "receiver.db"), tmp_path)
    yield service
    if service.process.poll() is None:
        service.kill()


def arrive(service: Service, reference: str, kind: str = "sms") -> None:
    answer = requests.post(f"{service.url}/callbacks/{KEY}/{kind}", data={"txn_ref": reference}, timeout=10)
    assert answer.status_code == 200


class Listener:
    """Reads the stream in a thread; what came is in `events`, each with when it did."""

    def __init__(
        self, service: Service, query: str = "", last: int | None = None, token: str = API_TOKEN
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} | (
            {} if last is None else {"Last-Event-ID": str(last)}
        )
        url = f"{service.url}/api/v1/events/stream?{query}"
        self.answer = requests.get(url, headers=headers, stream=True, timeout=(5, 30))
        assert self.answer.status_code == 200
        self.events: queue.Queue[tuple[dict, float]] = queue.Queue()
        self.begun, self.ended = threading.Event(), threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        assert self.begun.wait(30)

    def _read(self) -> None:
        try:
            for line in self.answer.iter_lines(chunk_size=1):
                self.begun.set()
                if line.startswith(b"data: "):
                    self.events.put((json.loads(line[6:]), time.monotonic()))
        except requests.RequestException:
            pass
        self.ended.set()

    def next(self) -> dict:
        return self.events.get(timeout=30)[0]


def test_an_event_is_seen_soon_by_who_asked_for_it(service: Service):
    everything, faxes = Listener(service), Listener(service, "kind=fax&fields=kind,txn_ref")
    delays = []
    for number in range(5):
        arrive(service, f"AA-SI-{number}")
        answered = time.monotonic()
        event, seen = everything.events.get(timeout=30)
        assert event["txn_ref"] == f"AA-SI-{number}"
        delays.append(seen - answered)
    assert sorted(delays)[2] <= 0.3
    arrive(service, "AA-F-1", "fax")
    assert faxes.next() == {"kind": "fax", "txn_ref": "AA-F-1"}


def test_who_comes_back_misses_nothing(service: Service):
    listener = Listener(service)
    arrive(service, "AA-SI-1")
    last = listener.next()["id"]
    started = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - started < 10  # it does not wait for who listens
    assert listener.ended.wait(30)
    service.start()
    for number in range(2, 5):
        arrive(service, f"AA-SI-{number}")
    again = Listener(service, last=last)
    assert [again.next()["txn_ref"] for _ in range(3)] == ["AA-SI-2", "AA-SI-3", "AA-SI-4"]


def test_many_listeners_leave_the_threads_to_others(on_sqlite: Service):
    listeners = [Listener(on_sqlite) for _ in range(40)]
    arrive(on_sqlite, "AA-SI-1")
    assert {listener.next()["txn_ref"] for listener in listeners} == {"AA-SI-1"}
    assert requests.get(f"{on_sqlite.url}/health/ready", timeout=5).status_code == 200


def test_the_stream_takes_a_token_and_known_parameters(on_sqlite: Service):
    url = f"{on_sqlite.url}/api/v1/events/stream"
    assert requests.get(url, timeout=5).status_code == 401
    answer = requests.get(f"{url}?colour=red", headers=HEADERS, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("colour:")


def test_the_stream_ends_when_its_token_is_revoked(on_sqlite: Service):
    token = on_sqlite.flask("tokens", "create", "wall").stdout.strip()
    listener = Listener(on_sqlite, token=token)
    on_sqlite.flask("tokens", "revoke", "wall")
    assert listener.ended.wait(15)


def fill(service: Service, count: int) -> None:
    engine = connect(service.env["DATABASE_URL"])
    writer = EventWriter(engine)
    for start in range(0, count, 1000):
        writer.write(
            [
                event_row(
                    arrival(
                        f"AA-SI-{number}",
                        body=b"txn_ref=AA-SI-%d&from=%%2B6591110001&to=%%2B16500000001&msg=%s"
                        % (number, b"x" * 300),
                    )
                )
                for number in range(start, start + 1000)
            ]
        )
    engine.dispose()


def memory(service: Service) -> int:
    """Megabytes of all processes of the service."""
    pids = subprocess.run(
        ["ps", "-o", "rss=", "-g", str(service.process.pid)], capture_output=True, text=True, check=True
    ).stdout
    return sum(map(int, pids.split())) // 1024


def test_an_export_holds_neither_memory_nor_a_thread(on_sqlite: Service):
    fill(on_sqlite, 40_000)
    url = f"{on_sqlite.url}/api/v1/events?format=ndjson"
    lines = 0
    highest = before = memory(on_sqlite)
    with requests.get(url, headers=HEADERS, stream=True, timeout=30) as answer:
        for piece in answer.iter_content(1 << 20):
            lines += piece.count(b"\n")
            highest = max(highest, memory(on_sqlite))
    assert lines == 40_000
    assert highest - before < 100  # the export is 30 MB; a connection's page cache may take 64

    # More callers than there are threads begin an export and do not read on.
    stuck = [socket.create_connection(("127.0.0.1", on_sqlite.port)) for _ in range(24)]
    ask = f"GET /api/v1/events?format=csv HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {API_TOKEN}\r\n\r\n"
    for connection in stuck:
        connection.sendall(ask.encode())
    time.sleep(1)
    assert requests.get(f"{on_sqlite.url}/health/ready", timeout=5).status_code == 200
    for connection in stuck:
        connection.close()


def test_the_tail_goes_on_through_a_restart_and_an_outage(on_sqlite: Service):
    arrive(on_sqlite, "AA-SI-0")
    tail = subprocess.Popen(
        [sys.executable, "-m", "flask", "events", "tail", "kind:sms", "--ndjson"],
        cwd=ROOT,
        env=on_sqlite.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    seen: queue.Queue[str] = queue.Queue()
    threading.Thread(
        target=lambda: [seen.put(json.loads(line)["txn_ref"]) for line in tail.stdout], daemon=True
    ).start()
    try:
        assert seen.get(timeout=20) == "AA-SI-0"
        assert on_sqlite.stop() == 0
        on_sqlite.start()
        arrive(on_sqlite, "AA-SI-1")
        assert seen.get(timeout=10) == "AA-SI-1"

        engine = connect(on_sqlite.env["DATABASE_URL"])
        with writing(engine) as connection:
            connection.execute(text("ALTER TABLE events RENAME TO hidden"))
        arrive(on_sqlite, "AA-SI-2")  # into the spool
        time.sleep(1)
        with writing(engine) as connection:
            connection.execute(text("ALTER TABLE hidden RENAME TO events"))
        engine.dispose()
        assert seen.get(timeout=20) == "AA-SI-2"
    finally:
        tail.terminate()
    said = tail.stderr.read()
    assert "the database does not answer" in said
    assert "nothing was missed" in said
