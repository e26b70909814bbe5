"""The archive: what callbacks link to is fetched, kept once, shown, and gone when its events are."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import forks
import pytest
import time_machine
from conftest import API_TOKEN, KEY, ON_BOTH, make_config, on_sqlite, signed
from documents import MP3, WAV, give, pdf, serving, tiff
from sqlalchemy import event, func, insert, select, update
from test_fetch import trusting
from test_serve import Service
from waiting import until

from receiver.archive import checking, keep
from receiver.archive.archivist import THREADS, Archivist
from receiver.archive.claims import LEASE, claim, failed
from receiver.archive.documents import find
from receiver.archive.folder import Folder
from receiver.archive.plan import plan
from receiver.archive.states import MOST_ATTEMPTS
from receiver.db.engine import writing
from receiver.models import ARCHIVED, DOCUMENTS, ArchiveOrphan
from receiver.outbound.fetch import Fetched
from receiver.outbound.fetch_error import FetchError
from receiver.outbound.media import PDF
from receiver.relay.need import work_is_needed
from receiver.retention import quarantine
from receiver.retention.remove import remove

database_url = on_sqlite

SENDER, NUMBER = "+6591234567", "+6511111111"
AUTH = {"Authorization": f"Bearer {API_TOKEN}"}


@pytest.fixture
def server():
    with serving() as server:
        yield server


@pytest.fixture
def config(database_url, tmp_path, server):
    return make_config(database_url, tmp_path, hoiio_api_url=f"{server.url}/open/")


@pytest.fixture
def parts(app):
    return app.extensions["receiver"]


@pytest.fixture
def engine(parts):
    return parts.engine


@pytest.fixture
def store(parts):
    return parts.archive_store()


@pytest.fixture
def archivist(config, engine):
    return Archivist.of(config, engine)


@pytest.fixture
def run(app):
    def invoke(*words: str, exit_code: int = 0) -> str:
        result = app.test_cli_runner().invoke(args=words)
        assert result.exit_code == exit_code, result.output
        return result.output if exit_code else result.stdout

    return invoke


def arrive(client, kind: str, headers=None, **fields: str) -> None:
    body = urlencode({"from": SENDER, "to": NUMBER, "date": "2026-03-01 10:00:00"} | fields).encode()
    answer = client.post(f"/callbacks/{KEY}/{kind}", data=body, headers=headers or signed(body))
    assert answer.status_code == 200


def fax(client, url: str, ref: str = "AA-F-1", **more) -> None:
    arrive(client, "fax", **{"txn_ref": ref, "fax_status": "answered", "fax_url": url} | more)


def recording(client, url: str, ref: str = "AA-C-1", **more: str) -> None:
    given = {"session": "S1", "txn_ref": ref, "call_state": "ongoing", "ivr_block": "record"}
    arrive(client, "voice", **given | {"record_url": url} | more)


def files(config) -> set[str]:
    """Every file of the archive, by what is in it."""
    return {path.name for path in config.archive_dir.rglob("*") if path.is_file()}


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def kept(engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(DOCUMENTS))


# What is kept.


@ON_BOTH
def test_a_fax_is_kept_with_its_pages_and_a_picture(client, api, config, server, archivist):
    content = pdf(3)
    server.answers["/a.pdf?Signature=x"] = give(content, "application/pdf")
    fax(client, f"{server.url}/a.pdf?Signature=x")
    (waiting,) = api("/events/1/documents")["documents"]
    assert (waiting["state"], waiting["attempts"]) == ("waiting", 0)

    archivist.step()
    (item,) = api("/events/1/documents")["documents"]
    assert item["field"] == "fax_url"
    assert (item["state"], item["reason"]) == ("kept", None)
    assert (item["media_type"], item["size"], item["pages"]) == ("application/pdf", len(content), 3)
    assert (item["sha256"], item["preview"]) == (sha(content), "yes")
    assert waiting["address"] is None
    assert api("/events/1")["documents"] == api("/events/1?mask=true")["documents"] == [item]
    assert client.get(f"/api/v1{item['address']}", headers=AUTH).data == content
    assert files(config) == {sha(content), f"{sha(content)}.png"}
    path = next(path for path in config.archive_dir.rglob(sha(content)))
    assert path.relative_to(config.archive_dir).parts[:2] == (sha(content)[:2], sha(content)[2:4])
    assert path.stat().st_mode & 0o777 == 0o600

    answer = client.get("/api/v1/events/1/documents/fax_url", headers=AUTH)
    assert answer.data == content
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="fax-')
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    picture = client.get("/api/v1/events/1/documents/fax_url/preview", headers=AUTH)
    assert picture.headers["Content-Type"] == "image/png"
    assert picture.data.startswith(b"\x89PNG")
    assert len(server.asked) == 1


def test_a_recording_is_kept_and_can_be_had_in_parts(client, api, server, archivist):
    server.answers["/a.mp3"] = give(MP3, "audio/x-mpeg")
    recording(client, f"{server.url}/a.mp3")
    archivist.step()
    (item,) = api("/events/1/documents")["documents"]
    assert (item["media_type"], item["preview"], item["pages"]) == ("audio/mpeg", "no", None)
    url = "/api/v1/events/1/documents/record_url"
    part = client.get(url, headers=AUTH | {"Range": "bytes=100-299"})
    assert part.status_code == 206
    assert part.data == MP3[100:300]
    assert part.headers["Content-Range"] == f"bytes 100-299/{len(MP3)}"
    assert client.get(url, headers=AUTH | {"Range": "bytes=999999999-"}).status_code == 416
    assert client.get(f"{url}/preview", headers=AUTH).status_code == 404


@pytest.mark.parametrize(
    ("content", "told", "media_type"),
    [
        (pdf(), "application/octet-stream", "application/pdf"),
        (tiff(2), "image/tiff", "image/tiff"),
        (tiff(), "application/pdf", "image/tiff"),
    ],
)
def test_the_bytes_of_a_fax_decide_its_type(*, client, api, server, archivist, content, told, media_type):
    server.answers["/a"] = give(content, told)
    fax(client, f"{server.url}/a")
    archivist.step()
    (item,) = api("/events/1/documents")["documents"]
    assert (item["media_type"], item["preview"]) == (media_type, "yes")


def test_both_recordings_of_a_call_are_kept(client, api, server, archivist):
    server.answers["/a.wav"] = give(WAV, "audio/wave")
    server.answers["/b.mp3"] = give(MP3, "audio/mpeg")
    recording(client, f"{server.url}/a.wav", monitor_url=f"{server.url}/b.mp3")
    archivist.step()
    states = {item["field"]: item["media_type"] for item in api("/events/1/documents")["documents"]}
    assert states == {"record_url": "audio/wav", "monitor_url": "audio/mpeg"}


def test_a_document_that_cannot_be_drawn_is_kept_all_the_same(client, api, server, archivist):
    content = pdf()[:300]
    server.answers["/a.pdf"] = give(content)
    fax(client, f"{server.url}/a.pdf")
    archivist.step()
    (item,) = api("/events/1/documents")["documents"]
    assert (item["state"], item["preview"], item["sha256"]) == ("kept", "failed", sha(content))
    assert client.get("/api/v1/events/1/documents/fax_url", headers=AUTH).data == content


def test_an_sms_has_no_documents(client, api, archivist):
    arrive(client, "sms", txn_ref="AA-SI-1", msg="hello")
    archivist.step()
    assert api("/events/1/documents") == {"documents": []}
    assert client.get("/api/v1/events/2/documents", headers=AUTH).status_code == 404
    assert client.get("/api/v1/events/1/documents/fax_url", headers=AUTH).status_code == 404


# What is not kept.


@ON_BOTH
@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_link_that_lapsed_is_not_tried_again(*, client, api, server, archivist, run, status):
    server.answers["/a.pdf"] = give(b"", status=status)
    fax(client, f"{server.url}/a.pdf")
    archivist.step()
    (item,) = api("/events/1/documents")["documents"]
    assert (item["state"], item["attempts"], item["due_at"]) == ("lapsed", 1, None)
    assert f"answers {status}" in item["reason"]
    with time_machine.travel(datetime.now(UTC) + timedelta(days=3)):
        assert archivist.step() == 0
    server.answers["/a.pdf"] = give(pdf())
    assert "1 link will be fetched again" in run("archive", "retry", "--all-lapsed")
    archivist.step()
    assert api("/events/1/documents")["documents"][0]["state"] == "kept"


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("http://169.254.169.254/latest/meta-data", "not https"),
        ("https://user:sesame@files.example.com/a.pdf", "user name"),
        ("javascript:alert(1)", "not https"),
        ("/html", "not of type"),
        ("/script", "claims to be"),
        ("/large", "larger than"),
    ],
)
def test_what_is_not_for_us_is_refused(*, client, api, config, engine, store, server, link, why):
    server.answers["/html"] = give(b"<html>", "text/html")
    server.answers["/script"] = give(b"<script>alert(1)</script>", "application/pdf")
    server.answers["/large"] = give(pdf() + bytes(3 * 1024**2))
    fax(client, server.url + link if link.startswith("/") else link)
    fetchers = {"hoiio": trusting(server.url, largest=1024**2)}
    Archivist(engine, store, fetchers).step()
    (item,) = api("/events/1/documents")["documents"]
    assert (item["state"], item["attempts"]) == ("refused", 1)
    assert why in item["reason"]
    assert "sesame" not in item["reason"]
    assert files(config) == set()


@ON_BOTH
def test_a_failure_is_tried_again_after_a_while(client, api, server, archivist):
    server.answers["/a.pdf"] = give(b"", status=500)
    fax(client, f"{server.url}/a.pdf")
    now = datetime.now(UTC)
    with time_machine.travel(now, tick=False):
        archivist.step()
        archivist.step()
    (item,) = api("/events/1/documents")["documents"]
    assert (item["state"], item["attempts"]) == ("waiting", 1)
    assert item["reason"] == "The server answers 500."
    assert 1 <= (datetime.fromisoformat(item["due_at"]) - now).total_seconds() <= 3
    server.answers["/a.pdf"] = give(pdf())
    with time_machine.travel(now + timedelta(seconds=4)):
        archivist.step()
    assert api("/events/1/documents")["documents"][0]["state"] == "kept"


def test_it_waits_as_long_as_the_server_asks(client, api, server, archivist):
    server.answers["/a.pdf"] = give(b"", status=503, Retry_After="600")
    fax(client, f"{server.url}/a.pdf")
    now = datetime.now(UTC)
    with time_machine.travel(now, tick=False):
        archivist.step()
    due = datetime.fromisoformat(api("/events/1/documents")["documents"][0]["due_at"])
    assert abs((due - now).total_seconds() - 600) < 1


def test_it_gives_up_after_two_days(client, api, server, archivist):
    server.answers["/a.pdf"] = give(b"", status=500)
    fax(client, f"{server.url}/a.pdf")
    now = start = datetime.now(UTC)
    for _ in range(MOST_ATTEMPTS + 1):
        with time_machine.travel(now, tick=False):
            archivist.step()
        (item,) = api("/events/1/documents")["documents"]
        if item["state"] != "waiting":
            break
        now = datetime.fromisoformat(item["due_at"]) + timedelta(seconds=1)
    assert item["state"] == "lapsed"
    assert "Given up" in item["reason"]
    assert timedelta(days=1.5) < now - start < timedelta(days=2.7)


@ON_BOTH
def test_it_says_why_a_document_could_not_be_kept_here(*, client, api, config, engine, server, archivist):
    """And tries again in a moment, not only when its lease ends."""
    server.answers["/a.mp3"] = give(MP3)
    recording(client, f"{server.url}/a.mp3")

    def tried(at_work: Archivist) -> dict:
        due_now(engine)
        at_work.step()
        return api("/events/1/documents")["documents"][0]

    config.archive_dir.mkdir()
    incoming = config.archive_dir / "incoming"
    incoming.symlink_to("/proc")  # where nobody makes a file
    first = tried(archivist)
    assert first["reason"] == "It cannot be written here: No such file or directory."
    assert datetime.fromisoformat(first["due_at"]) < datetime.now(UTC) + timedelta(seconds=10)
    incoming.unlink()
    assert tried(Archivist(engine, archivist._store, {}))["reason"] == "Unexpected: KeyError."
    assert tried(archivist)["state"] == "kept"


def due_now(engine) -> None:
    with writing(engine) as connection:
        connection.execute(update(ARCHIVED).values(due_at=datetime.now(UTC)))


@ON_BOTH
def test_quarantined_links_are_fetched_once_they_are_released(client, api, engine, server, archivist):
    server.answers["/a.pdf"] = give(pdf())
    wrong = {"X-Hoiio-Signature": "00" * 32, "Content-Type": "application/x-www-form-urlencoded"}
    fax(client, f"{server.url}/a.pdf", headers=wrong)
    archivist.step()
    arrive(client, "sms", txn_ref="AA-SI-1", msg="the cursor moves on")
    archivist.step()
    assert server.asked == []
    assert quarantine.release(engine, [1], who="a test").released == 1
    archivist.step()
    assert api("/events/1/documents")["documents"][0]["state"] == "kept"


# Workers.


@ON_BOTH
def test_many_workers_fetch_each_link_once(client, api, config, engine, server):
    for number in range(12):
        server.answers[f"/{number}.mp3"] = give(MP3 + bytes([number]))
        recording(client, f"{server.url}/{number}.mp3", f"AA-C-{number}")
    workers = [threading.Thread(target=Archivist.of(config, engine).step) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    Archivist.of(config, engine).step()
    assert sorted(path for path, _ in server.asked) == sorted(f"/{number}.mp3" for number in range(12))
    assert kept(engine) == 12


WORKER = """
import sys, threading
from pathlib import Path
from config import Config
from receiver.archive.archivist import THREADS, Archivist
from receiver.db.engine import connect
config = Config.model_validate(dict(callback_keys=("x" * 20,), database_url=sys.argv[1],
    archive_dir=Path(sys.argv[2]), hoiio_app_id="a", hoiio_access_token="b" * 8, hoiio_api_url=sys.argv[3]))
Archivist.of(config, connect(config.database_url)).run_forever(threading.Event())
"""


@ON_BOTH
@pytest.mark.slow
def test_what_a_killed_worker_had_begun_is_done_by_another(*, client, api, config, engine, server, archivist):
    asked, go_on = threading.Event(), threading.Event()
    content = pdf()

    def half(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "application/pdf")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[:100])
        asked.set()
        go_on.wait(10)

    server.answers["/a.pdf"] = half
    fax(client, f"{server.url}/a.pdf")
    root = Path(__file__).parent.parent
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, config.database_url, config.archive_dir, config.hoiio_api_url],
        cwd=root,
        env={"PYTHONPATH": str(root)},
    )
    try:
        assert asked.wait(20)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        go_on.set()
    server.answers["/a.pdf"] = give(content)
    archivist.step()
    assert api("/events/1/documents")["documents"][0]["state"] == "waiting"
    assert len(files(config)) == 1
    with time_machine.travel(datetime.now(UTC) + LEASE + timedelta(minutes=20)):
        Archivist.of(config, engine).step()
    assert api("/events/1/documents")["documents"][0]["state"] == "kept"
    assert files(config) == {sha(content), f"{sha(content)}.png"}


@contextmanager
def working(archivist) -> Iterator[None]:
    stop = threading.Event()
    worker = threading.Thread(target=archivist.run_forever, args=(stop,))
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join(10)
    assert not worker.is_alive()


def test_a_worker_runs_until_it_is_told_to_stop(client, api, server, archivist):
    server.answers["/a.mp3"] = give(MP3)
    with working(archivist):
        recording(client, f"{server.url}/a.mp3")
        until(lambda: api("/events/1/documents")["documents"][0]["state"] == "kept")


def test_a_worker_goes_on_whatever_lies_where_documents_come_in(client, config, engine, server, archivist):
    """What was left behind goes, and nothing else does."""
    room = config.archive_dir / "incoming"
    (room / "receiver-archive-folder").mkdir(parents=True)
    for name in ("receiver-archive-left", "somebody-elses"):
        (room / name).write_text("x")
    for path in room.iterdir():
        os.utime(path, (1, 1))
    server.answers["/a.mp3"] = give(MP3)
    recording(client, f"{server.url}/a.mp3")
    with working(archivist):
        until(lambda: kept(engine) == 1)
        until(lambda: {path.name for path in room.iterdir()} == {"receiver-archive-folder", "somebody-elses"})


def test_a_store_that_deletes_nothing_is_told_and_what_was_left_behind_goes(
    config, engine, archivist, caplog
):
    room, stuck = config.archive_dir / "incoming", config.archive_dir / "00/00" / ("0" * 64)
    for folder in (room, stuck):
        folder.mkdir(parents=True)
    left = room / "receiver-archive-left"
    left.write_text("x")
    os.utime(left, (1, 1))
    with writing(engine) as connection:
        connection.execute(insert(ArchiveOrphan).values(sha256=stuck.name))
    archivist.step()
    assert not left.exists()
    assert "cannot be used: Is a directory; see ARCHIVE_DIR" in caplog.text


def test_threads_that_cannot_be_started_are_tried_again(client, engine, server, archivist, monkeypatch):
    start, failed = threading.Thread.start, []

    def start_later(thread):
        if thread.name == "archive" and len(failed) < THREADS:
            failed.append(thread)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_later)
    monkeypatch.setattr("receiver.archive.archivist.AFTER_AN_ERROR", 0.01)
    server.answers["/a.mp3"] = give(MP3)
    with working(archivist):
        for number in range(THREADS):
            recording(client, f"{server.url}/a.mp3", f"AA-C-{number}")
            until(lambda so_far=number: len(failed) > so_far)
        recording(client, f"{server.url}/a.mp3", "AA-C-last")
        until(lambda: kept(engine) == 1)


def test_a_worker_whose_archivist_died_ends_with_an_error(database_url, tmp_path):
    """So `serve` starts another one."""
    assert forks.run(work_without_archivist, Service(database_url, tmp_path).env) == 1


def work_without_archivist(env) -> None:
    Archivist.run_forever = lambda *_: None
    forks.main_of_ours(["work"], env)


def test_fetching_does_not_wait_for_drawing(*, client, engine, server, archivist, monkeypatch):
    """Links lapse while somebody's document takes its time to be drawn."""
    drawn, go_on = [], threading.Event()

    def draw(_engine, _store, sha256):
        go_on.wait(20)
        drawn.append(sha256)

    monkeypatch.setattr("receiver.archive.archivist.make_preview", draw)
    faxes = range(1, 2 * THREADS + 1)
    for number in faxes:
        server.answers[f"/{number}.pdf"] = give(pdf(mark=number))
        fax(client, f"{server.url}/{number}.pdf", f"AA-F-{number}")
    with working(archivist):
        until(lambda: kept(engine) == len(faxes))
        assert not drawn
        go_on.set()
        until(lambda: len(drawn) == len(faxes))


def test_a_picture_that_another_worker_left_is_drawn_at_once(
    *, client, api, config, engine, server, archivist, monkeypatch
):
    """Mail does not wait for it for long."""
    server.answers["/a.pdf"] = give(pdf())
    fax(client, f"{server.url}/a.pdf")
    with monkeypatch.context() as stopped:
        stopped.setattr("receiver.archive.archivist.make_preview", lambda *_: None)
        archivist.step()
    assert api("/events/1/documents")["documents"][0]["preview"] == "waiting"
    Archivist.of(config, engine).step()
    assert api("/events/1/documents")["documents"][0]["preview"] == "yes"


def test_fetching_does_not_wait_for_deleting(*, client, engine, server, archivist, monkeypatch):
    """Nor does the end of a worker."""
    shared(client, server, archivist)
    with writing(engine) as connection:
        remove(connection, [1, 2])
    begun, go_on = threading.Event(), threading.Event()

    def delete(_store, _name):
        begun.set()
        go_on.wait(20)

    monkeypatch.setattr(Folder, "delete", delete)
    archivist._next_tidying = 0.0
    server.answers["/a.mp3"] = give(MP3)
    with working(archivist):
        assert begun.wait(10)
        recording(client, f"{server.url}/a.mp3")
        until(lambda: kept(engine) == 1)
    go_on.set()
    archivist._tidying.join()


@ON_BOTH
def test_documents_are_deleted_in_portions(*, client, config, engine, server, archivist, monkeypatch):
    monkeypatch.setattr("receiver.archive.archivist.SWEPT_AT_ONCE", 2)
    for number in range(3):
        server.answers[f"/{number}.mp3"] = give(MP3 + bytes([number]))
        recording(client, f"{server.url}/{number}.mp3", f"AA-C-{number}")
    archivist.step()
    with writing(engine) as connection:
        remove(connection, [1, 2, 3])
    archivist._next_tidying = 0.0
    for left in (1, 0):
        assert work_is_needed(config, engine)
        archivist.step()
        assert (kept(engine), len(files(config))) == (left, left)
    assert not work_is_needed(config, engine)


def test_a_fetch_that_hangs_does_not_keep_a_worker_from_stopping(client, server, archivist, monkeypatch):
    monkeypatch.setattr("receiver.archive.archivist.LONGEST_STOP", 0.1)
    asked, go_on = threading.Event(), threading.Event()

    def hang(handler):
        asked.set()
        go_on.wait(20)

    server.answers["/a.mp3"] = hang
    recording(client, f"{server.url}/a.mp3")
    stop = threading.Event()
    worker = threading.Thread(target=archivist.run_forever, args=(stop,))
    worker.start()
    assert asked.wait(10)
    stop.set()
    worker.join(5)
    ended = not worker.is_alive()
    archivist._tidying.join()
    (left,) = [thread for thread in threading.enumerate() if thread.name == "archive"]
    go_on.set()
    left.join(5)
    assert ended
    assert left.daemon


@ON_BOTH
def test_what_is_being_fetched_is_not_fetched_again_for_a_retry(client, engine, run):
    recording(client, "https://files.example.com/a.mp3")
    plan(engine)
    (first,) = claim(engine, 4)
    assert json.loads(run("archive", "retry", "1", "--json")) == {"waiting": 0}
    with time_machine.travel(datetime.now(UTC) + LEASE):
        assert json.loads(run("archive", "retry", "1", "--json")) == {"waiting": 1}
        (second,) = claim(engine, 4)
        assert second.attempts == first.attempts
        failed(engine, first, FetchError("Nobody knows that one any more."))  # its worker comes too late
        assert find(engine).items[0].reason is None
        failed(engine, second, FetchError("This counts."))
    assert find(engine).items[0].reason == "This counts."


def test_links_are_chosen_before_the_lock_is_taken(client, engine):
    recording(client, "https://files.example.com/a.mp3")
    plan(engine)
    updates = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, parameters, *_):
        if statement.startswith("UPDATE archived"):
            updates.append((statement, parameters))

    assert claim(engine, 4)
    ((statement, parameters),) = updates
    with engine.connect() as connection:
        planned = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    assert [step[-1] for step in planned] == ["SEARCH archived USING INTEGER PRIMARY KEY (rowid=?)"]


@ON_BOTH
def test_an_idle_worker_writes_nothing(client, config, engine, archivist):
    arrive(client, "sms", txn_ref="AA-SI-1", msg="hello")
    archivist.step()
    with writing(engine):  # whoever wants to write on SQLite would have to wait for this
        began = time.monotonic()
        assert plan(engine) == 0
        assert claim(engine, 4) == []
        assert time.monotonic() - began < 1


# What goes.


def shared(client, server, archivist) -> bytes:
    """Two events with one document, and its bytes."""
    content = pdf()
    for ref in ("AA-F-1", "AA-F-2"):
        server.answers[f"/{ref}.pdf"] = give(content)
        fax(client, f"{server.url}/{ref}.pdf", ref)
    archivist.step()
    return content


@ON_BOTH
def test_a_shared_document_is_kept_once_and_as_long_as_one_event_names_it(
    *, client, config, engine, store, server, archivist
):
    content = shared(client, server, archivist)
    assert kept(engine) == 1
    assert files(config) == {sha(content), f"{sha(content)}.png"}
    with writing(engine) as connection:
        assert remove(connection, [1]).documents == 0
    assert keep.sweep(engine, store) == 0
    assert client.get("/api/v1/events/2/documents/fax_url", headers=AUTH).data == content
    with writing(engine) as connection:
        assert remove(connection, [2]).documents == 1
    assert keep.sweep(engine, store) == 1
    assert (kept(engine), files(config)) == (0, set())


@ON_BOTH
def test_erasing_a_person_erases_their_documents_at_once(client, config, server, archivist, run):
    content = shared(client, server, archivist)
    other = pdf(1, mark=50)
    server.answers["/other.pdf"] = give(other)
    fax(client, f"{server.url}/other.pdf", "AA-F-3", **{"from": "+6581112222"})
    archivist.step()
    assert json.loads(run("events", "erase", "--number", SENDER, "--dry-run", "--json"))["documents"] == 1
    assert "with 1 document" in run("events", "erase", "--number", SENDER, "--yes")
    assert sha(content) not in files(config)
    assert files(config) == {sha(other), f"{sha(other)}.png"}


@ON_BOTH
def test_pruning_takes_documents_too(client, config, server, archivist, run):
    shared(client, server, archivist)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=10)):
        done = run("events", "prune", "--older-than", "5d", "--trust-clock", "--yes", "--json")
    assert json.loads(done)["documents"] == 1
    assert files(config) == set()


@ON_BOTH
def test_a_document_whose_event_goes_while_it_is_fetched_is_not_kept(client, config, engine, store, server):
    asked, go_on = threading.Event(), threading.Event()

    def slow(handler):
        asked.set()
        go_on.wait(10)
        give(pdf())(handler)

    server.answers["/a.pdf"] = slow
    fax(client, f"{server.url}/a.pdf")
    worker = threading.Thread(target=Archivist.of(config, engine).step)
    worker.start()
    assert asked.wait(10)
    with writing(engine) as connection:
        remove(connection, [1])
    go_on.set()
    worker.join()
    assert find(engine).items == []
    keep.sweep(engine, store)
    assert (kept(engine), files(config)) == (0, set())


@ON_BOTH
def test_an_event_that_goes_at_the_moment_of_keeping_leaves_nothing(
    *, client, config, engine, store, server, archivist
):
    content = pdf()
    fax(client, f"{server.url}/a.pdf")
    plan(engine)
    (claimed,) = claim(engine, 1)
    file = store.room / "x"
    file.write_bytes(content)
    store.put(sha(content), file)
    deleting = threading.Thread(target=remove_one, args=(engine,))
    with writing(engine) as connection:
        keep._note(connection, claimed, Fetched(PDF, len(content), sha(content)))
        deleting.start()
        deleting.join(0.5)  # it waits for us
        assert deleting.is_alive()
    deleting.join()
    assert keep.sweep(engine, store) == 1
    assert (kept(engine), files(config)) == (0, set())


def remove_one(engine) -> None:
    with writing(engine) as connection:
        remove(connection, [1])


@ON_BOTH
def test_a_document_that_is_just_being_deleted_is_kept_a_moment_later(
    *, client, api, engine, store, server, archivist, monkeypatch
):
    """Another event brings the same document while the bytes are on their way out."""
    shared(client, server, archivist)
    with writing(engine) as connection:
        remove(connection, [1, 2])
    server.answers["/again.pdf"] = give(pdf())
    fax(client, f"{server.url}/again.pdf", "AA-F-9")
    delete = store.delete

    def meanwhile(name: str) -> None:
        if not name.endswith(".png"):
            archivist._next_tidying = float("inf")
            archivist.step()
            (item,) = api("/events/3/documents")["documents"]
            assert (item["state"], item["reason"]) == ("waiting", "The same document is just being deleted.")
        delete(name)

    monkeypatch.setattr(store, "delete", meanwhile)
    assert keep.sweep(engine, store) == 1
    monkeypatch.undo()
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=10)):
        archivist.step()
    assert api("/events/3/documents")["documents"][0]["state"] == "kept"
    assert client.get("/api/v1/events/3/documents/fax_url", headers=AUTH).data == pdf()


# Commands.


@ON_BOTH
def test_commands_tell_what_is_kept(client, server, archivist, run):
    shared(client, server, archivist)
    server.answers["/gone.pdf"] = give(b"", status=404)
    fax(client, f"{server.url}/gone.pdf", "AA-F-3")
    archivist.step()
    state = json.loads(run("archive", "status", "--json"))
    assert state["states"] == {"waiting": 0, "kept": 2, "lapsed": 1, "refused": 0}
    assert (state["documents"], state["bytes"], state["deleting"]) == (1, len(pdf()), 0)
    assert "1 document" in run("archive", "status")
    (lapsed,) = json.loads(run("archive", "list", "--state", "lapsed", "--json"))["documents"]
    assert (lapsed["event_id"], lapsed["field"], lapsed["state"]) == (3, "fax_url", "lapsed")
    first = json.loads(run("archive", "list", "--limit", "2", "--json"))
    rest = json.loads(run("archive", "list", "--before", first["next"], "--json"))
    assert [one["event_id"] for one in (*first["documents"], *rest["documents"])] == [3, 2, 1]
    listed = run("archive", "list")
    assert "answers 404" in listed
    assert "PDF" in listed
    run("archive", "retry", exit_code=2)
    assert json.loads(run("archive", "retry", "1", "3", "--json")) == {"waiting": 1}


def test_a_document_is_saved_by_a_command(*, client, server, archivist, run, tmp_path, monkeypatch):
    shared(client, server, archivist)
    monkeypatch.chdir(tmp_path)
    run("archive", "get", "1")
    (saved,) = tmp_path.glob("fax-*.pdf")
    assert saved.read_bytes() == pdf()
    assert "there already" in run("archive", "get", "1", exit_code=1)
    run("archive", "get", "1", "--force")
    (tmp_path / "folder").mkdir()
    run("archive", "get", "2", "-o", "folder")
    run("archive", "get", "2", "-o", "mine.pdf")
    files = [*tmp_path.glob("folder/fax-*.pdf"), tmp_path / "mine.pdf"]
    assert [file.read_bytes() for file in files] == [pdf()] * 2
    assert "receiver archive get 1" in run("events", "show", "1")


def test_all_documents_of_events_of_one_second_are_saved(
    *, client, server, archivist, run, tmp_path, monkeypatch
):
    contents = {f"/{number}.mp3": MP3 + bytes([number]) for number in range(4)}
    server.answers |= {path: give(content) for path, content in contents.items()}
    links = [server.url + path for path in contents]
    with time_machine.travel(datetime(2026, 1, 31, 10, tzinfo=UTC), tick=False):
        recording(client, links[0], "AA-C-1", monitor_url=links[1])
        recording(client, links[2], "AA-C-2", monitor_url=links[3])
    archivist.step()
    monkeypatch.chdir(tmp_path)
    run("archive", "get", "1")
    run("archive", "get", "2")
    name = "voice-20260131-100000-6591234567"
    saved = [f"{name}-1.mp3", f"{name}-1-call.mp3", f"{name}-2.mp3", f"{name}-2-call.mp3"]
    assert [(tmp_path / each).read_bytes() for each in saved] == list(contents.values())


def test_a_command_says_why_there_is_no_document(client, server, archivist, run):
    server.answers["/gone.pdf"] = give(b"", status=404)
    fax(client, f"{server.url}/gone.pdf", "AA-F-3")
    archivist.step()
    said = run("archive", "get", "1", exit_code=1)
    assert "lapsed" in said
    assert "answers 404" in said
    assert "receiver archive retry 1" in said
    assert "there is no event 9" in run("archive", "get", "9", exit_code=1)


@ON_BOTH
def test_check_finds_what_is_missing_damaged_or_nobodys(
    *, client, config, engine, store, server, archivist, run
):
    first = shared(client, server, archivist)
    second = pdf(1, mark=9)
    server.answers["/b.pdf"] = give(second)
    fax(client, f"{server.url}/b.pdf", "AA-F-3")
    archivist.step()
    assert json.loads(run("archive", "check", "--json")) == {
        **{"documents": 2, "wrong": [], "strays": []},
        "fetched_again": 0,
    }
    next(config.archive_dir.rglob(sha(first))).unlink()
    next(config.archive_dir.rglob(sha(second))).write_bytes(b"%PDF-something else")
    stray = config.archive_dir / "00/00" / ("0" * 64)
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"x")
    found = json.loads(run("archive", "check", "--json", exit_code=1))
    wrong = {one["sha256"]: (one["what"], one["event_ids"]) for one in found["wrong"]}
    assert wrong == {sha(first): ("missing", [1, 2]), sha(second): ("damaged", [3])}
    assert found["strays"] == []  # it may be somebody's who is about to say so
    assert {one.what for one in checking.check(engine, store, sample=5).wrong} == {"missing", "damaged"}
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=2)):
        run("archive", "check", "--mend", exit_code=1)  # the stray stays
        archivist.step()
        found = json.loads(run("archive", "check", "--json", exit_code=1))
        assert (found["wrong"], found["strays"]) == ([], [stray.name])
        assert stray.exists()  # it may be another log's
    assert next(config.archive_dir.rglob(sha(second))).read_bytes() == second


def test_what_cannot_be_read_is_told_and_stays(*, client, config, server, archivist, run, tmp_path):
    shared(client, server, archivist)
    server.answers["/b.pdf"] = give(pdf(1, mark=9))
    fax(client, f"{server.url}/b.pdf", "AA-F-3")
    archivist.step()
    file = next(config.archive_dir.rglob(sha(pdf())))
    file.unlink()
    file.symlink_to("/proc/self/mem")  # it opens, and reading gives an error, as from a broken disk
    found = json.loads(run("archive", "check", "--json", exit_code=1))
    assert found["documents"] == 2
    assert [(one["sha256"], one["what"]) for one in found["wrong"]] == [(sha(pdf()), "unreadable")]
    assert json.loads(run("archive", "check", "--mend", "--json", exit_code=1))["fetched_again"] == 0
    assert file.is_symlink()
    said = run("archive", "get", "1", "-o", str(tmp_path / "fax.pdf"), exit_code=1)
    assert "cannot be read: Input/output error" in said
    assert not (tmp_path / "fax.pdf").exists()


def test_doctor_misses_a_document(client, config, server, archivist, app):
    shared(client, server, archivist)
    assert "archive-damaged" not in app.test_cli_runner().invoke(args=["doctor", "--json"]).stdout
    for path in config.archive_dir.rglob(sha(pdf())):
        path.unlink()
    server.answers["/late.pdf"] = give(b"", status=500)
    fax(client, f"{server.url}/late.pdf", "AA-F-3")
    archivist.step()
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=2)):
        said = json.loads(app.test_cli_runner().invoke(args=["doctor", "--json"]).stdout)["findings"]
    assert {"archive-damaged", "archive-waits"} <= {one["code"] for one in said}
    sentences = {one["sentence"] for one in said}
    assert "Of 1 document looked at, 1 is missing, damaged or unreadable." in sentences
    assert "1 document waits to be fetched, the oldest for more than an hour." in sentences
