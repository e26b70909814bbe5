"""Databases as the migrations make them: each process of the tests runs these once and copies the result.

On a PostgreSQL server that syncs, making and dropping one takes half a second. So a database is emptied and
goes to the next test, unless its schema was altered or it grew.
"""

import functools
import secrets
import tempfile
from pathlib import Path

import psycopg

from receiver.db import schema
from receiver.db.engine import connect

_LOCK = 5064_4272  # not the one of the migrations
_LARGE = 64 << 20


def migrate(url: str) -> None:
    engine = connect(url.replace("postgresql://", "postgresql+psycopg://"))
    schema.upgrade(engine)
    engine.dispose()


@functools.cache
def _migrated_file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        migrate(f"sqlite:///{folder}/receiver.db")
        return Path(folder, "receiver.db").read_bytes()


def new_file(path: Path) -> str:
    """Make a migrated SQLite file; gives its URL."""
    path.touch(0o600, exist_ok=False)
    path.write_bytes(_migrated_file())
    return f"sqlite:///{path}"


class Postgres:
    """The databases of one process of the tests on a server.

    Their names begin with a number on which the process holds a lock: when it is killed the server gives the
    lock free, and the next process that begins knows that these databases are nobody's.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._admin = psycopg.connect(server, autocommit=True)
        self._drop_leftovers()
        number = secrets.randbelow(1 << 31)
        self._admin.execute("SELECT pg_advisory_lock(%s, %s)", [_LOCK, number])
        self._prefix = f"receiver_test_{number}_"
        self._template = self.make()
        migrate(self.url(self._template))
        with psycopg.connect(self.url(self._template)) as connection:
            self._schema, self._restore = _schema(connection), _restore(connection)
        self._free: list[str] = []

    def close(self) -> None:
        for name in _names(self._admin, self._prefix):
            self.drop(name)
        self._admin.close()

    def url(self, name: str) -> str:
        return self._server.rsplit("/", 1)[0] + f"/{name}"

    def make(self, template: str = "template1") -> str:
        """A database as the server makes it: without tables."""
        name = self._prefix + secrets.token_hex(4)
        self._admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        self._admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def take(self) -> str:
        """A migrated database without events."""
        return self._free.pop() if self._free else self.make(self._template)

    def give_back(self, name: str) -> None:
        # Under a new name: what a test left running does not find it again.
        renamed = self._prefix + secrets.token_hex(4)
        self._admin.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        self._admin.execute(f"ALTER DATABASE {name} RENAME TO {renamed}")
        with psycopg.connect(self.url(renamed)) as connection:
            size = connection.execute("SELECT pg_database_size(current_database())").fetchone()[0]
            reusable = size < _LARGE and _schema(connection) == self._schema
            if reusable:
                connection.execute(self._restore)
        if reusable:
            self._free.append(renamed)
        else:
            self.drop(renamed)

    def _drop_leftovers(self) -> None:
        for name in _names(self._admin, "receiver_test_"):
            number = name.split("_")[2]
            if not number.isdecimal() or len(name.split("_")) != 4:
                continue
            query = "SELECT pg_try_advisory_lock(%s, %s)"
            if self._admin.execute(query, [_LOCK, int(number)]).fetchone()[0]:
                self._admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
                self._admin.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCK, int(number)])


def _names(admin: psycopg.Connection, prefix: str) -> list[str]:
    query = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
    return [name for (name,) in admin.execute(query, [prefix])]


def _schema(connection: psycopg.Connection) -> str:
    """A digest of what the migrations made and a test may alter, from columns to functions."""
    return connection.execute(
        """
        SELECT md5(string_agg(concat_ws(' ', owner, name, what), ',' ORDER BY owner, name, what)) FROM (
            SELECT relname::text, attname::text, concat(atttypid, ' ', attcollation)
            FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
            WHERE relnamespace = 'public'::regnamespace AND attnum > 0
            UNION ALL
            SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace
            UNION ALL
            SELECT tgrelid::regclass::text, tgname, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal
            UNION ALL
            SELECT '', proname, md5(prosrc) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        ) AS made (owner, name, what)
        """
    ).fetchone()[0]


def _restore(connection: psycopg.Connection) -> str:
    """Statements after which every table has what the migrations put into it, for one round trip."""
    # `events` first, whose triggers write into others.
    tables = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename <> 'events'"
    )
    names = [name for (name,) in tables]
    # DELETE and not TRUNCATE, which takes twenty times as long where tables hold next to nothing.
    statements = [f"DELETE FROM {name}" for name in names]
    literals = psycopg.ClientCursor(connection)
    for name in names:
        for row in connection.execute(f"SELECT * FROM {name}").fetchall():
            places = ", ".join(["%s"] * len(row))
            statements.append(literals.mogrify(f"INSERT INTO {name} VALUES ({places})", row))
    return ";".join((*statements, "SELECT setval(seqrelid, seqstart, false) FROM pg_sequence"))
