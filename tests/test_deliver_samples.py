"""The programs of docs/examples that receive a webhook, run as docs/deliver.md says, with our own sender."""

import base64
import hmac
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import databases
import pytest
import requests
from conftest import make_config, started
from ports import free_port

from receiver import current
from receiver.outbound.signing import sign
from receiver.relay.delivery import Parcel, Result
from receiver.relay.sorts import SORTS
from receiver.relay.target import Target, TargetSort
from receiver.relay.trial import made_up
from receiver.relay.webhook import new_secret
from receiver.search.query import Search

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parent.parent / "docs"
PROGRAMS = {"python": sys.executable, "node": "node", "php": "php"}
FILES = {"python": "hook.py", "node": "hook.mjs", "php": "hook.php"}
COMMANDS = dict(
    re.findall(
        r"^\| \[(hook\.\w+)\].*\| `(SECRET=whsec_… [^`]+)` \|$",
        (DOCS / "deliver.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
)
SECRET = new_secret()


class Program:
    """A sample as somebody would start it: in a folder of its own, by the command in its first line."""

    def __init__(self, language: str, folder: Path, secret: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self.inbox = folder / "inbox"
        self.inbox.mkdir()
        self._log = folder / "log"
        name = FILES[language]
        command = COMMANDS[name].removeprefix("SECRET=whsec_… ").replace("3000", str(self.port))
        shutil.copy(DOCS / "examples" / name, folder)
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["env", *shlex.split(command)],
                cwd=folder,
                env={"PATH": path, "SECRET": secret},
                stdout=log,
                stderr=log,
            )

    def wait(self) -> bool:
        """Whether it listens; False if it ended instead."""
        end = time.monotonic() + 20
        while self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                assert time.monotonic() < end, self._log.read_text()
                time.sleep(0.02)
            else:
                return True
        return False

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def kept(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.inbox.iterdir()}

    def post(self, body: bytes, message_id: str, **headers: str | None) -> int:
        """The answer to a request by somebody else than our sender."""
        said = {f"webhook-{name}": value for name, value in headers.items() if value is not None}
        return requests.post(
            self.url, body, headers={"webhook-id": message_id} | said, timeout=10
        ).status_code


@pytest.fixture(scope="module", params=list(PROGRAMS))
def language(request: pytest.FixtureRequest) -> str:
    if shutil.which(PROGRAMS[request.param]) is None:
        pytest.skip(f"{PROGRAMS[request.param]} is not installed")
    return request.param


@pytest.fixture(scope="module")
def running(language: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    program = Program(language, tmp_path_factory.mktemp(language), SECRET)
    try:
        assert program.wait()
        yield program
    finally:
        program.stop()


@pytest.fixture
def program(running: Program) -> Program:
    """One that has kept nothing yet."""
    for path in running.inbox.iterdir():
        path.unlink()
    return running


@pytest.fixture
def target(program: Program, tmp_path: Path) -> Iterator[Target]:
    """What our side knows of the program."""
    # No database takes part in what is said between the two, so one is enough.
    url = databases.new_file(tmp_path / "receiver.db")
    for app in started(make_config(url, tmp_path, outbound_allow=("127.0.0.0/8",))):
        with app.app_context():
            yield current.targets().add(
                "shop", TargetSort.WEBHOOK, {"url": program.url, "secret": SECRET}, by="tests"
            )


def send(target: Target, message_id: str = "evt_7", text: str = "one, два, 三") -> Result:
    event = made_up(Search())._replace(text=text)
    with closing(SORTS[target.sort].sender(target, current.surroundings())) as sender:
        return sender.send(Parcel(message_id, event, attempt=1))


def test_the_page_says_how_each_program_is_started() -> None:
    assert set(COMMANDS) == set(FILES.values())
    for name, command in COMMANDS.items():
        assert command in (DOCS / "examples" / name).read_text(encoding="utf-8").split("\n")[0]


def test_a_delivery_is_kept_byte_for_byte(program: Program, target: Target) -> None:
    result = send(target)
    assert (result.delivered, result.status) == (True, 204)
    ((name, body),) = program.kept().items()
    assert name == "evt_7.json"
    assert "one, два, 三".encode() in body


def test_what_comes_twice_is_kept_once(program: Program, target: Target) -> None:
    assert send(target, text="first").status == 204
    assert send(target, text="second").status == 204
    assert send(target, "evt_7_3").status == 204  # a replay is another message
    kept = program.kept()
    assert set(kept) == {"evt_7.json", "evt_7_3.json"}
    assert b"first" in kept["evt_7.json"]


def test_either_secret_is_right_during_a_rotation(program: Program, target: Target) -> None:
    rotated = current.targets().rotate("shop", by="tests")
    assert rotated.settings["secret"] != SECRET
    # The program still has the old secret, whose signature comes second, and then already the new one.
    assert send(rotated, "evt_8").status == 204
    other_way = rotated.settings | {"secret": SECRET, "old_secret": rotated.settings["secret"]}
    assert send(replace(rotated, settings=other_way), "evt_9").status == 204
    assert set(program.kept()) == {"evt_8.json", "evt_9.json"}
    over = other_way | {"secret": new_secret(), "old_secret": new_secret()}
    assert send(replace(rotated, settings=over), "evt_10").status == 401


def test_what_we_did_not_sign_is_refused(program: Program, target: Target) -> None:
    forged = send(replace(target, settings=target.settings | {"secret": new_secret()}))
    assert (forged.delivered, forged.status) == (False, 401)
    now = int(time.time())
    body = b'{"type": "sms.received"}'
    right = sign(SECRET, "evt_7", now, body)
    good: dict[str, str | None] = {"timestamp": str(now), "signature": right}
    assert program.post(body + b" ", "evt_7", **good) == 401
    assert program.post(b"", "evt_7", **good) == 401
    assert program.post(b"\xff", "evt_7", **good) == 401
    assert program.post(body, "evt_8", **good) == 401
    assert program.post(body, "../evt_7", **good) == 401
    for wrong in (None, "", "v1", "v1,", "v1,x", "v1,é", "nonsense", right[:-1], right.replace("v1,", "v2,")):
        assert program.post(body, "evt_7", **good | {"signature": wrong}) == 401, wrong
    for wrong in (None, "", "soon", "nan", "1e400", str(now - 1), f"{now}x"):
        assert program.post(body, "evt_7", **good | {"timestamp": wrong}) == 401, wrong
    assert program.kept() == {}
    assert program.post(body, "evt_7", **good) == 204


def test_what_was_signed_long_ago_or_ahead_is_refused(program: Program) -> None:
    now, body = int(time.time()), b'{"type": "sms.received"}'
    for away, answer in ((-310, 401), (310, 401), (-280, 204), (280, 204)):
        signature = sign(SECRET, f"evt{away}", now + away, body)
        said = program.post(body, f"evt{away}", timestamp=str(now + away), signature=signature)
        assert said == answer, away
    assert set(program.kept()) == {"evt-280.json", "evt280.json"}


def test_what_cannot_be_kept_is_asked_for_again(program: Program, target: Target) -> None:
    program.inbox.rmdir()
    try:
        assert send(target).status == 500
    finally:
        program.inbox.mkdir()
    assert send(target).status == 204


def test_a_stranger_who_hangs_up_ends_nothing(program: Program, target: Target) -> None:
    with socket.create_connection(("127.0.0.1", program.port)) as stranger:
        stranger.sendall(b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    assert send(target).status == 204


def test_nothing_is_believed_without_a_secret(language: str, tmp_path: Path) -> None:
    program = Program(language, tmp_path, secret="")
    try:
        if program.wait():
            now = int(time.time())
            # Anybody can sign with an empty key.
            made = base64.b64encode(hmac.digest(b"", f"evt_7.{now}.{{}}".encode(), "sha256")).decode()
            assert program.post(b"{}", "evt_7", timestamp=str(now), signature=f"v1,{made}") == 500
    finally:
        program.stop()
    assert program.kept() == {}
