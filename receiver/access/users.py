"""People who may use the console: made, listed, given a role and a new password, and removed."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from receiver.access.record import Action, note
from receiver.access.scopes import Scope
from receiver.db.engine import writing
from receiver.models import SavedSearch, SignIn, User
from receiver.vocabulary.errors import OperatorError

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 1000

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
_LEGIBLE = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without what looks alike: i, l and 1, o and 0."""
_hasher = PasswordHasher()
# One hash takes 64 MB and a core for some 50 ms, on purpose. A flood of attempts gets two at a time.
_hashing = threading.BoundedSemaphore(2)


class UserError(OperatorError, ValueError):
    """What was asked of a user cannot be done. The message says why and what to do."""


class UnknownUser(UserError):
    """There is no user of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no user {name[:64]}: see `receiver users list`")


class Users:
    """The people in the database. A new password and a removal end every sign-in of that person; a new role
    counts from the next page on. Each change is on record, with who made it (`by`)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, name: str, password: str, role: Scope, *, by: str) -> None:
        """Make a user, or raise `UserError`."""
        name = _good_name(name)
        row = {
            "name": name,
            "password": hashed(password, name),
            "role": role,
            "created_at": datetime.now(UTC),
        }
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(User).values(row))
                note(connection, Action.ADD_USER, by, name, role.value)
        except IntegrityError:
            raise UserError(
                f"there is a user {name} already: choose another name, or give {name} a new password"
            ) from None

    def all(self) -> Sequence[User]:
        """Everybody, by name."""
        with Session(self._engine, expire_on_commit=False) as session:
            return session.scalars(select(User).order_by(User.name)).all()

    def get(self, name: str) -> User:
        """The user of this name, or `UnknownUser`."""
        name = _known_name(name)
        with Session(self._engine, expire_on_commit=False) as session:
            user = session.scalar(select(User).where(User.name == name))
        if user is None:
            raise UnknownUser(name)
        return user

    def any(self) -> bool:
        """Whether there is anybody."""
        with self._engine.connect() as connection:
            return connection.scalar(select(func.min(User.id))) is not None

    def set_role(self, name: str, role: Scope, *, by: str) -> None:
        """Give a user another role. `UserError` for the only admin, who has to stay one."""
        name = _known_name(name)
        with writing(self._engine) as connection:
            admins = _admins(connection)
            before = connection.scalar(select(User.role).where(User.name == name))
            if before is None:
                raise UnknownUser(name)
            if before == role:
                return
            _keep_one(admins, name)
            connection.execute(update(User).values(role=role).where(User.name == name))
            note(connection, Action.SET_ROLE, by, name, f"{before} to {role}")

    def set_password(self, name: str, password: str, *, by: str, keep: str | None = None) -> None:
        """Give a user a new password; ends all sign-ins but the one whose token's digest is `keep`."""
        name = _known_name(name)
        new = hashed(password, name)
        with writing(self._engine) as connection:
            user_id = connection.scalar(
                update(User).values(password=new).where(User.name == name).returning(User.id)
            )
            if user_id is None:
                raise UnknownUser(name)
            connection.execute(delete(SignIn).where(SignIn.user_id == user_id, SignIn.token != (keep or "")))
            note(connection, Action.SET_PASSWORD, by, name)

    def remove(self, name: str, *, by: str) -> None:
        """Remove a user with all sign-ins and saved searches. `UserError` for the only admin."""
        name = _known_name(name)
        with writing(self._engine) as connection:
            admins = _admins(connection)
            user_id = connection.scalar(select(User.id).where(User.name == name))
            if user_id is None:
                raise UnknownUser(name)
            _keep_one(admins, name)
            for table in (SignIn, SavedSearch):
                connection.execute(delete(table).where(table.user_id == user_id))
            connection.execute(delete(User).where(User.id == user_id))
            note(connection, Action.REMOVE_USER, by, name)


def made_up() -> str:
    """A password that nobody can guess, to be read from a screen and typed: some 100 bits."""
    return "-".join("".join(secrets.choice(_LEGIBLE) for _ in range(5)) for _ in range(4))


def hashed(password: str, name: str) -> str:
    """The hash of a password; `UserError` if the password is too weak."""
    if len(password) < SHORTEST_PASSWORD:
        raise UserError(f"the password must be at least {SHORTEST_PASSWORD} characters long")
    if len(password) > LONGEST_PASSWORD:
        raise UserError(f"the password must be at most {LONGEST_PASSWORD} characters long")
    if name in password.lower() and len(password) < len(name) + SHORTEST_PASSWORD // 2:
        raise UserError("the password must not be little more than the name")
    with _hashing:
        return _hasher.hash(password)


def matches(kept: str | None, password: str) -> bool:
    """Whether this is the password; takes as long for a user that does not exist (`kept` None)."""
    with _hashing:
        try:
            _hasher.verify(kept or _nobody(), password[:LONGEST_PASSWORD])
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None and len(password) <= LONGEST_PASSWORD


@cache
def _nobody() -> str:
    """What the password of an unknown name is compared with."""
    return _hasher.hash("a password nobody has")


def _good_name(name: str) -> str:
    name = name.lower()
    if not _NAME.fullmatch(name):
        raise UserError("a name is 1 to 64 of a-z 0-9 . _ @ - and begins with a letter or digit")
    return name


def _known_name(name: str) -> str:
    """As it is stored. One that nobody can have is not asked for: PostgreSQL takes no NUL."""
    name = name.lower()
    if not _NAME.fullmatch(name):
        raise UnknownUser(name)
    return name


def _admins(connection: Connection) -> Sequence[str]:
    """Who is admin, held until the end of the transaction: two of them could remove each other at once."""
    admins = select(User.name).where(User.role == Scope.ADMIN).order_by(User.id)
    return connection.scalars(admins.with_for_update()).all()


def _keep_one(admins: Sequence[str], name: str) -> None:
    """`UserError` if this is the only admin."""
    if list(admins) == [name]:
        raise UserError(f"{name} is the only admin: give somebody else the role admin first")
