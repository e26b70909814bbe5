"""What `events export -o` does to what is there already, and what it leaves behind when it fails."""

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import KEY, make_config, started
from test_serve import ROOT

from receiver.cli.written import written


@pytest.fixture(scope="module")
def environ(tmp_path_factory):
    """Of a command that has 40 events to export."""
    path = tmp_path_factory.mktemp("log")
    config = make_config(f"sqlite:///{path}/receiver.db", path)
    for app in started(config):
        for at in range(40):
            data = {"txn_ref": f"W{at}", "msg": "你好", "from": "+6591110001", "to": "+6560000001"}
            assert app.test_client().post(f"/callbacks/{KEY}/sms", data=data).status_code == 200
    return {
        "PATH": os.environ["PATH"],
        "CALLBACK_KEYS": KEY,
        "DATABASE_URL": config.database_url,
        "SPOOL_DIR": str(config.spool_dir),
    }


@pytest.fixture
def export(environ):
    def run(*words: str | Path, **given) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "receiver.cli", "events", "export", "--csv", *map(str, words)]
        return subprocess.run(
            command, cwd=ROOT, env=environ, text=True, check=False, **({"capture_output": True} | given)
        )

    return run


def whole(text: bytes) -> bool:
    return text.count(b"\r\n") == 41 and "你好".encode() in text


def test_a_file_keeps_its_mode_and_a_link_stays_a_link(export, tmp_path):
    there, link = tmp_path / "there.csv", tmp_path / "link.csv"
    there.write_text("old")
    there.chmod(0o640)
    theirs = tmp_path / "there.csv.part"
    theirs.write_text("mine")
    link.symlink_to("there.csv")
    assert export("-o", link).returncode == 0
    assert link.is_symlink()
    assert whole(there.read_bytes())
    assert stat.S_IMODE(there.stat().st_mode) == 0o640
    assert theirs.read_text() == "mine"
    dangling = tmp_path / "dangling.csv"
    dangling.symlink_to("new.csv")
    assert export("-o", dangling).returncode == 0
    assert dangling.is_symlink()
    assert stat.S_IMODE((tmp_path / "new.csv").stat().st_mode) == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {
        *("there.csv", "link.csv", "there.csv.part", "dangling.csv", "new.csv")
    }


def test_a_device_and_a_pipe_are_written_to(export, tmp_path):
    assert export("-o", "/dev/null").returncode == 0
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    done = export("-o", "/dev/full")
    assert done.returncode == 1
    assert done.stderr == "Error: cannot write /dev/full: No space left on device\n"
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    assert export("-o", pipe).returncode == 0
    reader.join()
    assert whole(read[0])
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    appended = tmp_path / "appended"
    appended.write_bytes(b"first\n")
    with appended.open("ab") as file:
        assert export("-o", "/dev/stdout", stdout=file, capture_output=False).returncode == 0
    assert appended.read_bytes().startswith(b"first\n")
    assert whole(appended.read_bytes().removeprefix(b"first\n"))
    socket_there = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(socket_there))
        assert "cannot write" in export("-o", socket_there).stderr
        assert stat.S_ISSOCK(socket_there.stat().st_mode)


def test_two_at_once_do_not_mix(tmp_path):
    path = tmp_path / "events"
    with written(path) as one, written(path) as other:
        one.write("one " * 10_000)
        other.write("other " * 10_000)
        assert not path.exists()
        assert len(list(tmp_path.iterdir())) == 2
    assert path.read_text() == "one " * 10_000
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_nothing_is_left_after_a_signal(tmp_path, number):
    path = tmp_path / "events"
    path.write_text("old")
    work = (
        "import sys; from pathlib import Path; from receiver.cli.written import written\n"
        f"with written(Path({str(path)!r})) as file:\n"
        "    file.write('new'); file.flush(); print('there', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", work], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=-3
    ) as process:
        assert process.stdout.readline() == b"there\n"
        assert len(list(tmp_path.iterdir())) == 2
        process.send_signal(number)
        assert process.wait(10) != 0
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "old"


def test_nothing_is_left_after_an_error(tmp_path):
    path = tmp_path / "events"
    with pytest.raises(ZeroDivisionError), written(path) as file:
        file.write("half" * (1 // 0))
    assert list(tmp_path.iterdir()) == []


def test_it_is_utf_8_in_any_locale(export, environ, tmp_path, monkeypatch):
    monkeypatch.setitem(environ, "PYTHONUTF8", "0")
    monkeypatch.setitem(environ, "PYTHONCOERCECLOCALE", "0")
    monkeypatch.setitem(environ, "LC_ALL", "C")
    path = tmp_path / "events.csv"
    done = export("-o", path)
    assert done.returncode == 0, done.stderr
    assert whole(path.read_bytes())
