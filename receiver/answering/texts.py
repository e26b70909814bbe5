"""SMS answered by the rules: once per sender and period."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from receiver.answering import sms
from receiver.answering.decisions import Decided
from receiver.answering.in_force import RulesInForce
from receiver.answering.noting import Noting
from receiver.answering.replies import Replied, Replies
from receiver.answering.why import Cause, Why
from receiver.providers.base import Kept
from receiver.vocabulary.telephone import is_address, is_withheld


@dataclass(frozen=True, slots=True)
class Given:
    """What an SMS is answered with."""

    number: str
    sender: str
    text: str
    again: bool
    """Whether it came before, and was answered then."""
    decided: Decided
    """As it was noted."""


class Texts:
    """What one process answers SMS with."""

    def __init__(
        self, rules: RulesInForce, replies: Replies, noting: Noting, clock: Callable[[], datetime]
    ) -> None:
        self._rules, self._replies, self._noting, self._clock = rules, replies, noting, clock

    def answer(self, provider: str, kept: Kept, *, theirs: bool) -> Given | None:
        """The answer to an SMS, noted and remembered; None for nothing. Waits for nothing.

        `theirs` says that its provider answers it itself.
        """
        rules = self._rules.current()
        number, sender, now = kept.recipient or "", number_of(kept.sender), self._clock()
        if rules is None or number not in rules.numbers or not rules.numbers[number].sms:
            return None
        reference = kept.said.txn_ref or kept.identity
        before = self._replies.last(number, sender or "")
        again = before is not None and before.reference == reference
        at = None if before is None or again else before.at
        text = kept.said.text or ""
        texted = sms.Texted(number, sender, now, self._rules.switches, at, theirs, text)
        answered = sms.answer(rules, texted)
        decided = Decided(provider, reference, now, (answered.why,), identity=kept.identity)
        if answered.reply is None or sender is None:
            self._noting.add(decided)
            return None
        self._replies.remember(number, sender, Replied(now, reference))
        decided = replace(decided, reply=answered.reply, ends=(number, sender))
        self._noting.add(decided)
        return Given(number, sender, answered.reply, again, decided)

    def not_sent(self, given: Given, reason: str) -> None:
        """Note that an answer was not sent after all. The next SMS of its sender gets one."""
        self._replies.forget(given.number, given.sender, given.decided.session)
        self._note_instead(replace(given.decided, reply=None), Why(Cause.NOT_SENT, detail=reason))

    def perhaps_sent(self, given: Given) -> None:
        """Note that nobody knows whether an answer was sent. It counts as if it were."""
        self._note_instead(given.decided, Why(Cause.PERHAPS_SENT))

    def refresh(self) -> None:
        """Read whom others answered, away from all answers."""
        rules = self._rules.current()
        if rules is not None:
            self._replies.refresh(rules, self._clock())

    def _note_instead(self, decided: Decided, why: Why) -> None:
        now = self._clock()
        self._noting.add(replace(decided, decided_at=now, why=(*decided.why, why), instead=True))


def number_of(sender: str | None) -> str | None:
    """A sender's number, or an address in place of one (`sip:…`). None if it is withheld, whatever stands
    there then."""
    if sender is None or is_withheld(sender):
        return None
    return sender if sender.removeprefix("+").isdigit() or is_address(sender) else None
