"""One store is enough: what the service does when spool or database is damaged, full, locked or read-only."""

import contextlib
import os
import sqlite3
import threading

import psycopg
import pytest
from arrivals import arrival
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError
from test_reach import recording, refs, until
from test_serve import Service, post

from receiver.db.engine import connect, writing
from receiver.intake.arrival import event_row
from receiver.intake.in_spool import Drained
from receiver.intake.spool import Spool
from receiver.intake.writer import EventWriter
from receiver.models import EVENTS


@pytest.fixture
def engine(database_url):
    engine = connect(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def spool(tmp_path):
    spool = Spool(tmp_path / "spool", limit_mb=1)
    yield spool
    spool.close()


def stopped(service: Service) -> str:
    assert service.stop() == 0
    return service.log.read_text()


def fill(spool: Spool) -> int:
    """Put callbacks until no further one fits."""
    size = 60_000
    put = 0
    while size > 100:
        try:
            spool.put([arrival(f"AA-SI-{put}") if size < 1000 else big(put, size)])
            put += 1
        except Exception:
            size //= 2
    return put


def big(number: int, size: int):
    whole = arrival(f"AA-SI-{number}")
    object.__setattr__(whole, "body", whole.body + b"&x=" + b"y" * size)
    return whole


def test_it_serves_and_drains_a_full_spool(database_url, tmp_path):
    with contextlib.closing(Spool(tmp_path / "spool", limit_mb=1)) as spool:
        put = fill(spool)
    service = Service(database_url, tmp_path, SPOOL_LIMIT_MB="1")
    service.start()
    with contextlib.closing(Spool(tmp_path / "spool", limit_mb=1)) as spool:
        until(lambda: spool.state().waiting == 0)
    assert len(service.events()) == put
    assert "only the database takes callbacks" in stopped(service)


def test_it_serves_with_a_damaged_spool_and_keeps_the_old_one(database_url, tmp_path):
    noise = os.urandom(40_000)
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "spool.db").write_bytes(noise)
    service = Service(database_url, tmp_path)
    service.start()
    assert post(service, "txn_ref=AA-SI-1&msg=x") == 200
    assert "moved aside" in stopped(service)
    (aside,) = (tmp_path / "spool").glob("spool.db.damaged-*")
    assert aside.read_bytes() == noise
    told = service.flask("doctor", check=False).stdout
    assert aside.name in told
    assert "spool-damaged" in service.flask("doctor", "--json", check=False).stdout
    assert str(aside) in service.flask("spool", "status").stdout


def test_it_serves_without_a_place_for_the_spool(database_url, tmp_path):
    (tmp_path / "spool").write_text("in the way")
    service = Service(database_url, tmp_path)
    service.start()
    assert post(service, "txn_ref=AA-SI-1&msg=x") == 200
    assert [event["txn_ref"] for event in service.events()] == ["AA-SI-1"]
    assert "only the database takes callbacks" in stopped(service)


def test_it_does_not_serve_without_any_store(tmp_path):
    (tmp_path / "spool").write_text("in the way")
    refused = Service("postgresql://nobody@127.0.0.1:1/nothing", tmp_path).flask("serve", check=False)
    assert refused.returncode == 1
    assert "SPOOL_DIR" in refused.stderr
    assert "Nor does the database take callbacks" in refused.stderr


def test_it_holds_a_callback_in_a_new_spool_when_the_old_one_is_damaged_meanwhile(tmp_path, spool):
    spool.put([arrival("AA-SI-1")])
    spool.close()
    path = tmp_path / "spool" / "spool.db"
    path.write_bytes(os.urandom(path.stat().st_size))
    spool.put([arrival("AA-SI-2")])
    assert spool.state().waiting == 1
    assert len(spool.moved_aside()) == 1


def test_it_moves_a_spool_aside_whose_middle_is_damaged_with_all_that_is_in_it(engine, tmp_path, spool):
    spool.put([big(number, 3000) for number in range(20)])
    spool.close()
    path = tmp_path / "spool" / "spool.db"
    with path.open("r+b") as file:
        file.seek(10 * 4096)
        file.write(os.urandom(4096))
    damaged = path.read_bytes()
    assert spool.drain(EventWriter(engine)) == Drained()
    (aside,) = spool.moved_aside()
    assert aside.read_bytes() == damaged
    spool.put([arrival("AA-SI-21")])
    assert spool.drain(EventWriter(engine)) == Drained(moved=1)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.postgres
def test_it_gives_up_connections_that_became_read_only(database_url, engine, spool):
    name = engine.url.database
    with recording(engine, spool) as recorder:
        assert recorder.record(arrival("AA-SI-1"))
        with psycopg.connect(database_url, autocommit=True) as admin:
            admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            assert recorder.record(arrival("AA-SI-2"))
            until(lambda: recorder.failing)
            assert recorder.record(arrival("AA-SI-3"))
            admin.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        until(lambda: not recorder.failing)
        until(lambda: spool.state().waiting == 0)
    assert refs(engine) == ["AA-SI-1", "AA-SI-2", "AA-SI-3"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.postgres
def test_connections_that_ended_while_nothing_came_cost_no_callback_a_way_round(database_url, engine, spool):
    """As after a restart of the server: the next callback goes into the database, and not into the spool."""
    writer = EventWriter(engine)
    writer.probe()
    with psycopg.connect(database_url, autocommit=True) as admin:
        for write in (writer.probe, lambda: writer.write([event_row(arrival("AA-SI-1"), frozenset())])):
            ended = admin.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            assert ended.fetchall()
            write()
    assert refs(engine) == ["AA-SI-1"]


@pytest.mark.parametrize(
    "setting", ["search_path = nowhere", "role = pg_monitor", "default_transaction_read_only = on"]
)
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.postgres
def test_it_writes_again_once_a_setting_of_its_sessions_was_put_right(database_url, engine, setting):
    writer, name = EventWriter(engine), engine.url.database
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} SET {setting}")
        with pytest.raises(Exception, match=r"read-only|denied|does not exist"):
            writer.probe()
        admin.execute(f"ALTER DATABASE {name} RESET {setting.split()[0]}")
    writer.probe()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.postgres
def test_one_locked_event_stalls_nothing_and_leaks_no_session(database_url, engine, spool):
    with recording(engine, spool) as recorder:
        assert recorder.record(arrival("AA-SI-1"))
        with contextlib.closing(connect(database_url).raw_connection()) as holder:
            holder.cursor().execute("SELECT 1 FROM events FOR UPDATE")
            assert recorder.record(arrival("AA-SI-1"))  # its repeat
            until(lambda: spool.state().waiting == 1)
            for number in range(2, 30):
                assert recorder.record(arrival(f"AA-SI-{number}"))
                assert not recorder.failing
            assert spool.state().waiting == 1
            assert recorder.probe_database()
            assert spool.state().set_aside == 0
            with engine.connect() as connection:
                waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                assert connection.scalar(text(f"{waiting} AND wait_event_type = 'Lock'")) <= 1
            assert len(refs(engine)) == 29
            holder.rollback()
        until(lambda: spool.state().waiting == 0)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT repeats FROM events WHERE txn_ref = 'AA-SI-1'")) == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.postgres
def test_the_other_rows_of_a_batch_get_past_a_locked_one(database_url, engine, spool):
    writer = EventWriter(engine)
    spool.put([arrival("AA-SI-1")])
    assert spool.drain(writer) == Drained(moved=1)
    with contextlib.closing(connect(database_url).raw_connection()) as holder:
        holder.cursor().execute("SELECT 1 FROM events FOR UPDATE")
        spool.put([arrival(f"AA-SI-{number}") for number in range(1, 6)])
        assert spool.drain(writer) == Drained(moved=4, locked=1)
        assert spool.drain(writer) == Drained()
    assert len(refs(engine)) == 5


def test_what_was_set_aside_can_be_looked_at_tried_again_and_dropped(database_url, engine, tmp_path):
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE events ADD CONSTRAINT ck CHECK (peer <> '203.0.113.7')"))
        else:
            connection.execute(
                text("CREATE TRIGGER ck BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'refused'); END")
            )
    with contextlib.closing(Spool(tmp_path / "spool", limit_mb=16)) as spool:
        spool.put([arrival("AA-SI-1"), arrival("AA-SI-2")])
    flask = Service(database_url, tmp_path).flask
    drained = flask("spool", "drain")
    assert drained.stdout == "moved 0\n"
    assert "set aside 2" in drained.stderr
    listed = flask("spool", "list").stdout
    assert "sms" in listed
    assert "refused" in listed or "violates check constraint" in listed
    assert "txn_ref=AA-SI-1" in flask("spool", "show", "1").stdout
    assert flask("spool", "show", "9", check=False).returncode == 1
    assert flask("spool", "drop", "2", "--yes").stdout == "dropped 1\n"
    with writing(engine) as connection:
        undo = "ALTER TABLE events DROP CONSTRAINT ck"
        connection.execute(text(undo if engine.dialect.name == "postgresql" else "DROP TRIGGER ck"))
    assert flask("spool", "retry", "--all").stdout == "1 waits again\n"
    assert flask("spool", "drain").stdout == "moved 1\n"
    assert refs(engine) == ["AA-SI-1"]


def test_it_drains_fast_while_nobody_waits(engine, spool):
    spool.put([arrival(f"AA-SI-{number:04}") for number in range(2000)])
    with recording(engine, spool) as recorder:
        recorder.start()
        until(lambda: spool.state().waiting == 0, seconds=8)  # 200 a second would take ten
    assert len(refs(engine)) == 2000


def test_readers_need_no_lock(tmp_path, database_url):
    engine = connect(database_url)
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL's readers never needed one")
    with contextlib.closing(sqlite3.connect(engine.url.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with connect(database_url, patience=0.01).connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM events")) == 0


def test_a_new_file_gives_space_back_by_itself(tmp_path):
    engine = connect(f"sqlite:///{tmp_path}/new.db")
    with writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE x (y)")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA auto_vacuum").scalar_one() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.postgres
def test_no_session_outlives_a_connection_that_was_broken(database_url, engine):
    writer = EventWriter(engine)

    def sleep():
        with pytest.raises(DBAPIError), writer.engine.connect() as connection:
            connection.execute(text("SELECT pg_sleep(15)"))

    sleeping = threading.Thread(target=sleep)
    sleeping.start()
    there = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(15)' AND state = 'active'"
    with psycopg.connect(database_url, autocommit=True) as admin:
        until(lambda: admin.execute(there).fetchone()[0] == 1)
        assert writer.reach.hang_up()
        sleeping.join()
        until(lambda: admin.execute(there).fetchone()[0] == 0, seconds=12)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.postgres
def test_a_row_that_another_inserts_and_does_not_commit_stalls_nothing(database_url, engine, spool):
    row = event_row(arrival("AA-SI-1"))
    with recording(engine, spool) as recorder, connect(database_url).connect() as other:
        other.execute(insert(EVENTS), [row])
        assert recorder.record(arrival("AA-SI-1"))
        assert recorder.record(arrival("AA-SI-2"))
        assert not recorder.failing
        assert spool.state().waiting == 1
        other.rollback()
        until(lambda: spool.state().waiting == 0)
    assert refs(engine) == ["AA-SI-1", "AA-SI-2"]
