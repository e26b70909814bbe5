"""Where a call is: small, and with a form that survives a restart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class State:
    """A call on its way. It belongs to one version of the rules."""

    version: str
    failure: str
    """Where its rule leads when a step fails that says nothing of that."""
    flow: str
    step: int = 0
    """The step of the flow, from 0."""
    asked: int = 0
    """The number of the instruction that it waits for. What is said of an earlier one is late."""
    turn: int = 0
    """How often the menu was repeated, or how many numbers were dialled in vain."""
    failed: bool = False
    """Whether it was led to `failure` before: the second time it ends."""
    rounds: Mapping[str, int] = field(default_factory=dict)
    """How often it went round each counted loop."""
    over: bool = False

    def beyond(self, other: State) -> bool:
        """Whether a call has gone on from there to here."""
        return self.asked > other.asked or (self.over and not other.over)

    def dumps(self) -> str:
        """A short JSON text without what is as it was in the beginning."""
        values = {
            "v": self.version,
            "f": self.flow,
            "s": self.step,
            "n": self.asked,
            "t": self.turn,
            "e": self.failure,
            "x": self.failed,
            "r": self.rounds,
            "o": self.over,
        }
        kept = {key: value for key, value in values.items() if value not in (0, False, {})}
        return json.dumps(kept, separators=(",", ":"), sort_keys=True)

    @classmethod
    def loads(cls, text: str) -> State:
        """The state that was written so."""
        kept = json.loads(text)
        return cls(
            version=kept["v"],
            failure=kept["e"],
            flow=kept["f"],
            step=kept.get("s", 0),
            asked=kept.get("n", 0),
            turn=kept.get("t", 0),
            failed=kept.get("x", False),
            rounds=kept.get("r", {}),
            over=kept.get("o", False),
        )
