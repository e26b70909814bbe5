"""How PostgreSQL is given text. Imported with its driver only, which is slow to load."""

from __future__ import annotations

from typing import Any

from psycopg.abc import Buffer
from psycopg.types.string import StrDumperUnknown


class _WithoutNul(StrDumperUnknown):
    """PostgreSQL's text has no NUL. Who asks for one asks for what the log keeps in its place, and finds that
    or nothing: the database did not fail."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\x00", "\ufffd"))


def take_any_text(connection: Any) -> None:
    """Let this connection of the driver be given any text."""
    connection.adapters.register_dumper(str, _WithoutNul)
