"""The rules file that a command is about."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from receiver import current
from receiver.answering import ours
from receiver.answering.in_force import read_file
from receiver.answering.rules import Rules
from receiver.answering.switches import switched_on
from receiver.cli import output
from receiver.db.engine import Unreachable
from receiver.providers.base import Provider
from receiver.vocabulary.errors import OperatorError


class NoRules(OperatorError):
    """There is no rules file, or nothing in it about what was asked."""


def rules_file() -> Path:
    """The file that RULES names."""
    path = current.config().rules
    if path is None:
        raise NoRules("RULES is not set: let it name your rules file, such as rules.toml")
    return path


def rules() -> Rules:
    """What is in it."""
    return read_file(rules_file())


def rules_in_force() -> Rules:
    """What is in it or, while it cannot be used, what answers calls meanwhile; the latter with a warning."""
    path = rules_file()
    in_force = current.rules()
    in_force.reread()
    in_force.require()
    found = in_force.current() or read_file(path)
    if in_force.fault is not None:
        output.say(
            f"warning: {path.name} cannot be used, so the previous rules are in force: see"
            " `receiver rules check`"
        )
    return found


def known_numbers() -> Mapping[str, Provider] | None:
    """Our numbers, as far as they are known; a file can be checked without a database."""
    try:
        return ours.known(current.engine())
    except (SQLAlchemyError, Unreachable):
        return None


def switches() -> frozenset[str]:
    """What is switched on; while the database is away, what a service last knew."""
    try:
        return frozenset(switched_on(current.engine()))
    except (SQLAlchemyError, Unreachable):
        return current.rules().switches
