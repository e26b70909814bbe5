"""No command ends with a traceback: odd encodings, a full disk, closed output, and mistakes of our own."""

import os
import subprocess
import sys
from pathlib import Path

import forks
import pytest
from conftest import KEY, make_config, started
from test_serve import ROOT

from receiver.search.events import EventLog

COMMANDS = [
    *("events list", "events list --json", "events export", "events export --csv", "events stats"),
    *("conversations", "db current", "doctor"),
]
RECEIVER, FLASK = [sys.executable, "-m", "receiver.cli"], [sys.executable, "-m", "flask"]


@pytest.fixture(scope="module")
def environ(tmp_path_factory):
    path = tmp_path_factory.mktemp("log")
    config = make_config(f"sqlite:///{path}/receiver.db", path)
    for app in started(config):
        data = {"txn_ref": "E1", "msg": "héllo 你好 →", "from": "+6591110001", "to": "+6560000001"}
        assert app.test_client().post(f"/callbacks/{KEY}/sms", data=data).status_code == 200
    return {
        "PATH": os.environ["PATH"],
        "CALLBACK_KEYS": KEY,
        "DATABASE_URL": config.database_url,
        "SPOOL_DIR": str(config.spool_dir),
    }


def run(environ, words, program=RECEIVER, stdout=subprocess.PIPE, into=""):
    command = [*program, *words.split()]
    if into:
        command = ["/bin/sh", "-c", f'exec "$@" {into}', "sh", *command]
    return subprocess.run(
        command, check=False, cwd=ROOT, env=environ, stdout=stdout, stderr=subprocess.PIPE, timeout=60
    )


@pytest.mark.parametrize("words", COMMANDS)
def test_output_that_fails_is_told_in_a_sentence(environ, words):
    done = forks.receiver(words.split(), environ, out=Path("/dev/full"))
    assert done.returncode == 1, done.stderr
    assert done.stderr == "Error: cannot write to standard output: No space left on device\n"


@pytest.mark.parametrize("program", [RECEIVER, FLASK], ids=["receiver", "flask"])
def test_output_that_is_closed_is_told_in_a_sentence(environ, program):
    insist_on_failure(environ, "events list", program, ">&-", "Bad file descriptor")


def test_a_full_disk_is_told_by_the_flask_command_too(environ):
    insist_on_failure(environ, "events export --csv", FLASK, ">/dev/full", "No space left on device")


def insist_on_failure(environ, words, program, into, reason):
    done = run(environ, words, program, into=into)
    assert done.returncode == 1, done.stderr
    assert done.stderr.decode() == f"Error: cannot write to standard output: {reason}\n"


def test_help_fails_in_a_sentence_too(environ):
    done = run(environ, "--help", into=">/dev/full")
    assert done.stderr == b"Error: cannot write to standard output: No space left on device\n"
    assert done.returncode == 1


def test_whoever_stops_reading_is_told_nothing(environ):
    reading, writing = os.pipe()
    os.close(reading)
    done = run(environ, "events list", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize(
    ("words", "program"),
    [
        ("events list", RECEIVER),
        ("events list", FLASK),
        ("conversations", RECEIVER),
        ("events stats", RECEIVER),
        ("calls --help", FLASK),
    ],
    ids=["events-receiver", "events-flask", "conversations", "stats", "help"],
)
def test_letters_that_the_locale_lacks_are_shown_as_question_marks(environ, words, program):
    done = run({**environ, "PYTHONIOENCODING": "iso-8859-1"}, words, program)
    assert done.returncode == 0, done.stderr
    if words in {"events list", "conversations"}:
        assert "héllo ?? ?" in done.stdout.decode("latin-1")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("CALLBACK_KEYS=ä".encode("latin-1"), "it is not UTF-8 text"),
        ("CALLBACK_KEYS=abcdefgh12".encode("utf-16"), "it is not UTF-8 text"),
        ("CALLBACK_KEYS=abcdefgh12".encode("utf-16-le"), "it is not UTF-8 text"),
    ],
)
def test_settings_in_another_encoding_are_told_in_a_sentence(environ, tmp_path, content, said):
    path = tmp_path / "env"
    path.write_bytes(content)
    done = forks.receiver(["-e", str(path), "db", "current"], environ)
    assert done.returncode == 2
    assert f"cannot read {path}: {said}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_mark_of_the_byte_order_in_settings_is_none_of_them(environ, tmp_path):
    path = tmp_path / "env"
    path.write_bytes(b"\xef\xbb\xbfCALLBACK_KEYS=abcdefgh12\n")
    own = {name: value for name, value in environ.items() if name != "CALLBACK_KEYS"}
    done = forks.receiver(["-e", str(path), "db", "current"], own)
    assert done.returncode == 0, done.stderr


def test_a_word_that_is_no_text_is_told_in_a_sentence(environ):
    command = [*RECEIVER, "calls", "show", b"S\xe4"]
    done = subprocess.run(command, check=False, cwd=ROOT, env=environ, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"Error: an argument is not valid text")


@pytest.mark.parametrize(
    "error",
    [ZeroDivisionError("+6591110001"), UnicodeEncodeError("utf-8", "+6591110001\udce4", 11, 12, "no text")],
)
def test_a_mistake_of_ours_is_told_with_its_place_and_no_values(tmp_path, monkeypatch, error):
    def fails(*_, **__):
        raise error

    for app in started(make_config(f"sqlite:///{tmp_path}/receiver.db", tmp_path)):
        monkeypatch.setattr(EventLog, "find", fails)
        done = app.test_cli_runner().invoke(args=["events", "list"])
        assert done.exit_code == 1
        assert f"{type(error).__name__} in test_streams.py" in done.stderr
        assert "+6591110001" not in done.stderr
