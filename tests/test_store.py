"""Where bytes are kept: a directory, and a bucket at a real server that speaks S3."""

import hashlib
import os
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
import requests
from conftest import API_TOKEN, make_config, started
from documents import give, pdf, serving
from moto.server import ThreadedMotoServer
from test_archive import arrive

from config import Config, ConfigError
from receiver.archive.archivist import Archivist
from receiver.archive.checking import check
from receiver.archive.folder import Folder
from receiver.archive.opened import open_store
from receiver.archive.store import NotThere, StoreError, preview_of
from receiver.db.engine import connect, writing
from receiver.retention.remove import remove

S3 = {"archive_s3_key": "an-access-key", "archive_s3_secret": "sesame-sesame"}
CONTENT = bytes(range(250)) * 12
NAME = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(scope="module")
def s3():
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    url = f"http://127.0.0.1:{port}"
    assert requests.put(f"{url}/faxes", timeout=10).status_code == 200
    yield url
    server.stop()


@pytest.fixture
def in_bucket(s3, tmp_path):
    return S3 | {"archive_bucket": f"s3://faxes/{tmp_path.name}", "archive_s3_endpoint": s3}


@pytest.fixture(params=["folder", "bucket"])
def store(request, tmp_path):
    settings = request.getfixturevalue("in_bucket") if request.param == "bucket" else {}
    return open_store(make_config(f"sqlite:///{tmp_path}/x.db", tmp_path, **settings))


def put(store, name: str, content: bytes) -> None:
    file = store.room / f"{name}.part"
    file.write_bytes(content)
    store.put(name, file)
    file.unlink(missing_ok=True)


def test_what_is_put_is_there_until_it_is_deleted(store):
    assert not store.exists(NAME)
    put(store, NAME, CONTENT)
    assert store.exists(NAME)
    with closing(store.open(NAME)) as file:
        assert bytes(file.read()) == CONTENT
        file.seek(1000)
        assert bytes(file.read(10)) == CONTENT[1000:1010]
    put(store, preview_of(NAME), b"picture")
    assert {(entry.name, entry.size) for entry in store.list()} == {
        (NAME, 3000),
        (preview_of(NAME), 7),
    }
    store.delete(NAME)
    assert not store.exists(NAME)
    assert store.exists(preview_of(NAME))


def test_to_put_or_delete_it_twice_is_harmless(store):
    put(store, NAME, CONTENT)
    put(store, NAME, CONTENT)
    store.delete(NAME)
    store.delete(NAME)
    with pytest.raises(NotThere):
        store.open(NAME)


def test_a_large_document_comes_back(store):
    content = os.urandom(1024) * 20 * 1024
    name = hashlib.sha256(content).hexdigest()
    put(store, name, content)
    with closing(store.open(name)) as file:
        assert hashlib.sha256(bytes(file.read())).hexdigest() == name


def test_a_document_that_goes_while_it_is_read_is_told(in_bucket, tmp_path):
    store = open_store(make_config(f"sqlite:///{tmp_path}/x.db", tmp_path, **in_bucket))
    put(store, NAME, CONTENT)
    with closing(store.open(NAME)) as file:
        store.delete(NAME)
        with pytest.raises(NotThere):
            file.read()


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a" * 63, "A" * 64, NAME + "/x", NAME + ".pdf"])
def test_only_digests_are_names(store, name):
    with pytest.raises(ValueError, match="not a name"):
        store.open(name)


def test_nothing_in_a_bucket_is_replaced(s3, in_bucket, tmp_path):
    store = open_store(make_config(f"sqlite:///{tmp_path}/x.db", tmp_path, **in_bucket))
    put(store, NAME, CONTENT)
    put(store, NAME, b"something else")
    with closing(store.open(NAME)) as file:
        assert bytes(file.read()) == CONTENT


def test_a_file_is_synced_with_its_directories_before_it_counts(tmp_path, monkeypatch):
    synced = []
    sync = os.fsync
    monkeypatch.setattr(
        os,
        "fsync",
        lambda handle: (synced.append(str(Path(f"/proc/self/fd/{handle}").readlink())), sync(handle)),
    )
    store = Folder(tmp_path / "archive")
    put(store, NAME, CONTENT)
    first, *folders = synced
    assert first == str(tmp_path / "archive/incoming" / f"{NAME}.part")
    assert str(tmp_path / "archive" / NAME[:2] / NAME[2:4]) in folders
    assert str(tmp_path / "archive") in folders


def test_it_says_what_is_wrong_with_a_place(tmp_path, s3):
    (tmp_path / "archive").write_text("in the way")
    with pytest.raises(StoreError, match="ARCHIVE_DIR"):
        put(Folder(tmp_path / "archive"), NAME, CONTENT)
    config = make_config(
        f"sqlite:///{tmp_path}/x.db",
        tmp_path,
        **S3 | {"archive_bucket": "s3://nobodys", "archive_s3_endpoint": s3},
    )
    file = tmp_path / "x"
    file.write_bytes(b"x")
    with pytest.raises(StoreError, match="ARCHIVE_BUCKET") as raised:
        open_store(config).put(NAME, file)
    assert "sesame" not in str(raised.value)
    assert "sesame" not in repr(config)


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"ARCHIVE_BUCKET": "faxes"}, "s3://bucket"),
        ({"ARCHIVE_BUCKET": "s3://faxes"}, "ARCHIVE_S3_KEY"),
        ({"ARCHIVE_BUCKET": "s3://faxes", "ARCHIVE_S3_KEY": "a"}, "ARCHIVE_S3_SECRET"),
        ({"ARCHIVE_S3_ENDPOINT": "s3.example.com"}, "ARCHIVE_S3_ENDPOINT"),
    ],
)
def test_wrong_settings_are_told(settings, wrong):
    with pytest.raises(ConfigError, match=wrong):
        Config.from_env({"CALLBACK_KEYS": "x" * 20} | settings, dotenv=None)


def test_what_is_not_ours_among_temporary_files_stays(in_bucket, database_url, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    theirs = tmp_path / "receiver-archive-2026.tgz"
    config = make_config(database_url, tmp_path, **in_bucket)
    room = open_store(config).room
    assert (room.parent, room.stat().st_mode & 0o777) == (tmp_path, 0o700)
    left = room / "receiver-archive-left"
    for path in (theirs, left):
        path.write_text("x")
        os.utime(path, (1, 1))
    engine = connect(database_url)
    Archivist.of(config, engine).step()
    engine.dispose()
    assert (theirs.exists(), left.exists()) == (True, False)


@pytest.mark.parametrize("mode", [0o700, 0o755])
def test_no_document_is_written_where_others_may_look(in_bucket, tmp_path, monkeypatch, mode):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    room = tmp_path / f"receiver-{os.getuid()}"
    if mode == 0o700:
        (tmp_path / "elsewhere").mkdir(mode=mode)
        room.symlink_to("elsewhere")
    else:
        room.mkdir(mode=mode)
    store = open_store(make_config(f"sqlite:///{tmp_path}/x.db", tmp_path, **in_bucket))
    with pytest.raises(StoreError, match="TMPDIR"):
        store.room.exists()


def test_faxes_are_kept_in_a_bucket(in_bucket, database_url, tmp_path):
    with serving() as server:
        server.answers["/a.pdf"] = give(pdf())
        config = make_config(database_url, tmp_path, hoiio_api_url=f"{server.url}/open/", **in_bucket)
        for app in started(config):
            client, parts = app.test_client(), app.extensions["receiver"]
            arrive(client, "fax", txn_ref="F1", fax_status="answered", fax_url=f"{server.url}/a.pdf")
            archivist = Archivist.of(config, parts.engine)
            archivist.step()
            url, headers = "/api/v1/events/1/documents/fax_url", {"Authorization": f"Bearer {API_TOKEN}"}
            assert client.get(url, headers=headers).data == pdf()
            part = client.get(url, headers=headers | {"Range": "bytes=5-9"})
            assert (part.status_code, part.data) == (206, pdf()[5:10])
            picture = client.get(f"{url}/preview", headers=headers).data
            assert picture.startswith(b"\x89PNG")
            store = open_store(config)
            assert len(list(store.list())) == 2
            assert check(parts.engine, store).wrong == ()
            with writing(parts.engine) as connection:
                remove(connection, [1])
            archivist._next_tidying = 0.0
            archivist.step()
            assert list(store.list()) == []
