"""What a database that fails says, in a sentence for a person: what it is, and what to do.

The statement and its values, which are private, are in none of it.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError, SQLAlchemyError


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a database cannot be used, and what mends it."""

    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.what}: {self.mend}"


FULL = Failure("the disk of the database is full", "make room on it")
_LOCKED = Failure(
    "another program holds the database locked", "try again once it is done, or end that program"
)
_DAMAGED = Failure(
    "the database file is damaged",
    "stop the service, and put back a backup that is whole with `receiver db restore FILE`",
)
_READ_ONLY = Failure(
    "the database file is read-only for this user",
    "make the file and its folder writable for the user who runs the service, and look at how the disk is "
    "mounted",
)
_UNOPENED = Failure(
    "the database file cannot be opened",
    "correct DATABASE_URL, or make the file and its folder accessible to the user who runs the service",
)
_DISK = Failure(
    "the disk of the database fails", "look at the log of the system, and back up what can still be read"
)
_MEMORY = Failure("the database has no memory left", "give its machine more, or end other programs there")

_BY_SQLITE = {
    sqlite3.SQLITE_FULL: FULL,
    # What readers share has no room beside the file.
    sqlite3.SQLITE_IOERR_SHMSIZE: FULL,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_READONLY_DBMOVED: Failure(
        "the database file was moved or replaced", "put it back, or restart the service"
    ),
    sqlite3.SQLITE_PERM: _UNOPENED,
    sqlite3.SQLITE_AUTH: _UNOPENED,
    sqlite3.SQLITE_CANTOPEN: _UNOPENED,
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: Failure(
        "the database file is damaged, or no SQLite database at all",
        f"correct DATABASE_URL; if the file is the right one, {_DAMAGED.mend}",
    ),
    sqlite3.SQLITE_IOERR: _DISK,
    sqlite3.SQLITE_NOMEM: _MEMORY,
}
"""By error code: by the extended one first, then by the primary one in its last byte."""

_STARTING = Failure("the database server is starting or stopping", "try again in a moment")
_REFUSED = Failure(
    "the database server refuses the user or the password of DATABASE_URL",
    "correct them; in a password, write @ as %40, % as %25, : as %3A and / as %2F",
)
_NO_DATABASE = Failure(
    "the server has no database of the name in DATABASE_URL", "correct it, or make one with `createdb NAME`"
)
_CROWDED = Failure(
    "the database server has no connection left for this service",
    "end other clients, or raise max_connections or the limit of the role or database",
)
_BY_SQLSTATE = {
    "53100": FULL,
    "53200": _MEMORY,
    "53300": _CROWDED,
    "25006": Failure(
        "the database server takes no writes",
        "name the one that does in DATABASE_URL, or set default_transaction_read_only to off",
    ),
    "55P03": Failure(
        "another session holds a lock on what is needed",
        "try again once it is done, or end it; `SELECT * FROM pg_stat_activity` shows all",
    ),
    "57014": Failure(
        "the database took too long and gave up", "try again when it has less to do, or ask for less"
    ),
    "57P01": _STARTING,
    "57P02": _STARTING,
    "57P03": _STARTING,
    "58030": _DISK,
    "XX001": Failure(
        "the database is damaged",
        "stop the service, look at the log and the disk of the server, and put back a backup that is whole",
    ),
    "XX002": Failure("an index of the database is damaged", "run `reindexdb NAME` on the server"),
    "28P01": _REFUSED,
    "28000": _REFUSED,
    "3D000": _NO_DATABASE,
}
_BY_WORDS = (
    (r"too many (connections|clients)|connection slots are reserved", _CROWDED),
    (r"database system is (starting up|shutting down|in recovery|not yet accepting)", _STARTING),
    (r"authentication failed|no password supplied|no pg_hba.conf entry", _REFUSED),
    (r'role ".*" (does not exist|is not permitted)', _REFUSED),
    (r'database ".*" does not exist', _NO_DATABASE),
)
"""To a client that it turns away a server gives no SQLSTATE, only words."""


def failure_of(error: BaseException) -> Failure | None:
    """What is known of an error of a database; None if there is no better sentence than its own words."""
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None:
        return _BY_SQLITE.get(code) or _BY_SQLITE.get(code & 0xFF)
    state = getattr(cause, "sqlstate", None)
    if state is not None:
        return _BY_SQLSTATE.get(state)
    if not isinstance(error, DBAPIError):
        return None
    return next((failure for words, failure in _BY_WORDS if re.search(words, str(cause))), None)


def away(error: SQLAlchemyError) -> Failure:
    """The same of an error that came before the schema was known."""
    return failure_of(error) or Failure(
        f"cannot reach the database ({words_of(error)})", "start it, or correct DATABASE_URL"
    )


def reason_of(error: BaseException) -> str:
    """What is known of an error of a database and what mends it, or else its own words, in one line."""
    return str(failure_of(error) or words_of(error))


def words_of(error: BaseException) -> str:
    """What the database said, in one line."""
    cause = getattr(error, "orig", None) or error
    lines = str(cause).strip().splitlines()
    return lines[0][:200] if lines else type(cause).__name__
