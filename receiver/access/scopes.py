"""What someone may do, whether a person or a program. Each scope includes the ones before it."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """What a role or a token may do: `may` says it in words."""

    READ = "read"
    OPERATE = "operate"
    ADMIN = "admin"

    @property
    def may(self) -> str:
        """In the words that commands, pages and documents share."""
        return _MAY[self]

    def allows(self, needed: Scope) -> bool:
        """Whether this scope includes the `needed` one."""
        order = list(Scope)
        return order.index(self) >= order.index(needed)


_MAY = {
    Scope.READ: "see everything in the log",
    Scope.OPERATE: (
        "also mark as handled, note, name contacts, decide about quarantined and set-aside events, tend"
        " deliveries, and switch rules"
    ),
    Scope.ADMIN: "also say where events go and who has access",
}

EXPLAINED = "; ".join(f"{scope}: {scope.may}" for scope in Scope) + "."
"""All of them in one sentence, as the commands that ask for one say it."""
