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

from receiver.intake.spool import Spool

ROOT = Path(__file__).parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    """`receiver serve` on a free port."""

    def __init__(self, database_url: str, tmp_path: Path, **environ: str) -> None:
        self.port = free_port()
        self.log = tmp_path / "serve.log"
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {
            **{name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}},
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

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flask", "serve", "--listen", f"127.0.0.1:{self.port}"],
                cwd=ROOT,
                env=self.env,
                start_new_session=True,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                if requests.get(f"{self.url}/health/ready", timeout=2).status_code == 200:
                    return
            except requests.ConnectionError:
                time.sleep(0.1)
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


@pytest.fixture
def service(database_url: str, tmp_path: Path):
    service = Service(database_url, tmp_path)
    service.start()
    yield service
    if service.process.poll() is None:
        service.kill()


def post(service: Service, body: bytes | str, **given) -> int:
    return requests.post(f"{service.url}/callbacks/{KEY}/sms", data=body, timeout=10, **given).status_code


@pytest.mark.slow
def test_it_loses_nothing_it_answered_when_killed(service: Service):
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
    time.sleep(0.6)
    service.kill()
    for thread in threads:
        thread.join()
    service.start()
    listed = service.flask("events", "list", "--ndjson").stdout.splitlines()
    stored = [json.loads(line)["txn_ref"] for line in listed]
    assert accepted
    assert len(stored) == len(set(stored))
    assert set(accepted) <= set(stored)


@pytest.mark.slow
def test_it_stops_in_order_on_sigterm(service: Service):
    assert post(service, "txn_ref=AA-SI-1&msg=x") == 200
    assert service.stop() == 0


@pytest.mark.slow
def test_it_answers_413_to_a_large_body_sent_in_chunks(service: Service):
    assert post(service, iter([b"x" * 40_000, b"y" * 40_000])) == 413
    assert post(service, iter([b"txn_ref=AA-SI-9&", b"msg=in+chunks"])) == 200
    assert [event["text"] for event in service.events()] == ["in chunks"]


@pytest.mark.slow
def test_it_keeps_what_a_proxy_made_another_method_of(service: Service):
    url = f"{service.url}/callbacks/{KEY}/sms"
    methods = ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "REPORT"]
    for method in methods:
        body = f"txn_ref=AA-SI-{method}&msg=x"
        assert requests.request(method, url, data=body, timeout=10).status_code == 200
        assert requests.request(method, url, timeout=10).status_code == 200
        assert requests.request(method, url.replace(KEY, "x" * 20), data=body, timeout=10).status_code == 404
    assert {event["txn_ref"] for event in service.events()} == {f"AA-SI-{method}" for method in methods}


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


@pytest.fixture
def quiet(tmp_path: Path):
    """On SQLite: what is asked has nothing to do with the database."""
    service = Service(databases.new_file(tmp_path / "receiver.db"), tmp_path)
    service.start()
    yield service
    if service.process.poll() is None:
        service.kill()


@pytest.mark.parametrize("broken", [b"ZZ\r\nmsg=x\r\n", b"9\r\nmsg=hello\r\n7;x"], ids=["no size", "ends"])
def test_a_broken_encoding_is_answered_counted_and_kept(quiet: Service, broken: bytes):
    chunked = "Transfer-Encoding: chunked\r\n\r\n"
    connection = opened(quiet, head(quiet, chunked), b"9\r\nmsg=first\r\n", broken)
    if broken.endswith(b"x"):
        connection.shutdown(socket.SHUT_WR)
    # Who has closed its half may get no answer.
    assert answer_of(connection) in {b"503", b""}
    assert answer_of(opened(quiet, head(quiet, chunked, key="x" * 20), broken)) == b"404"
    kept = quiet.flask("events", "quarantine").stdout
    assert "cut short" in kept
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    told = requests.get(f"{quiet.url}/metrics", headers=headers, timeout=10).text
    assert 'receiver_refused_callbacks_total{cause="cut short"} 1.0' in told
    quiet.stop()
    assert quiet.log.read_text().count("callbacks under a valid key were refused") == 1


def test_it_speaks_http_1_only(quiet: Service):
    assert answer_of(opened(quiet, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) in {b"400", b"", b"505"}


@pytest.mark.slow
def test_a_connection_that_says_nothing_is_closed(quiet: Service):
    assert answer_of(opened(quiet)) == b""


def test_a_stop_does_not_wait_for_strangers(quiet: Service):
    stalled = [
        opened(quiet),
        opened(quiet, head(quiet, "X-Slow: a")),
        opened(quiet, head(quiet, "Content-Length: 100\r\n\r\nmsg=")),
        opened(quiet, head(quiet, "Content-Length: 100\r\n\r\nmsg=", key="x" * 20)),
        opened(quiet, b"PUT /login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nmsg="),
    ]
    assert post(quiet, "txn_ref=AA-SI-1&msg=x") == 200
    started = time.monotonic()
    assert quiet.stop() == 0
    assert time.monotonic() - started < 5
    assert answer_of(stalled[2]) == b"503"


def test_requests_on_open_connections_are_answered_until_they_are_told_to_end(quiet: Service):
    outcomes: list[str] = []

    def send(worker: int) -> None:
        with requests.Session() as session:
            for number in range(10_000):
                body = {"txn_ref": f"AA-SI-{worker}-{number}", "msg": "x"}
                answer = session.post(f"{quiet.url}/callbacks/{KEY}/sms", data=body, timeout=10)
                outcomes.append(str(answer.status_code))
                if answer.headers.get("Connection") == "close":
                    return

    threads = [threading.Thread(target=send, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    while len(outcomes) < 50:
        threads[0].join(0.01)
    assert quiet.stop() == 0
    for thread in threads:
        thread.join()
    assert set(outcomes) == {"200"}


def test_many_signals_are_one(quiet: Service):
    worker = worker_of(quiet)
    with opened(quiet, head(quiet, "X-Slow: a")):
        for _ in range(5):
            os.kill(worker, signal.SIGTERM)
            os.kill(quiet.process.pid, signal.SIGTERM)
        assert quiet.process.wait(5) is not None


def test_a_worker_ends_with_its_parent(quiet: Service):
    ended = select.poll()
    ended.register(os.pidfd_open(worker_of(quiet)), select.POLLIN)
    os.kill(quiet.process.pid, signal.SIGKILL)
    quiet.process.wait()
    assert ended.poll(5000)
    quiet.start()  # on the same address
    assert post(quiet, "txn_ref=AA-SI-1&msg=x") == 200


@pytest.mark.slow
def test_a_signal_is_heard_from_the_first_moment_on(quiet: Service):
    quiet.stop()
    for moment in range(5):
        with quiet.log.open("wb") as log:
            command = [sys.executable, "-m", "flask", "serve", "--listen", f"127.0.0.1:{quiet.port}"]
            process = subprocess.Popen(command, cwd=ROOT, env=quiet.env, stdout=log, stderr=log)
        while b"listening" not in quiet.log.read_bytes():
            assert process.poll() is None
        if moment:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(moment * 0.3)  # until its worker is about there
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) is not None
