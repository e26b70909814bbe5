"""A database that fails: what it is and what to do, said alike by the doctor and by every command."""

import secrets
import sqlite3
from contextlib import closing, contextmanager, nullcontext

import psycopg
import pytest
from conftest import assembled, make_config
from databases import new_file
from sqlalchemy import Engine, event, make_url
from sqlalchemy.exc import OperationalError

from receiver.db.failure import failure_of

READS = ("events list", "keys list", "db current", "setup --country SG --dry-run")
WRITES = ("users add ann --role admin --password-stdin",)
DAMAGED = "stop the service, and put back a backup that is whole with `receiver db restore FILE`"


def insist(config, commands, what: str, mend: str, pragma: str | None = None) -> None:
    """These commands and the doctor say this of the database, and the commands nothing more."""
    app = assembled(config)
    run = app.test_cli_runner().invoke
    with every_connection(pragma) if pragma else nullcontext():
        for command in commands:
            result = run(args=command.split(), input="a long password\n")
            assert (result.exit_code, result.stderr) == (1, f"Error: {what}: {mend}\n"), command
        shown = " ".join(run(args=["doctor"]).stdout.partition("ERROR  database")[2].split())
    assert shown.startswith(f"1 finding {what[0].upper()}{what[1:]}. → {mend[0].upper()}{mend[1:]}.")
    app.extensions["receiver"].engine.dispose()


@contextmanager
def every_connection(pragma: str):
    """Each engine's, and not only the application's: whoever writes callbacks has one of its own."""

    def execute(connection: sqlite3.Connection, _: object) -> None:
        connection.execute(f"PRAGMA {pragma}")

    event.listen(Engine, "connect", execute)
    yield
    event.remove(Engine, "connect", execute)


@pytest.fixture
def file(tmp_path):
    new_file(tmp_path / "receiver.db")
    return tmp_path / "receiver.db"


@pytest.fixture
def on_file(file, tmp_path):
    return make_config(f"sqlite:///{file}", tmp_path, commit_deadline=0.1, public_url=None)


def test_a_full_disk(on_file, file, tmp_path):
    with closing(sqlite3.connect(file)) as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    what, mend = "the disk of the database is full", "make room on it"
    insist(on_file, (), what, mend, f"max_page_count={pages}")
    app = assembled(make_config(f"sqlite:///{tmp_path}/new.db", tmp_path))
    with every_connection("max_page_count=9"):
        result = app.test_cli_runner().invoke(args=["db", "upgrade"])
    assert result.stderr == f"Error: the migration failed and was rolled back: {what}: {mend}\n"


def test_a_file_that_is_read_only(on_file):
    mend = (
        "make the file and its folder writable for the user who runs the service, and look at how the disk "
        "is mounted"
    )
    insist(on_file, WRITES, "the database file is read-only for this user", mend, "query_only=ON")


def test_a_file_that_somebody_holds_locked(on_file, file):
    with closing(sqlite3.connect(file)) as holder:
        holder.execute("PRAGMA locking_mode=EXCLUSIVE")
        holder.execute("BEGIN IMMEDIATE")
        holder.execute("UPDATE alembic_version SET version_num = version_num")
        insist(
            on_file,
            (*READS, *WRITES),
            "another program holds the database locked",
            "try again once it is done, or end that program",
        )


def test_a_damaged_file(on_file, file):
    whole = file.read_bytes()
    file.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    insist(on_file, (*READS, *WRITES, "db upgrade"), "the database file is damaged", DAMAGED)


def test_a_file_that_is_no_database(on_file, file):
    file.write_bytes(b"no database at all" * 1000)
    what = "the database file is damaged, or no SQLite database at all"
    mend = f"correct DATABASE_URL; if the file is the right one, {DAMAGED}"
    insist(on_file, (*READS, *WRITES, "db upgrade"), what, mend)
    result = assembled(on_file).test_cli_runner().invoke(args=["db", "backup", str(file) + "-copy"])
    assert result.stderr == f"Error: cannot copy {file}: {what}: {mend}\n"


def test_a_backup_that_is_damaged(on_file, tmp_path):
    (tmp_path / "copy.db").write_bytes(b"no database at all" * 1000)
    result = (
        assembled(on_file).test_cli_runner().invoke(args=["db", "restore", f"{tmp_path}/copy.db", "--yes"])
    )
    assert result.exit_code == 1
    assert result.stderr.endswith("damaged, or no SQLite database at all; name a copy that is whole\n")


def test_a_file_that_cannot_be_opened(tmp_path):
    (tmp_path / "receiver.db").mkdir()
    insist(
        make_config(f"sqlite:///{tmp_path}/receiver.db", tmp_path, public_url=None),
        (*READS, *WRITES),
        "the database file cannot be opened",
        "correct DATABASE_URL, or make the file and its folder accessible to the user who runs the service",
    )


# --- PostgreSQL ---

SERVER = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def admin(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def on_server(database_url, tmp_path):
    return make_config(database_url, tmp_path, public_url=None)


@SERVER
@pytest.mark.postgres
@pytest.mark.parametrize(
    ("state", "what", "mend"),
    [
        ("53100", "the disk of the database is full", "make room on it"),
        (
            "XX001",
            "the database is damaged",
            "stop the service, look at the log and the disk of the server, and put back a backup that is "
            "whole",
        ),
        ("XX002", "an index of the database is damaged", "run `reindexdb NAME` on the server"),
        (
            "58030",
            "the disk of the database fails",
            "look at the log of the system, and back up what can still be read",
        ),
    ],
)
def test_a_server_that_fails_as_it_writes(on_server, admin, state, what, mend):
    admin.execute(f"""
        CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'a private value' USING ERRCODE = '{state}'; END $$
    """)
    for table in ("users", "events"):
        admin.execute(f"CREATE TRIGGER fails BEFORE INSERT ON {table} EXECUTE FUNCTION fail()")
    insist(on_server, WRITES, what, mend)


@SERVER
@pytest.mark.postgres
def test_a_server_that_takes_no_writes(on_server, admin):
    admin.execute(f"ALTER DATABASE {admin.info.dbname} SET default_transaction_read_only = on")
    what = "the database server takes no writes"
    mend = "name the one that does in DATABASE_URL, or set default_transaction_read_only to off"
    try:
        insist(on_server, WRITES, what, mend)
    finally:
        admin.execute("SET default_transaction_read_only = off")
        admin.execute(f"ALTER DATABASE {admin.info.dbname} RESET default_transaction_read_only")


@SERVER
@pytest.mark.postgres
def test_a_lock_that_somebody_holds(on_server, admin):
    admin.execute(f"ALTER DATABASE {admin.info.dbname} SET lock_timeout = '50ms'")
    try:
        with admin.transaction():
            admin.execute("LOCK TABLE users, events, alembic_version, callback_keys")
            insist(
                on_server,
                (*READS, *WRITES),
                "another session holds a lock on what is needed",
                "try again once it is done, or end it; `SELECT * FROM pg_stat_activity` shows all",
            )
    finally:
        admin.execute(f"ALTER DATABASE {admin.info.dbname} RESET lock_timeout")


@SERVER
@pytest.mark.postgres
def test_a_server_with_no_connection_left(on_server, admin, database_url, tmp_path):
    role = f"receiver_test_{secrets.token_hex(4)}"
    admin.execute(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 0")
    try:
        insist(
            make_config(database_url.replace("//postgres@", f"//{role}@"), tmp_path, public_url=None),
            (*READS, *WRITES),
            "the database server has no connection left for this service",
            "end other clients, or raise max_connections or the limit of the role or database",
        )
    finally:
        admin.execute(f"DROP ROLE {role}")


@SERVER
@pytest.mark.postgres
def test_a_server_that_does_not_know_us(database_url, tmp_path):
    insist(
        make_config(database_url.replace("//postgres@", "//nobody-here:a%40b@"), tmp_path, public_url=None),
        READS,
        "the database server refuses the user or the password of DATABASE_URL",
        "correct them; in a password, write @ as %40, % as %25, : as %3A and / as %2F",
    )
    insist(
        make_config(str(make_url(database_url).set(database="not_there")), tmp_path, public_url=None),
        READS,
        "the server has no database of the name in DATABASE_URL",
        "correct it, or make one with `createdb NAME`",
    )


@pytest.mark.parametrize(
    "words",
    [
        'connection to server at "db", port 5432 failed: FATAL:  the database system is starting up',
        'connection to server at "db", port 5432 failed: FATAL:  the database system is shutting down',
        'connection to server at "db", port 5432 failed: FATAL:  the database system is in recovery mode',
    ],
)
def test_a_server_that_is_not_ready_yet(words):
    failure = failure_of(OperationalError(None, None, psycopg.OperationalError(words)))
    assert str(failure) == "the database server is starting or stopping: try again in a moment"
