"""What an SMS is answered with: a pure function."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from receiver.answering.conditions import Circumstances
from receiver.answering.rules import Rules
from receiver.answering.tried import first_that_holds
from receiver.answering.why import Cause, Why

QUIET = "it says not to reply"
NOBODY = "there is no number to reply to"
BEFORE = "replied within the period already"
THEIRS = "the provider answers such a word itself"
STOPS = "the sender asks for no more messages"
"""Why nothing is sent although a rule holds."""

_STOP = frozenset(("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"))
"""An SMS that says one of these and no more. No rule can ask for a word, so none wants to answer it."""


@dataclass(frozen=True, slots=True)
class Texted:
    """An SMS has come in."""

    number: str
    sender: str | None
    at: datetime
    switches: frozenset[str] = frozenset()
    replied_at: datetime | None = None
    """When its sender was last answered by this number, if ever."""
    theirs: bool = False
    """Whether its provider answers it itself."""
    text: str = ""

    @property
    def stops(self) -> bool:
        """Whether its sender asks for no more messages."""
        return self.text.strip(" \t\r\n.!").lower() in _STOP


@dataclass(frozen=True, slots=True)
class Answered:
    """The text to send, None for nothing, and why."""

    reply: str | None
    why: Why


def answer(rules: Rules, texted: Texted) -> Answered:
    """What an SMS is answered with. A sender without a number gets nothing."""
    number = rules.numbers.get(texted.number)
    if number is None:
        return Answered(None, Why(Cause.NO_RULE))
    now = Circumstances(texted.sender, number.local(texted.at), number.calendar, texted.switches)
    rule, tried = first_that_holds(number.sms, now)
    if rule is None:
        return Answered(None, Why(Cause.NO_RULE, tried=tried))
    if rule.reply is None:
        return Answered(None, Why(Cause.RULE, detail=QUIET, tried=tried))
    if texted.sender is None:
        return Answered(None, Why(Cause.RULE, detail=NOBODY, tried=tried))
    if texted.theirs:
        return Answered(None, Why(Cause.RULE, detail=THEIRS, tried=tried))
    if texted.stops:
        return Answered(None, Why(Cause.RULE, detail=STOPS, tried=tried))
    if texted.replied_at is not None and texted.at - texted.replied_at < rule.every:
        return Answered(None, Why(Cause.RULE, detail=BEFORE, tried=tried))
    return Answered(rule.reply, Why(Cause.RULE, tried=tried))
