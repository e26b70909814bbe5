"""Which handlers the owner's module has. It is loaded in a process that lives as long as that takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from receiver.handlers.load import LoadError
from receiver.relay.handlers.process import LONGEST_LOAD, Child, Ended, TookTooLong, load_error
from receiver.relay.sender import TargetError
from receiver.relay.targets import read_search
from receiver.search.mistakes import SearchError
from receiver.search.query import Search
from receiver.vocabulary.kinds import EventType


@dataclass(frozen=True, slots=True)
class Learned:
    """One handler as it is declared."""

    name: str
    types: tuple[str, ...]
    search: str
    timeout: float
    lanes: int
    ordered: bool
    file: str
    code: str
    """Changes whenever the file does."""

    def target_search(self) -> str:
        """The search of its target; `TargetError` if what it gives is none."""
        try:
            wanted = Search.parse(self.search)
            if len(self.types) == 1:
                wanted = wanted.joined(Search(type=EventType(self.types[0])))
        except SearchError as error:
            raise TargetError(str(error)) from None
        return read_search(str(wanted))

    def settings(self) -> dict[str, Any]:
        """The settings of its target."""
        return {
            "function": self.name,
            "types": list(self.types),
            "timeout": self.timeout,
            "lanes": self.lanes,
            "code": self.code,
        }


def learn(where: str) -> list[Learned]:
    """The handlers of a module, by name; `LoadError` if it cannot be loaded."""
    try:
        child = Child("list", where, "handlers")
    except OSError as error:
        raise LoadError(f"no process can be started: {error.strerror}", where, None) from None
    try:
        answer = child.ask(b"", LONGEST_LOAD)
    except TookTooLong:
        raise LoadError(f"loading it takes longer than {LONGEST_LOAD:.0f} s", where, None) from None
    except Ended as ended:
        raise LoadError(f"it cannot be loaded: {ended}", where, None) from None
    child.end()
    if said := answer.get("error"):
        raise load_error(said)
    found = [Learned(**{**one, "types": tuple(one["types"])}) for one in answer["handlers"]]
    return sorted(found, key=lambda one: one.name)
