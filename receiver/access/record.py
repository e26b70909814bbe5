"""The record of what operators did to the log, to targets, to rules and to access: who, when, and to whom.

An entry is written in the transaction of what it tells, so there is neither one without the other. It holds
names of users, tokens, targets and switches, and no secret. It is kept for ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.orm import Session

from receiver.models import Intervention
from receiver.vocabulary.printable import count_of

LARGEST_PAGE = 500


class Action(StrEnum):
    """What somebody did."""

    RELEASE = "release"
    UNDO = "undo"
    DROP = "drop"
    ERASE = "erase"
    PRUNE = "prune"
    ADD_USER = "add-user"
    SET_ROLE = "set-role"
    SET_PASSWORD = "set-password"  # noqa: S105  # the name of an action
    SIGN_OUT = "sign-out"
    REMOVE_USER = "remove-user"
    CREATE_TOKEN = "create-token"  # noqa: S105
    REVOKE_TOKEN = "revoke-token"  # noqa: S105
    ADD_TARGET = "add-target"
    CHANGE_TARGET = "change-target"
    PAUSE_TARGET = "pause-target"
    RESUME_TARGET = "resume-target"
    ROTATE_SECRET = "rotate-secret"  # noqa: S105
    REMOVE_TARGET = "remove-target"
    START_REPLAY = "start-replay"
    STOP_REPLAY = "stop-replay"
    SWITCH_ON = "switch-on"
    SWITCH_OFF = "switch-off"


class About(StrEnum):
    """What an action was done to."""

    LOG = "log"
    USERS = "users"
    TOKENS = "tokens"
    TARGETS = "targets"
    RULES = "rules"


ACTIONS = {
    About.LOG: (Action.RELEASE, Action.UNDO, Action.DROP, Action.ERASE, Action.PRUNE),
    About.USERS: (
        *(Action.ADD_USER, Action.SET_ROLE, Action.SET_PASSWORD),
        *(Action.SIGN_OUT, Action.REMOVE_USER),
    ),
    About.TOKENS: (Action.CREATE_TOKEN, Action.REVOKE_TOKEN),
    About.TARGETS: (
        *(Action.ADD_TARGET, Action.CHANGE_TARGET, Action.PAUSE_TARGET, Action.RESUME_TARGET),
        *(Action.ROTATE_SECRET, Action.REMOVE_TARGET, Action.START_REPLAY, Action.STOP_REPLAY),
    ),
    About.RULES: (Action.SWITCH_ON, Action.SWITCH_OFF),
}
"""Which actions there are about what."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the record, newest first, and below which id the next part begins."""

    made: Sequence[Intervention]
    next: int | None


def note(
    connection: Connection,
    action: Action,
    by: str,
    whom: str,
    detail: str | None = None,
    *,
    why: str | None = None,
) -> None:
    """Record in the caller's transaction that `by` did this to a user, a token, a target or a switch."""
    row = {"made_at": datetime.now(UTC), "action": action.value, "who": by, "whom": whom, "detail": detail}
    row["why"] = why
    nothing = {"events": 0, "repeats": 0, "spooled": 0}  # of the log
    connection.execute(insert(Intervention).values(row | nothing))


def find(
    engine: Engine, actions: Sequence[Action] = (), *, before: int | None = None, limit: int = LARGEST_PAGE
) -> Page:
    """What was done, newest first; only these actions, if any are named."""
    query = select(Intervention).order_by(Intervention.id.desc()).limit(limit + 1)
    if actions:
        query = query.where(Intervention.action.in_([one.value for one in actions]))
    if before is not None:
        query = query.where(Intervention.id < before)
    with Session(engine, expire_on_commit=False) as session:
        made = session.scalars(query).all()
    return Page(made[:limit], made[limit - 1].id if len(made) > limit else None)


def every(engine: Engine, actions: Sequence[Action]) -> Iterator[Intervention]:
    """All of these actions, newest first."""
    page = find(engine, actions)
    yield from page.made
    while page.next is not None:
        page = find(engine, actions, before=page.next)
        yield from page.made


def words(one: Intervention) -> str:
    """What was done to, in a few words."""
    if one.whom is not None:
        return one.whom if one.detail is None else f"{one.whom}, {one.detail}"
    counts = (
        one.events and count_of(one.events, "event"),
        one.repeats and count_of(one.repeats, "repeat"),
        one.spooled and f"{count_of(one.spooled, 'callback')} in the spool",
    )
    return ", ".join(count for count in counts if count) or "nothing"
