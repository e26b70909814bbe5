"""The browsers that people are signed in with: listed, and signed out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Engine, delete, func, select

from receiver.access.record import Action, note
from receiver.access.sign_ins import lasting
from receiver.db.engine import writing
from receiver.models import SignIn, User
from receiver.vocabulary.printable import count_of

_ID = 16


@dataclass(frozen=True, slots=True)
class Browser:
    """One browser in which a person is signed in."""

    id: str
    """The beginning of the digest of its token: enough to tell it from others, and of no other use."""
    created_at: datetime
    seen_at: datetime


class Browsers:
    """The browsers of everybody. Who signs somebody out is on record."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, name: str) -> Sequence[Browser]:
        """Those of one person, the one used last first."""
        query = (
            select(SignIn.token, SignIn.created_at, SignIn.seen_at)
            .join(User, User.id == SignIn.user_id)
            .where(User.name == name, lasting(datetime.now(UTC)))
            .order_by(SignIn.seen_at.desc(), SignIn.token)
        )
        with self._engine.connect() as connection:
            return [
                Browser(id_of(row.token), row.created_at, row.seen_at) for row in connection.execute(query)
            ]

    def counts(self) -> Mapping[str, int]:
        """How many each person has, by name; who has none is left out."""
        query = (
            select(User.name, func.count().label("browsers"))
            .join(SignIn, SignIn.user_id == User.id)
            .where(lasting(datetime.now(UTC)))
            .group_by(User.name)
        )
        with self._engine.connect() as connection:
            return {row.name: row.browsers for row in connection.execute(query)}

    def sign_out(self, name: str, browser: str, *, by: str) -> int:
        """Sign a person out of one browser, by its id. How many that were: none if it is signed out."""
        if not browser.isalnum():  # no id of ours; PostgreSQL would not take a NUL
            return 0
        return self._end(name, func.substr(SignIn.token, 1, _ID) == browser, by)

    def sign_out_all(self, name: str, *, by: str, keep: str = "") -> int:
        """Sign a person out of all browsers but the one whose token has the digest `keep`. How many."""
        return self._end(name, SignIn.token != keep, by)

    def _end(self, name: str, which: ColumnElement[bool], by: str) -> int:
        whose = SignIn.user_id == select(User.id).where(User.name == name).scalar_subquery()
        with writing(self._engine) as connection:
            # What ended by itself may still be stored, and is nothing to speak of.
            ended = connection.execute(
                delete(SignIn).where(whose, which, lasting(datetime.now(UTC)))
            ).rowcount
            if ended:
                note(connection, Action.SIGN_OUT, by, name, count_of(ended, "browser"))
        return ended


def id_of(digest: str) -> str:
    """The id of a browser, by the digest of its token."""
    return digest[:_ID]
