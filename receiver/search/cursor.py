"""Where the next page of a list begins whose order changes while it is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from receiver.search.span import END


@dataclass(frozen=True, slots=True)
class Cursor:
    """The next page begins below id `before`, in the order that the list had when `newest` was the newest id.

    So a row that moves to the top meanwhile is still on the page where it would have been.
    """

    before: int
    newest: int = END
    """END: nobody says when the first page was read, as in a plain id."""

    @classmethod
    def read(cls, text: str) -> Self:
        """From `26.12`, or from a plain id; `ValueError` if it is neither."""
        if not re.fullmatch(r"[0-9]{1,19}(\.[0-9]{1,19})?", text, re.ASCII):
            raise ValueError(text)
        newest, _, before = text.rpartition(".")
        found = cls(int(before), int(newest or END))
        if not 0 < found.before <= END or not found.newest <= END:
            raise ValueError(text)
        return found

    @property
    def end(self) -> int:
        """Above every id that counts."""
        return min(self.newest, END - 1) + 1

    def __str__(self) -> str:
        return str(self.before) if self.newest == END else f"{self.newest}.{self.before}"
