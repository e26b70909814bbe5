"""`receiver listen`, from a real service over HTTP to a real program; both sides die and come back."""

import json
import os
import pty
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import databases
import pytest
import requests
from conftest import API_TOKEN, KEY
from ports import free_port
from sqlalchemy import text
from standardwebhooks import Webhook
from test_cli import loaded
from test_serve import ROOT, Service

from receiver.cli.listen import remote
from receiver.cli.listen.remote import Beat, Lost, Remote
from receiver.db.engine import connect, writing

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_b3RoZXItc2VjcmV0LW9mLW91cnM="
pytestmark = pytest.mark.slow


class Program:
    """A developer's own program: keeps what is posted to it, and answers as it is told."""

    def __init__(self) -> None:
        self.port = 0
        self.got: queue.Queue[tuple[dict[str, str], bytes]] = queue.Queue()
        self.answer: Callable[[dict], int] = lambda event: 204
        self._kept = socket.socket()
        self.start()
        self.url = f"http://127.0.0.1:{self.port}/hook"

    def start(self) -> None:
        program = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = program.answer(json.loads(body)["data"])
                if status < 300:
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    program.got.put((headers, body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._kept.close()
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._kept = socket.socket()
        self._kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._kept.bind(("127.0.0.1", self.port))  # so that nobody else takes the port; it refuses

    def next(self) -> str:
        """The reference of the next event that it took."""
        return json.loads(self.got.get(timeout=30)[1])["data"]["txn_ref"]


class Listen:
    """The command in a process of its own; each line that it prints is in `lines`, and talk in `said`."""

    def __init__(self, url: str, program: Program, folder: Path, *words: str, **environ: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "receiver.cli", "listen", "--to", program.url, "--json", *words],
            cwd=folder,
            env=environment(url, folder) | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: queue.Queue[dict] = queue.Queue()
        self.said: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(
            target=lambda: [self.said.put(line) for line in self.process.stderr], daemon=True
        ).start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def heard(self, words: str) -> str:
        """The next thing it says that has these words in it."""
        while words not in (line := self.said.get(timeout=30)):
            pass
        return line

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


def environment(url: str, folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "LANG": "C.UTF-8",
        "XDG_STATE_HOME": str(folder / "state"),
        "RECEIVER_URL": url,
        "RECEIVER_TOKEN": API_TOKEN,
    }


def once(url: str, folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The command, which is to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "receiver.cli", "listen", *words],
        check=False,
        cwd=folder,
        env=environment(url, folder) | environ,
        capture_output=True,
        text=True,
        timeout=60,
    )


def arrive(service: Service, reference: str, kind: str = "sms", **headers: str) -> None:
    data = {"txn_ref": reference, "from": "+6591234567", "to": "+14152341237"}
    data |= {"msg": "hello"} if kind == "sms" else {}
    answer = requests.post(f"{service.url}/callbacks/{KEY}/{kind}", data=data, headers=headers, timeout=10)
    assert answer.status_code == 200


def begun(database_url: str, folder: Path):
    service = Service(database_url, folder)
    service.start()
    yield service
    if service.process.poll() is None:
        service.kill()


@pytest.fixture
def service(database_url, tmp_path):
    yield from begun(database_url, tmp_path)


@pytest.fixture
def on_sqlite(tmp_path):
    """What does not depend on the database is tried on one."""
    yield from begun(databases.new_file(tmp_path / "receiver.db"), tmp_path)


@pytest.fixture
def program():
    program = Program()
    yield program
    program.stop()


@pytest.fixture
def listen(tmp_path, program):
    started: list[Listen] = []

    def start(service: Service, *words: str, **environ: str) -> Listen:
        listen = Listen(service.url, program, tmp_path, *words, **environ)
        started.append(listen)
        listen.heard("Listening to")
        return listen

    yield start
    for each in started:
        each.kill()


# --- what is delivered ---


def test_an_event_is_posted_as_a_signed_webhook(service: Service, program: Program, listen):
    arrive(service, "AA-SI-0")
    listening = listen(service, RECEIVER_SECRET=f"{SECRET} {OTHER_SECRET}")
    arrive(service, "AA-SI-1")
    headers, body = program.got.get(timeout=30)
    for secret in (SECRET, OTHER_SECRET):
        posted = Webhook(secret).verify(body, headers)
    (event,) = service.events("&q=ref:AA-SI-1")
    assert posted == {"type": "sms.received", "timestamp": event["received_at"], "data": event}
    assert headers["webhook-id"] == f"evt_{event['id']}"
    assert headers["content-type"] == "application/json"
    line = listening.lines.get(timeout=30)
    assert line["id"] == event["id"]
    assert (line["status"], line["attempt"], line["acknowledged"]) == (204, 1, True)
    assert program.got.empty()  # not what was there before


def test_a_search_and_a_replay_choose_what_is_delivered(on_sqlite: Service, program: Program, listen):
    for number in range(4):
        arrive(on_sqlite, f"AA-SI-{number}")
        arrive(on_sqlite, f"AA-F-{number}", "fax")
    listen(on_sqlite, "--search", "kind:sms from:+6591234567", "--replay-last", "2")
    arrive(on_sqlite, "AA-F-4", "fax")
    arrive(on_sqlite, "AA-SI-4")
    assert [program.next() for _ in range(3)] == ["AA-SI-2", "AA-SI-3", "AA-SI-4"]


def test_what_is_in_quarantine_comes_only_if_it_is_named(on_sqlite: Service, program: Program, listen):
    listen(on_sqlite)
    arrive(on_sqlite, "AA-SI-1", **{"X-Hoiio-Signature": "0" * 64})
    arrive(on_sqlite, "AA-SI-2")
    assert program.next() == "AA-SI-2"
    listen(on_sqlite, "--search", "is:quarantined", "--replay-last", "1")
    assert program.next() == "AA-SI-1"


# --- what fails on the way ---


def test_a_service_that_is_killed_and_comes_back_is_heard_again(service: Service, program: Program, listen):
    listening = listen(service)
    arrive(service, "AA-SI-1")
    assert program.next() == "AA-SI-1"
    service.kill()
    listening.heard("Connection lost: 127.0.0.1")
    service.start()
    for number in range(2, 5):
        arrive(service, f"AA-SI-{number}")
    assert [program.next() for _ in range(3)] == ["AA-SI-2", "AA-SI-3", "AA-SI-4"]
    listening.heard("Connected to 127.0.0.1")


def test_a_service_that_died_before_the_first_event_is_asked_for_what_came(
    on_sqlite: Service, program: Program, listen
):
    arrive(on_sqlite, "AA-SI-0")
    listen(on_sqlite).kill()
    arrive(on_sqlite, "AA-SI-1")
    listen(on_sqlite)
    assert program.next() == "AA-SI-1"


def test_a_later_run_goes_on_behind_what_was_acknowledged(on_sqlite: Service, program: Program, listen):
    program.answer = lambda event: 500 if event["txn_ref"] == "AA-SI-2" else 200
    listening = listen(on_sqlite)
    for number in range(1, 4):
        arrive(on_sqlite, f"AA-SI-{number}")
    assert program.next() == "AA-SI-1"
    while listening.lines.get(timeout=30)["status"] != 500:
        pass
    listening.kill()
    program.answer = lambda event: 200
    arrive(on_sqlite, "AA-SI-4")
    again = listen(on_sqlite)
    assert [program.next() for _ in range(3)] == ["AA-SI-2", "AA-SI-3", "AA-SI-4"]
    for _ in range(3):
        again.lines.get(timeout=30)
    again.kill()
    listen(on_sqlite)
    arrive(on_sqlite, "AA-SI-5")
    assert program.next() == "AA-SI-5"


def test_what_was_not_delivered_can_be_forgotten(on_sqlite: Service, program: Program, listen):
    listen(on_sqlite).kill()
    arrive(on_sqlite, "AA-SI-1")
    listen(on_sqlite, "--from-now")
    arrive(on_sqlite, "AA-SI-2")
    assert program.next() == "AA-SI-2"


def test_a_program_that_was_away_gets_everything_in_order(on_sqlite: Service, program: Program, listen):
    listening = listen(on_sqlite)
    program.stop()
    for number in range(1, 4):
        arrive(on_sqlite, f"AA-SI-{number}")
    attempts = [listening.lines.get(timeout=30) for _ in range(5)]
    assert [line["fault"] for line in attempts] == ["refused"] * 5
    assert [line["attempt"] for line in attempts] == [1, 2, 3, 4, 5]
    assert f"127.0.0.1:{program.port} does not take event" in listening.heard("does not take")
    program.start()
    assert [program.next() for _ in range(3)] == ["AA-SI-1", "AA-SI-2", "AA-SI-3"]


def test_a_redirect_is_no_success_and_failures_can_be_skipped(on_sqlite: Service, program: Program, listen):
    program.answer = lambda event: 302 if event["txn_ref"] == "AA-SI-1" else 200
    listening = listen(on_sqlite, "--skip-failed")
    arrive(on_sqlite, "AA-SI-1")
    arrive(on_sqlite, "AA-SI-2")
    assert program.next() == "AA-SI-2"
    assert [listening.lines.get(timeout=30)["status"] for _ in range(6)] == [302] * 5 + [200]
    listening.heard("skipped")


def test_a_log_that_was_restored_is_told_of(on_sqlite: Service, program: Program, listen):
    for number in range(1, 6):
        arrive(on_sqlite, f"AA-SI-{number}")
    listen(on_sqlite).kill()
    newest = on_sqlite.events()[0]["id"]
    restored = {"last": newest - 2}
    engine = connect(on_sqlite.env["DATABASE_URL"])
    with writing(engine) as connection:
        connection.execute(text("DELETE FROM events WHERE id > :last"), restored)
        connection.execute(text("UPDATE sqlite_sequence SET seq = :last WHERE name = 'events'"), restored)
    engine.dispose()
    again = listen(on_sqlite)
    assert f"going on behind event {newest - 2}" in again.heard(f"ends before event {newest}")
    arrive(on_sqlite, "AA-SI-6")
    assert program.next() == "AA-SI-6"


def test_a_silent_stream_is_lost(monkeypatch: pytest.MonkeyPatch):
    """As after a laptop's sleep: the connection stands, and nobody is at its other end."""
    monkeypatch.setattr(remote, "SILENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nretry: 1000\n\n"
        held: list[socket.socket] = []

        def serve() -> None:
            held.append(server.accept()[0])
            held[0].sendall(head)

        threading.Thread(target=serve, daemon=True).start()
        stream = Remote(f"http://127.0.0.1:{server.getsockname()[1]}", API_TOKEN, "").stream(0)
        assert next(stream) == Beat(first=True)
        with pytest.raises(Lost, match="is silent"):
            next(stream)
        held[0].close()


# --- what cannot work ---


def test_a_refusal_ends_it_with_a_sentence(on_sqlite: Service, program: Program, tmp_path: Path):
    to = ("--to", program.url)

    def said(*words: str, url: str = on_sqlite.url, **environ: str) -> str:
        done = once(url, tmp_path, *to, *words, **environ)
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.startswith("Error: ")
        assert done.stderr.count("\n") == 1
        return done.stderr

    assert "does not know this token" in said(RECEIVER_TOKEN="rcv_unknown-token")
    assert "RECEIVER_TOKEN" in said(RECEIVER_TOKEN="")
    assert "has no query API under this address" in said(url=f"{on_sqlite.url}/elsewhere")
    assert "cannot search for this: kind: " in said("--search", "kind:carrier-pigeon")
    assert "cannot search for this: state: " in said("--search", "state:missed")
    assert "cannot be reached: check --url" in said(url=f"http://127.0.0.1:{free_port()}")
    assert "base64" in said(RECEIVER_SECRET="whsec_!")
    hidden = said(url="https://mei:hunter22@example.com")
    assert "no user name" in hidden
    assert "hunter22" not in hidden
    assert "--to must be a full address" in said("--to", "localhost:3000")


def test_a_token_that_is_revoked_ends_it(on_sqlite: Service, program: Program, listen, tmp_path: Path):
    token = on_sqlite.flask("tokens", "create", "laptop").stdout.strip()
    (tmp_path / "token").write_text(f"{token}\n")
    listening = listen(on_sqlite, "--token-file", str(tmp_path / "token"), RECEIVER_TOKEN="")
    on_sqlite.flask("tokens", "revoke", "laptop")
    listening.heard("does not know this token, or no longer")
    assert listening.process.wait(30) == 1


def test_a_place_is_held_by_one_process(on_sqlite: Service, program: Program, listen, tmp_path: Path):
    listen(on_sqlite)
    done = once(on_sqlite.url, tmp_path, "--to", program.url)
    assert done.returncode == 1
    assert "another `receiver listen`" in done.stderr
    listen(on_sqlite, "--search", "kind:fax")  # another place
    files = list((tmp_path / "state/receiver/listen").iterdir())
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


# --- what a person sees ---


def test_lines_fit_a_terminal_and_ctrl_c_leaves_it_clean(
    on_sqlite: Service, program: Program, tmp_path: Path
):
    terminal, end = pty.openpty()
    to = program.url.replace("http://", "http://mei:hunter22@")
    process = subprocess.Popen(
        ["setsid", "--ctty", sys.executable, "-m", "receiver.cli", "listen", "--to", to, "--mask"],
        cwd=tmp_path,
        env=environment(on_sqlite.url, tmp_path) | {"COLUMNS": "80"},
        stdin=end,
        stdout=end,
        stderr=end,
    )
    os.close(end)
    seen = ""

    def read_until(words: str) -> None:
        nonlocal seen
        while words not in seen:
            seen += os.read(terminal, 4096).decode()

    read_until("Listening")
    arrive(on_sqlite, "AA-SI-1")
    read_until(" ms")
    os.write(terminal, b"\x03")
    event_id = on_sqlite.events()[0]["id"]
    read_until(f"goes on behind event {event_id}.\r\n")
    assert process.wait(30) == 130
    os.close(terminal)
    lines = seen.split("\r\n")
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith(f"Listening to {on_sqlite.url[7:]} for 127.0.0.1:{program.port}, from ")
    assert lines[1][10:].split()[:5] == [str(event_id), "sms.received", "+65••••4567", "+1••••1237", "204"]
    assert lines[2:] == ["^C", f"Stopped. The next run goes on behind event {event_id}.", ""]


def test_it_loads_neither_the_application_nor_a_database(tmp_path: Path):
    modules = loaded("listen", "--help")
    assert modules.isdisjoint({"flask", "sqlalchemy", "pydantic", "config", "rich.console", "phonenumbers"})
