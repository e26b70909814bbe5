"""A database that is lost without an error: its server falls silent, its file is moved away."""

import contextlib
import selectors
import socket
import threading
import time

import databases
import pytest
from arrivals import arrival
from sqlalchemy import func, select
from sqlalchemy.engine import make_url
from waiting import until

from receiver.db.engine import connect, writing
from receiver.intake.admission import Admission
from receiver.intake.recorder import Recorder
from receiver.intake.spool import Spool
from receiver.intake.writer import EventWriter
from receiver.models import Event


class Line:
    """A way to a server that can fall silent, as when a firewall forgets it: nobody hears of it, and new
    connections go through."""

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._poll = selectors.DefaultSelector()
        self._poll.register(self._listening, selectors.EVENT_READ, None)
        self._silent: set[socket.socket] = set()
        self._going = True
        self._thread = threading.Thread(target=self._go, daemon=True)
        self._thread.start()

    def fall_silent(self) -> None:
        self._silent |= {key.fileobj for key in self._poll.get_map().values() if key.data is not None}

    def close(self) -> None:
        self._going = False
        self._thread.join()

    def _go(self) -> None:
        while self._going:
            for key, _ in self._poll.select(0.05):
                if key.data is None:
                    self._connect()
                elif key.fileobj in self._silent:
                    with contextlib.suppress(OSError):
                        key.fileobj.recv(65536)
                else:
                    self._pass_on(key.fileobj, key.data)
        for key in list(self._poll.get_map().values()):
            key.fileobj.close()

    def _connect(self) -> None:
        caller, server = self._listening.accept()[0], socket.create_connection(self._server)
        self._poll.register(caller, selectors.EVENT_READ, server)
        self._poll.register(server, selectors.EVENT_READ, caller)

    def _pass_on(self, here: socket.socket, there: socket.socket) -> None:
        data = b""
        with contextlib.suppress(OSError):
            data = here.recv(65536)
            there.sendall(data)
        if not data:
            for end in (here, there):
                with contextlib.suppress(KeyError, ValueError):
                    self._poll.unregister(end)
                end.close()


def refs(engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(select(Event.txn_ref).order_by(Event.txn_ref)))


@contextlib.contextmanager
def recording(engine, spool: Spool, *, deadline: float = 1.0):
    admission = Admission(engine, spool, limit_mb=16)
    recorder = Recorder(EventWriter(engine), spool, admission, deadline=deadline, queue_limit=1000)
    yield recorder
    recorder.close(5)


@pytest.fixture
def spool(tmp_path):
    spool = Spool(tmp_path / "spool", limit_mb=16)
    yield spool
    spool.close()


@pytest.fixture
def file(tmp_path):
    databases.new_file(tmp_path / "receiver.db")
    return tmp_path / "receiver.db"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.postgres
def test_it_goes_on_with_new_connections_when_the_old_ones_fall_silent(config, spool):
    url = make_url(config.database_url)
    direct = connect(config.database_url)
    line = Line((url.host or "127.0.0.1", url.port or 5432))
    engine = connect(url.set(host="127.0.0.1", port=line.port).render_as_string(hide_password=False))
    with recording(engine, spool, deadline=0.3) as recorder:
        assert recorder.record(arrival("AA-SI-1"))
        line.fall_silent()
        assert recorder.record(arrival("AA-SI-2"))
        assert spool.state().waiting == 1
        until(lambda: spool.state().waiting == 0)
        assert recorder.record(arrival("AA-SI-3"))
        until(lambda: not recorder.failing)
        assert refs(direct) == ["AA-SI-1", "AA-SI-2", "AA-SI-3"]
    engine.dispose()
    direct.dispose()
    line.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.postgres
def test_it_does_not_gather_sessions_on_a_server_that_is_only_busy(config, spool):
    engine, busy = connect(config.database_url), connect(config.database_url)
    with recording(engine, spool, deadline=0.1) as recorder:
        assert recorder.record(arrival("AA-SI-1"))
        with writing(busy) as connection:
            connection.exec_driver_sql("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
            assert recorder.record(arrival("AA-SI-2"))
            time.sleep(5)
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            asking = connection.exec_driver_sql(f"{waiting} AND wait_event_type = 'Lock'").scalar_one()
        assert asking <= 1
        until(lambda: spool.state().waiting == 0)
    assert refs(engine) == ["AA-SI-1", "AA-SI-2"]
    engine.dispose()
    busy.dispose()


@pytest.mark.parametrize("gone", ["moved", "deleted", "replaced"])
def test_it_turns_to_the_spool_when_the_database_file_is(gone, file, spool):
    engine = connect(f"sqlite:///{file}")
    with recording(engine, spool) as recorder:
        assert recorder.record(arrival("AA-SI-1"))
        elsewhere = file.with_name("elsewhere.db")
        if gone == "deleted":
            file.unlink()
        else:
            file.rename(elsewhere)
        if gone == "replaced":
            databases.new_file(file)
        assert not recorder.probe_database()
        until(lambda: recorder.failing)
        assert recorder.record(arrival("AA-SI-2"))
        assert not recorder.probe_database()
        assert recorder.probe_spool()
        assert spool.state().waiting == 1
        if gone == "moved":
            elsewhere.rename(file)
            until(lambda: spool.state().waiting == 0)
            assert refs(engine) == ["AA-SI-1", "AA-SI-2"]
    engine.dispose()


def test_it_notices_by_itself_that_the_database_file_is_gone(file, spool, caplog):
    engine = connect(f"sqlite:///{file}")
    with recording(engine, spool) as recorder:
        assert recorder.record(arrival("AA-SI-1"))
        file.rename(file.with_name("elsewhere.db"))
        until(lambda: recorder.failing)
        assert recorder.record(arrival("AA-SI-2"))
        assert spool.state().waiting == 1
    assert "moved, deleted or replaced" in caplog.text
    engine.dispose()


def test_it_begins_a_new_spool_when_its_file_is_gone(spool, tmp_path):
    spool.put([arrival("AA-SI-1")])
    (tmp_path / "spool" / "spool.db").rename(tmp_path / "old.db")
    spool.put([arrival("AA-SI-2")])
    assert spool.state().waiting == 1
    other = Spool(tmp_path / "spool", limit_mb=16)
    assert other.state().waiting == 1
    other.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.postgres
def test_it_finds_out_in_seconds_that_a_host_vanished(config):
    engine = connect(config.database_url)
    with engine.connect() as connection:
        assert connection.scalar(select(func.count(1))) == 1
        given = connection.connection.driver_connection.info.get_parameters()
    assert (given["tcp_user_timeout"], given["keepalives_idle"], given["keepalives_count"]) == (
        "10000",
        "5",
        "3",
    )
    engine.dispose()
