"""Why a call went the way it did: values, for its time line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from receiver.answering.conditions import Asks, Check


class Cause(StrEnum):
    """What made a call go on."""

    RULE = "rule"
    NO_RULE = "no rule"
    PRESSED = "pressed"
    WRONG_INPUT = "wrong input"
    NO_INPUT = "no input"
    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no answer"
    FAILURE = "failure"
    DONE = "done"
    RECORDED = "recorded"
    GO = "go"
    COUNTED = "counted"
    """A loop has been gone round as often as it may be."""
    HUNG_UP = "caller hung up"
    LOST = "place lost"
    """Where the call was could not be read: it is taken up at the failure step of its rule."""
    ELSEWHERE = "no answer elsewhere"
    """It was for another address of ours, which did not answer; what follows from it is said beside this."""
    LATE = "late"
    """It is about a step that is over: nothing follows from it."""
    NOT_SENT = "not sent"
    """The reply to an SMS could not be sent."""
    PERHAPS_SENT = "perhaps sent"
    """The provider was asked to send the reply to an SMS, and what it answered got lost."""


@dataclass(frozen=True, slots=True)
class RuleTried:
    """A rule that was looked at, up to the first condition that did not hold. Rules count from 1."""

    rule: int
    checks: tuple[Check, ...]

    @property
    def held(self) -> bool:
        return all(check.held for check in self.checks)

    def __str__(self) -> str:
        said = ", ".join(map(str, self.checks)) or "always"
        return f"rule {self.rule} ({said})"


@dataclass(frozen=True, slots=True)
class Why:
    """One reason. `flow` and `step`, from 1, are where the call was; empty and 0 before any."""

    cause: Cause
    flow: str = ""
    step: int = 0
    detail: str = ""
    """The keys pressed, the number dialled, the flow gone to; for an SMS, why nothing is sent."""
    tried: tuple[RuleTried, ...] = ()
    """The rules that were looked at, in their order."""

    def __str__(self) -> str:
        """In words that stand behind a time."""
        if self.cause is Cause.RULE:
            but = f": {self.detail}" if self.detail else ""
            return f"{self.tried[-1]} holds{but}{self._passed_over(self.tried[:-1])}"
        if self.cause is Cause.NO_RULE:
            return f"no rule holds{self._passed_over(self.tried)}"
        detail = f" {self.detail}" if self.detail else ""
        return f"{self.cause}{detail}"

    @staticmethod
    def _passed_over(tried: tuple[RuleTried, ...]) -> str:
        return f"; not {', '.join(map(str, tried))}" if tried else ""

    def as_json(self) -> dict[str, Any]:
        """A form that can be kept."""
        tried = [{"rule": one.rule, "checks": [asdict(check) for check in one.checks]} for one in self.tried]
        found: dict[str, Any] = {"cause": str(self.cause), "flow": self.flow, "step": self.step}
        if self.detail:
            found["detail"] = self.detail
        return found | ({"tried": tried} if tried else {})

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Why:
        """The reason that was kept."""
        tried = tuple(
            RuleTried(
                one["rule"],
                tuple(Check(**{**check, "asks": Asks(check["asks"])}) for check in one["checks"]),
            )
            for one in kept.get("tried", ())
        )
        return cls(Cause(kept["cause"]), kept["flow"], kept["step"], kept.get("detail", ""), tried)
