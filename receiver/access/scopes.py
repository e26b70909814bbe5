"""What someone may do, whether a person or a program. Each scope includes the ones before it."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """`read` looks at the log, `operate` also decides about what is quarantined or set aside and tends
    deliveries, `admin` may do everything, such as say where events are delivered."""

    READ = "read"
    OPERATE = "operate"
    ADMIN = "admin"

    def allows(self, needed: Scope) -> bool:
        """Whether this scope includes the `needed` one."""
        order = list(Scope)
        return order.index(self) >= order.index(needed)
