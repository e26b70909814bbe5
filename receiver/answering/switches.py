"""Switches that a person sets by hand, such as "on holiday": kept where all processes see them."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Engine, delete, insert, select

from receiver.access.record import Action, note
from receiver.db.engine import writing
from receiver.models import RulesSwitch


def switched_on(engine: Engine) -> dict[str, datetime]:
    """The switches that are on, and since when."""
    with engine.connect() as connection:
        rows = connection.execute(select(RulesSwitch.name, RulesSwitch.since).order_by(RulesSwitch.name))
        return {row.name: row.since for row in rows}


def switch(engine: Engine, name: str, *, on: bool, by: str) -> bool:
    """Set a switch; whether that changed anything. It goes on record who did."""
    with writing(engine) as connection:
        known = connection.scalar(select(RulesSwitch.name).where(RulesSwitch.name == name))
        if (known is not None) is on:
            return False
        if on:
            connection.execute(insert(RulesSwitch).values(name=name, since=datetime.now(UTC)))
        else:
            connection.execute(delete(RulesSwitch).where(RulesSwitch.name == name))
        note(connection, Action.SWITCH_ON if on else Action.SWITCH_OFF, by, name)
    return True
