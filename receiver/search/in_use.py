"""Which providers are in use: those whose accounts are configured, and those that the log has events of."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, Select, func, select

from config import Config
from receiver.models import EVENTS
from receiver.providers.registry import DEFAULT, PROVIDERS, configured, identity_prefix

_IDENTITY = EVENTS.c.identity
_ENDS = select(func.min(_IDENTITY)).union_all(select(func.max(_IDENTITY)))
_PREFIXES = {name: identity_prefix(name) for name in PROVIDERS if name != DEFAULT.name}


def several_in_use(config: Config, engine: Engine) -> bool:
    """Whether there is more than one, so that a table has to say which provider a row is of."""
    named = {provider.name for provider in configured(config)}
    if len(named) > 1:
        return True
    with engine.connect() as connection:
        return len(named | _in_log(connection)) > 1


def _in_log(connection: Connection) -> set[str]:
    """The providers of events, by the index of identities, which begin with their provider; only those of the
    default one do not. If such stand neither first nor last, there are several anyway."""
    found = {name for name, prefix in _PREFIXES.items() if connection.scalar(_some(prefix)) is not None}
    ends = [identity for identity in connection.scalars(_ENDS) if identity is not None]
    others = tuple(_PREFIXES.values())
    return found | {DEFAULT.name for identity in ends if not identity.startswith(others)}


def _some(prefix: str) -> Select[tuple[str]]:
    # What follows the prefix comes before "zz", in any collation.
    return select(_IDENTITY).where(_IDENTITY.between(prefix, f"{prefix}zz")).limit(1)
