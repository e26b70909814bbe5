"""Copies of the log: made while it is served, put back while it is not; and what comes of damage."""

import contextlib
import os
import sqlite3
import stat
import subprocess
import threading
from pathlib import Path

import databases
import pytest
from arrivals import arrival
from sqlalchemy import text
from test_reach import recording, refs, until
from test_serve import Service, post

from receiver.background.integrity import Integrity
from receiver.db.backup import BackupError, backup, restore
from receiver.db.engine import connect
from receiver.intake.admission import Admission
from receiver.intake.arrival import event_row
from receiver.intake.recorder import Recorder
from receiver.intake.spool import Spool
from receiver.intake.writer import EventWriter


@pytest.fixture
def file(tmp_path) -> Path:
    databases.new_file(tmp_path / "receiver.db")
    return tmp_path / "receiver.db"


@pytest.fixture
def engine(file):
    engine = connect(f"sqlite:///{file}")
    yield engine
    engine.dispose()


def put(engine, *refs: str) -> None:
    """Leave no connection behind: one that is closed later writes its part of the journal into the file."""
    writer = EventWriter(engine)
    writer.write([event_row(arrival(ref)) for ref in refs])
    writer.engine.dispose()


def test_a_backup_made_under_load_has_all_that_was_answered_before(engine, tmp_path):
    with contextlib.closing(Spool(tmp_path / "spool", limit_mb=16)) as spool, recording(engine, spool) as at:
        before = [f"AA-SI-{number:03}" for number in range(100)]
        assert all(at.record(arrival(ref)) for ref in before)
        stop = threading.Event()

        def go_on():
            number = 100
            while not stop.is_set():
                assert at.record(arrival(f"AA-SI-{number:03}"))
                number += 1

        thread = threading.Thread(target=go_on)
        thread.start()
        target = tmp_path / "copy.db"
        assert backup(engine, target) == target.stat().st_size
        stop.set()
        thread.join()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    copy = connect(f"sqlite:///{target}")
    found = refs(copy)
    copy.dispose()
    assert found[:100] == before
    assert found == refs(engine)[: len(found)]
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("there", ["file", "link", "folder"])
def test_a_backup_replaces_nothing(engine, tmp_path, there):
    target = tmp_path / "there"
    if there == "file":
        target.write_text("mine")
    elif there == "link":
        target.symlink_to(tmp_path / "nowhere")
    else:
        target.mkdir()
    with pytest.raises(BackupError, match="exists already"):
        backup(engine, target)
    assert there != "file" or target.read_text() == "mine"
    assert not list(tmp_path.glob(".*"))


def test_a_backup_is_put_back_and_what_it_replaces_is_kept(file, tmp_path):
    service = Service(f"sqlite:///{file}", tmp_path)
    service.start()
    assert post(service, "txn_ref=AA-SI-1&msg=x") == 200
    copy = tmp_path / "copy.db"
    assert "wrote" in service.flask("db", "backup", str(copy)).stdout
    assert post(service, "txn_ref=AA-SI-2&msg=x") == 200
    refused = service.flask("db", "restore", str(copy), "--yes", check=False)
    assert refused.returncode == 1
    assert "is in use: stop the service" in refused.stderr
    assert {event["txn_ref"] for event in service.events()} == {"AA-SI-1", "AA-SI-2"}
    service.kill()  # what is in the -wal then belongs to what is kept
    restored = service.flask("db", "restore", str(copy), "--yes").stdout
    kept = Path(restored.strip().rpartition(" ")[2])
    assert kept.name.startswith("receiver.db.replaced-")
    before = connect(f"sqlite:///{kept}")
    assert refs(before) == ["AA-SI-1", "AA-SI-2"]
    before.dispose()
    service.start()
    assert [event["txn_ref"] for event in service.events()] == ["AA-SI-1"]
    assert post(service, "txn_ref=AA-SI-3&msg=x") == 200
    assert service.stop() == 0


def test_it_restores_over_a_damaged_log_and_keeps_that_too(engine, file, tmp_path):
    put(engine, "AA-SI-1")
    backup(engine, tmp_path / "copy.db")
    engine.dispose()
    noise = os.urandom(file.stat().st_size)
    file.write_bytes(noise)
    kept = restore(engine, tmp_path / "copy.db")
    assert kept is not None
    assert kept.read_bytes() == noise
    assert refs(engine) == ["AA-SI-1"]


@pytest.mark.parametrize("content", [b"", b"no database" * 1000])
def test_it_restores_nothing_but_a_log(engine, file, tmp_path, content):
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(BackupError):
        restore(engine, tmp_path / "other")
    assert not list(tmp_path.glob("*.replaced-*"))
    assert refs(engine) == []


def test_a_copy_on_a_read_only_medium_can_be_read_and_restored(engine, file, tmp_path):
    medium = tmp_path / "medium"
    medium.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "none", medium], capture_output=True, check=False).returncode:
        pytest.skip("only root can mount")
    try:
        put(engine, "AA-SI-1")
        backup(engine, medium / "copy.db")
        copied = connect(f"sqlite:///{medium}/copy.db")
        assert refs(copied) == ["AA-SI-1"]  # in WAL mode now
        copied.dispose()
        subprocess.run(["mount", "-o", "remount,ro", medium], check=True)
        service = Service(f"sqlite:///{medium}/copy.db", tmp_path)
        assert "AA-SI-1" in service.flask("events", "list", "--json").stdout
        put(engine, "AA-SI-2")
        restore(engine, medium / "copy.db")
        assert refs(engine) == ["AA-SI-1"]
    finally:
        subprocess.run(["umount", medium], check=True)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.postgres
def test_on_postgresql_it_says_what_to_use_instead(database_url, tmp_path):
    flask = Service(database_url, tmp_path).flask
    assert "pg_dump" in flask("db", "backup", str(tmp_path / "x"), check=False).stderr
    assert "pg_restore" in flask("db", "restore", str(tmp_path / "x"), "--yes", check=False).stderr


def test_a_log_that_is_open_cannot_be_replaced(engine, file, tmp_path):
    backup(engine, tmp_path / "copy.db")
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]);"
        "c.execute('SELECT * FROM events').fetchall(); print('open', flush=True); input()"
    )
    with subprocess.Popen(
        ["python3", "-c", code, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(BackupError, match="in use"):
            restore(engine, tmp_path / "copy.db")
        other.communicate(b"\n")
    with sqlite3.connect(file) as still:
        assert still.execute("SELECT count(*) FROM events").fetchone() == (0,)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM events")) == 0


def test_what_is_in_a_deleted_write_ahead_log_is_saved(engine, file, tmp_path):
    writer = EventWriter(engine)
    writer.write([event_row(arrival("AA-SI-01"))])
    writer.reach.watch_journal()
    with contextlib.closing(Spool(tmp_path / "spool", limit_mb=16)) as spool:
        admission = Admission(engine, spool, limit_mb=16)
        at = Recorder(writer, spool, admission, deadline=1.0, queue_limit=1000)
        assert all(at.record(arrival(f"AA-SI-{number:02}")) for number in range(2, 20))
        file.with_name("receiver.db-wal").unlink()
        until(lambda: at.failing)
        assert at.record(arrival("AA-SI-20"))
        assert spool.state().waiting == 1
        assert not at.probe_database()
        alone = tmp_path / "alone"  # as after a power cut: the file as it is on disk
        alone.mkdir()
        (alone / "receiver.db").write_bytes(file.read_bytes())
        at.close(5)
    copy = connect(f"sqlite:///{alone}/receiver.db")
    assert len(refs(copy)) == 19
    copy.dispose()


def damage_middle(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as log:
        log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        query = "SELECT max(pageno) FROM dbstat WHERE name = 'events' AND pagetype = 'leaf'"
        try:
            (page,) = log.execute(query).fetchone()
        except sqlite3.OperationalError:  # without that table: the root, which is an inner page by now
            (page,) = log.execute("SELECT rootpage FROM sqlite_master WHERE name = 'events'").fetchone()
    with file.open("r+b") as noise:
        noise.seek((page - 1) * 4096)
        noise.write(os.urandom(4096))


def test_damage_is_found_in_the_background_and_by_the_doctor(engine, file, tmp_path, caplog):
    job, _ = Integrity(engine).jobs()
    put(engine, *(f"AA-SI-{number}" for number in range(200)))
    job.run()
    assert "damaged" not in caplog.text
    service = Service(f"sqlite:///{file}", tmp_path)
    assert "the file is whole" in service.flask("doctor", check=False).stdout
    engine.dispose()
    damage_middle(file)
    job.run()
    assert "the database file is damaged" in caplog.text
    told = service.flask("doctor", "--json", check=False).stdout
    assert "database-damaged" in told
    assert ".recover" in told
    assert "receiver db restore" in told
