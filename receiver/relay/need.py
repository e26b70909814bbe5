"""Whether a process that works after the answer has anything to do: without, none need run."""

from __future__ import annotations

from sqlalchemy import Engine, exists, select

from receiver.models import TargetRow


def work_is_needed(engine: Engine) -> bool:
    """Whether there is a target. Cheap; asked every second."""
    with engine.connect() as connection:
        return bool(connection.scalar(select(exists().select_from(TargetRow))))
