"""Whether a process that works after the answer has anything to do: without, none need run."""

from __future__ import annotations

from sqlalchemy import Engine, exists, func, or_, select

from config import Config
from receiver.archive.states import Preview, State
from receiver.models import ARCHIVED, DOCUMENTS, EVENTS, ArchiveOrphan, ArchiveState, TargetRow

_NEEDED = select(
    or_(
        exists().select_from(TargetRow),
        exists().where(ARCHIVED.c.state == State.WAITING),
        exists().where(DOCUMENTS.c.preview == Preview.WAITING),
        exists().select_from(ArchiveOrphan),
        select(func.coalesce(func.max(EVENTS.c.id), 0)).scalar_subquery()
        > select(ArchiveState.event_id).scalar_subquery(),
    )
)


def work_is_needed(config: Config, engine: Engine) -> bool:
    """Whether there is a target or a module of handlers to make targets of, a document to fetch, draw or
    delete, or an event that nobody has looked at. Cheap; asked every second."""
    if config.handlers is not None:
        return True
    with engine.connect() as connection:
        return bool(connection.scalar(_NEEDED))
