"""The service's own log: its lines, what is on them, and what never is."""

import asyncio
import io
import json
import logging
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from conftest import API_TOKEN, KEY, OLD_KEY, TOKEN, signed
from flask import Flask
from sqlalchemy import text
from test_serve import ROOT, Service

from receiver.db import schema
from receiver.db.engine import connect, writing
from receiver.logs.lines import LineFormatter, logging_config
from receiver.logs.log import get_logger
from receiver.logs.request import request_id
from receiver.settings.choices import LogFormat, LogLevel
from receiver.web.gateway import Gateway

WORDS = "my+card+is+4000"
NUMBER = "6591234567"
SMS = f"txn_ref=AA-SI-1&from=%2B{NUMBER}&to=%2B{NUMBER}&msg={WORDS}".encode()
PRIVATE = (KEY, KEY[:-1], OLD_KEY, TOKEN, API_TOKEN, WORDS, WORDS.replace("+", " "), NUMBER)


class Written:
    """What loggers write through the formatter of a serving process."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def text(self) -> str:
        return self.stream.getvalue()


@pytest.fixture
def written(request):
    """The lines, as JSON unless the test asks for another form."""
    written = Written()
    handler = logging.StreamHandler(written.stream)
    handler.setFormatter(LineFormatter(getattr(request, "param", LogFormat.JSON)))
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


as_text = pytest.mark.parametrize("written", [LogFormat.TEXT], indirect=True)


def test_an_event_is_one_line_with_its_fields(written):
    get_logger("receiver.test").error("a job failed", job="watch", seconds=3, file=Path("a/b"))
    (line,) = written.lines
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line["timestamp"])
    assert list(line) == ["timestamp", "level", "logger", "event", "job", "seconds", "file"]
    del line["timestamp"]
    assert line == {
        "level": "error",
        "logger": "receiver.test",
        "event": "a job failed",
        "job": "watch",
        "seconds": 3,
        "file": "a/b",
    }


@as_text
def test_a_person_can_read_the_same_and_nothing_steers_the_terminal(written):
    get_logger("receiver.test").error("a job failed", job="wa\x1b[31mtch\nx", seconds=3)
    assert re.fullmatch(
        r"\S+Z \[error +\] a job failed +\[receiver.test\] job='?wa\\\\?x1b\[31mtch\\\\?nx'? seconds=3\n",
        written.text,
    )


def test_any_other_handler_prints_the_event_and_its_fields(caplog):
    get_logger("receiver.test").error("a job failed", job="watch", seconds=3)
    get_logger("receiver.test").error("stopped")
    assert caplog.messages == ["a job failed: job=watch seconds=3", "stopped"]


@pytest.mark.parametrize("written", [LogFormat.JSON, LogFormat.TEXT], indirect=True)
def test_an_error_shows_where_it_was_raised_and_not_its_words(written):
    for name in ("receiver.test", "library"):
        try:
            raise ValueError(WORDS)
        except ValueError:
            logging.getLogger(name).exception("went wrong")
    assert written.text.count("test_logs.py") == 2
    assert "ValueError" in written.text
    assert WORDS not in written.text


def test_a_library_is_heard_with_its_first_line(written):
    logging.getLogger("library").warning("%s failed\nwith %s", "something", WORDS)
    (line,) = written.lines
    assert (line["logger"], line["level"], line["event"]) == ("library", "warning", "something failed")


def test_libraries_are_heard_from_warnings_on_whatever_the_level():
    config = logging_config(LogFormat.AUTO, LogLevel.INFO)
    assert config["loggers"]["receiver"] == {"level": "INFO"}
    assert config["root"]["level"] == "WARNING"


def test_where_stderr_is_no_terminal_auto_is_json(capsys):
    line = LineFormatter(LogFormat.AUTO).format(logging.makeLogRecord({"msg": "hello", "levelname": "INFO"}))
    assert json.loads(line)["event"] == "hello"


def asked(app: Flask, method: str, path: str, **headers: str) -> int:
    """The status with which the gateway answers one request."""
    sent: list[dict] = []

    async def receive() -> dict:
        return {"type": "http.request", "body": SMS}

    async def send(message: dict) -> None:
        sent.append(message)

    scope = {
        **{"type": "http", "method": method, "path": path, "query_string": b""},
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(Gateway(app)(scope, receive, send))
    return sent[0]["status"]


@pytest.fixture
def broken(app, monkeypatch):
    """An application in which a callback and a private page meet an error nobody expects."""

    def breaks(*_):
        raise RuntimeError(f"{KEY} {WORDS} {NUMBER}")

    monkeypatch.setattr("receiver.providers.hoiio.signature.verify", breaks)
    app.add_url_rule("/breaks", view_func=breaks)
    return app


@pytest.mark.parametrize(("method", "path"), [("POST", f"/callbacks/{KEY}/sms"), ("GET", "/breaks")])
def test_lines_of_one_request_share_its_id(broken, written, method, path):
    assert asked(broken, method, path, x_request_id="proxy-1") == 500
    assert asked(broken, method, path) == asked(broken, method, path) == 500
    given, *made = (line["request_id"] for line in written.lines)
    assert given == "proxy-1"
    assert len(set(made)) == 2
    assert all(re.fullmatch(r"[0-9a-f]{16}", each) for each in made)
    get_logger("receiver.test").error("afterwards")
    assert "request_id" not in written.lines[-1]
    assert not [private for private in PRIVATE if private in written.text]


@pytest.mark.parametrize("odd", ["x" * 65, "a b", "a\nb", "+6591234567", "a/callbacks/b", "é", ""])
def test_an_odd_request_id_is_not_taken(odd):
    assert re.fullmatch(r"[0-9a-f]{16}", request_id({"HTTP_X_REQUEST_ID": odd}))


def test_an_error_outside_of_flask_keeps_quiet_too(app, written, monkeypatch):
    def breaks(*_):
        raise RuntimeError(WORDS)

    monkeypatch.setattr(app.extensions["receiver"].recorder, "submit", breaks)
    with pytest.raises(RuntimeError):
        asked(app, "POST", f"/callbacks/{KEY}/sms", x_request_id="proxy-1")
    (line,) = written.lines
    assert (line["error"], line["request_id"]) == ("RuntimeError", "proxy-1")
    assert WORDS not in written.text


def test_commands_start_without_structlog():
    code = "import sys, receiver.app; sys.exit('structlog' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("form", ["json", "text"])
def test_a_serving_process_writes_nothing_private(tmp_path, form):
    url = f"sqlite:///{tmp_path}/receiver.db"
    engine = connect(url)
    schema.upgrade(engine)
    service = Service(url, tmp_path, LOG_FORMAT=form)
    service.start()
    try:
        path = f"{service.url}/callbacks/{KEY}"
        session = requests.Session()
        for headers in (signed(SMS), {}, {"X-Hoiio-Signature": "0" * 64}):
            assert session.post(f"{path}/sms", data=SMS, headers=headers).status_code == 200
        session.post(f"{path}/ssm", data=SMS)
        assert session.post(f"{path[:-1]}/sms", data=SMS).status_code == 404
        with writing(engine) as connection:
            connection.execute(text("DROP TABLE events"))
        assert session.post(f"{path}/sms", data=SMS + b"+1", headers=signed(SMS)).status_code == 200
        shutil.rmtree(tmp_path / "spool")
        (tmp_path / "spool").touch()
        assert session.post(f"{path}/sms", data=SMS + b"+2", headers=signed(SMS)).status_code == 503
        session.get(f"{service.url}/api/v1/events?q=from:%2B{NUMBER}", headers={"Authorization": "Bearer no"})
        session.get(
            f"{service.url}/api/v1/events?q={WORDS}", headers={"Authorization": f"Bearer {API_TOKEN}"}
        )
    finally:
        engine.dispose()
        service.stop()
    log = service.log.read_text()
    assert not [private for private in PRIVATE if private in log]
    assert "listening" in log
    assert "the database does not take callbacks, the spool does" in log
    assert "neither database nor spool can hold callbacks" in log
    if form == "json":
        for line in log.splitlines():
            assert list(json.loads(line))[:4] == ["timestamp", "level", "logger", "event"]
