"""The real server in a real process, with the provider's simulator calling it over real HTTP."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import databases
import forks
import pytest
import requests
from conftest import API_TOKEN, KEY, TOKEN
from ports import free_port

from config import blank
from receiver.intake.spool import Spool

ROOT = Path(__file__).parent.parent


class Service:
    """`receiver serve` on a free port."""

    def __init__(self, database_url: str, tmp_path: Path, **environ: str) -> None:
        self.port = free_port()
        self.log = tmp_path / "serve.log"
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {
            **{name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}},
            **blank(),  # an .env of the checkout may name an archive, or a mail server
            "CALLBACK_KEYS": KEY,
            "API_TOKENS": API_TOKEN,
            "HOIIO_APP_ID": "sim-app",
            "HOIIO_ACCESS_TOKEN": TOKEN,
            "PUBLIC_URL": self.url,
            "DATABASE_URL": database_url,
            "SPOOL_DIR": str(tmp_path / "spool"),
            "ARCHIVE_DIR": str(tmp_path / "archive"),
            "NO_COLOR": "1",
            **environ,
        }

    def flask(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = forks.flask(words, self.env)
        assert not check or done.returncode == 0, done.stderr
        return done

    def start(self, workers: int = 1) -> None:
        """Serve."""
        self.process = forks.Served(self.port, self.env, self.log, workers)
        self._wait_until_ready()

    def start_program(self) -> None:
        """Serve in a process that loads everything anew: what a person starts."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flask", "serve", "--listen", f"127.0.0.1:{self.port}"],
                cwd=ROOT,
                env=self.env,
                start_new_session=True,
                stdout=log,
                stderr=log,
            )
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                if requests.get(f"{self.url}/health/ready", timeout=2).status_code == 200:
                    return
            except requests.ConnectionError:
                time.sleep(0.02)
        raise AssertionError("the service did not become ready")

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def events(self, query: str = "") -> list[dict]:
        answer = requests.get(
            f"{self.url}/api/v1/events?limit=500{query}",
            headers={"Authorization": f"Bearer {API_TOKEN}"},
            timeout=10,
        )
        return answer.json()["events"]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory):
    """For all that leaves it as it was; on SQLite: what is asked has nothing to do with the database."""
    folder = tmp_path_factory.mktemp("service")
    service = Service(databases.new_file(folder / "receiver.db"), folder)
    service.start()
    yield service
    service.kill()


@pytest.fixture
def own(tmp_path: Path):
    """One that a test may stop."""
    service = Service(databases.new_file(tmp_path / "receiver.db"), tmp_path)
    service.start()
    yield service
    if service.process.poll() is None:
        service.kill()


def post(service: Service, body: bytes | str, **given) -> int:
    return requests.post(f"{service.url}/callbacks/{KEY}/sms", data=body, timeout=10, **given).status_code


@pytest.mark.slow
def test_it_loses_nothing_it_answered_when_killed_and_stops_in_order(database_url: str, tmp_path: Path):
    service = Service(database_url, tmp_path)
    service.start_program()
    accepted: list[str] = []

    def send(worker: int) -> None:
        session = requests.Session()
        for n in range(10_000):
            reference = f"AA-SI-{worker}-{n}"
            try:
                answer = session.post(
                    f"{service.url}/callbacks/{KEY}/sms", data={"txn_ref": reference, "msg": "x"}, timeout=5
                )
            except requests.RequestException:
                return
            assert answer.status_code == 200
            accepted.append(reference)

    threads = [threading.Thread(target=send, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    while len(accepted) < 100:
        assert threads[0].is_alive()
        threads[0].join(0.01)
    service.kill()
    for thread in threads:
        thread.join()
    service.start()
    listed = service.flask("events", "list", "--ndjson").stdout.splitlines()
    stored = [json.loads(line)["txn_ref"] for line in listed]
    assert accepted
    assert len(stored) == len(set(stored))
    assert set(accepted) <= set(stored)
    assert service.stop() == 0


@pytest.mark.slow
def test_it_answers_413_to_a_large_body_sent_in_chunks(service: Service):
    assert post(service, iter([b"x" * 40_000, b"y" * 40_000])) == 413
    assert post(service, iter([b"txn_ref=AA-SI-9&", b"msg=in+chunks"])) == 200
    (event,) = service.events("&q=ref:AA-SI-9")
    assert event["text"] == "in chunks"


@pytest.mark.slow
def test_it_keeps_what_a_proxy_made_another_method_of(service: Service):
    url = f"{service.url}/callbacks/{KEY}/sms"
    methods = ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "REPORT"]
    for method in methods:
        body = f"txn_ref=AA-SI-{method}&msg=x"
        assert requests.request(method, url, data=body, timeout=10).status_code == 200
        assert requests.request(method, url, timeout=10).status_code == 200
        assert requests.request(method, url.replace(KEY, "x" * 20), data=body, timeout=10).status_code == 404
    assert {f"AA-SI-{method}" for method in methods} <= {event["txn_ref"] for event in service.events()}


@pytest.mark.slow
def test_it_serves_honest_callbacks_beside_two_hundred_slow_ones(service: Service):
    head = f"POST /callbacks/{KEY}/sms HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
    slow = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(200)]
    for number, connection in enumerate(slow):
        connection.sendall([b"", head.encode(), head.encode() + b"\r\nmsg="][number % 3])
    started = time.monotonic()
    assert [post(service, f"txn_ref=AA-SI-{n}&msg=x") for n in range(20)] == [200] * 20
    assert time.monotonic() - started < 10
    for connection in slow:
        connection.close()


def test_it_holds_callbacks_from_the_start_while_the_database_is_away(tmp_path: Path):
    service = Service("postgresql://nobody@127.0.0.1:1/nothing", tmp_path)
    service.start()
    assert post(service, "txn_ref=AA-SI-1&msg=hello") == 200
    assert service.stop() == 0
    assert Spool(tmp_path / "spool", limit_mb=1).state().waiting == 1


def test_it_refuses_to_start_on_an_empty_database(empty_database_url: str, tmp_path: Path):
    refused = Service(empty_database_url, tmp_path).flask("serve", check=False)
    assert refused.returncode == 1
    assert refused.stderr.strip() == "Error: the database has no tables yet: run `receiver db upgrade`"


def test_it_lists_all_wrong_settings_without_a_traceback(tmp_path: Path):
    service = Service("mysql://nope", tmp_path, CALLBACK_KEYS="k")
    refused = service.flask("serve", check=False)
    assert refused.returncode == 1
    assert "DATABASE_URL" in refused.stderr
    assert "CALLBACK_KEYS" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("listen", "said"),
    [
        ("..:8000", ".. is no host"),
        ("a" * 64 + ":80", "is no host"),
        ("[::1]:" + "9" * 5000, "must look like"),
    ],
)
def test_it_says_of_an_address_that_it_is_none(tmp_path, listen, said):
    service = Service(databases.new_file(tmp_path / "receiver.db"), tmp_path)
    assert said in service.flask("serve", "--listen", listen, check=False).stderr


def opened(service: Service, *sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", service.port), timeout=20)
    for part in sent:
        connection.sendall(part)
    return connection


def answer_of(connection: socket.socket) -> bytes:
    """The status of the next answer; empty when the connection ended without one."""
    try:
        return connection.recv(4096)[9:12]
    except ConnectionResetError:
        return b""


def head(service: Service, more: str = "", method: str = "POST", key: str = KEY) -> bytes:
    return f"{method} /callbacks/{key}/sms HTTP/1.1\r\nHost: x\r\n{more}".encode()


def worker_of(service: Service) -> int:
    pid = service.process.pid
    (worker,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(worker)


def test_a_broken_encoding_is_answered_counted_and_kept(own: Service):
    chunked = "Transfer-Encoding: chunked\r\n\r\n"
    for broken in (b"ZZ\r\nmsg=x\r\n", b"9\r\nmsg=hello\r\n7;x"):
        connection = opened(own, head(own, chunked), b"9\r\nmsg=first\r\n", broken)
        if broken.endswith(b"x"):
            connection.shutdown(socket.SHUT_WR)
        # Who has closed its half may get no answer.
        assert answer_of(connection) in {b"503", b""}
        assert answer_of(opened(own, head(own, chunked, key="x" * 20), broken)) == b"404"
    assert own.flask("events", "quarantine").stdout.splitlines()[1].split()[:3] == ["cut", "short", "2"]
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    told = requests.get(f"{own.url}/metrics", headers=headers, timeout=10).text
    assert 'receiver_refused_callbacks_total{cause="cut short"} 2.0' in told
    own.stop()
    assert own.log.read_text().count("callbacks under a valid key were refused") == 1


def test_it_speaks_http_1_only(service: Service):
    assert answer_of(opened(service, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) in {b"400", b"", b"505"}


@pytest.mark.slow
def test_a_connection_that_says_nothing_is_closed(service: Service):
    assert answer_of(opened(service)) == b""


def test_a_stop_does_not_wait_for_strangers(own: Service):
    stalled = [
        opened(own),
        opened(own, head(own, "X-Slow: a")),
        opened(own, head(own, "Content-Length: 100\r\n\r\nmsg=")),
        opened(own, head(own, "Content-Length: 100\r\n\r\nmsg=", key="x" * 20)),
        opened(own, b"PUT /login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nmsg="),
    ]
    assert post(own, "txn_ref=AA-SI-1&msg=x") == 200
    started = time.monotonic()
    assert own.stop() == 0
    assert time.monotonic() - started < 10
    assert answer_of(stalled[2]) == b"503"


def test_requests_on_open_connections_are_answered_until_they_are_told_to_end(own: Service):
    outcomes: list[str] = []

    def send(worker: int) -> None:
        with requests.Session() as session:
            for number in range(10_000):
                body = {"txn_ref": f"AA-SI-{worker}-{number}", "msg": "x"}
                answer = session.post(f"{own.url}/callbacks/{KEY}/sms", data=body, timeout=10)
                outcomes.append(str(answer.status_code))
                if answer.headers.get("Connection") == "close":
                    return

    threads = [threading.Thread(target=send, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    while len(outcomes) < 50:
        threads[0].join(0.01)
    assert own.stop() == 0
    for thread in threads:
        thread.join()
    assert set(outcomes) == {"200"}


def test_many_signals_are_one(own: Service):
    worker = worker_of(own)
    with opened(own, head(own, "X-Slow: a")):
        for _ in range(5):
            os.kill(worker, signal.SIGTERM)
            os.kill(own.process.pid, signal.SIGTERM)
        assert own.process.wait(30) is not None


def test_a_worker_ends_with_its_parent(own: Service):
    ended = select.poll()
    ended.register(os.pidfd_open(worker_of(own)), select.POLLIN)
    os.kill(own.process.pid, signal.SIGKILL)
    own.process.wait()
    assert ended.poll(30_000)
    own.start()  # on the same address
    assert post(own, "txn_ref=AA-SI-1&msg=x") == 200


@pytest.mark.slow
def test_a_signal_is_heard_from_the_first_moment_on(own: Service):
    own.stop()
    for seconds in (0, 0.05, 0.1, 0.2, 0.4):  # until its worker is about there
        own.log.write_bytes(b"")
        process = forks.Served(own.port, own.env, own.log)
        while b"listening" not in own.log.read_bytes():
            assert process.poll() is None
            time.sleep(0.001)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) is not None
