"""Calls and SMS answered by the rules, once their callback is on stable storage, and from memory alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from config import Config
from receiver.answering import decisions, failures
from receiver.answering.calls import RuledCalls
from receiver.answering.catching_up import CatchingUp, Undecided
from receiver.answering.driving import MakeDriver, Reply
from receiver.answering.in_force import RulesInForce
from receiver.answering.noting import Noting
from receiver.answering.onward import Onward
from receiver.answering.replies import Replies
from receiver.answering.texts import Texts
from receiver.logs.log import get_logger
from receiver.providers.answer import Answer
from receiver.providers.base import Kept, Reception
from receiver.providers.phone import Phone, ReadsAnswers, TakesRequests
from receiver.vocabulary.job import Job
from receiver.vocabulary.kinds import EventType, Kind
from receiver.vocabulary.notification import Parameters

logger = get_logger(__name__)

GRACE = timedelta(seconds=10)
"""How far behind its deadline another process takes up a call: the one that asked looks after it first."""
_LOOK = 2.0
_MINUTE = 60.0
_SWEEP = 86_400.0


class Answering:
    """What one process does with calls and SMS to numbers that have rules."""

    def __init__(
        self,
        config: Config,
        engine: Engine,
        rules: RulesInForce,
        keys: Callable[[], Sequence[str]],
        *,
        receptions: Mapping[str, Reception],
        make_driver: MakeDriver | None = None,
        undecided: Undecided = lambda *_: (),
    ) -> None:
        """`keys` gives the callback keys that are accepted, the current one first."""
        self._engine, self._rules, self._receptions = engine, rules, receptions
        self._phones: Mapping[str, Phone] = {
            name: each.phone for name, each in receptions.items() if each.phone is not None
        }
        self._readers = {
            name: phone for name, phone in self._phones.items() if isinstance(phone, ReadsAnswers)
        }
        self._asked = {name for name, phone in self._phones.items() if isinstance(phone, TakesRequests)}
        self._onward = Onward(config, keys, self._phones)
        self._noting = Noting(engine)
        self._texts = Texts(rules, Replies(engine), self._noting, self._now)
        self.calls = RuledCalls(
            engine,
            rules,
            self._phones,
            self._onward,
            texts=self._texts,
            noting=self._noting,
            clock=self._now,
            make_driver=make_driver,
        )
        self._catching_up = CatchingUp(undecided)
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def concerns(self, number: object, parameters: Parameters) -> bool:
        """Whether a callback may be about a number with rules. Takes less than a microsecond."""
        rules = self._rules.current()
        return (rules is not None and number in rules.numbers) or self._onward.may_be_in(parameters)

    def take(self, provider: str, kept: Kept) -> Answer | None:
        """What a callback is answered with by the rules, or None: then as if there were none.

        Never raises and never waits. A provider that is asked by requests hears of it by another way.
        """
        if provider not in self._phones or not kept.trusted:
            return None
        if kept.again and provider in self._asked:
            return None  # unlike an answer, a request is made once, by the process that kept it first
        try:
            if kept.said.kind is Kind.VOICE and kept.said.session:
                return self.calls.heard(provider, kept, kept.said.session)
            if kept.said.type is EventType.SMS_RECEIVED:
                return self._sms(provider, kept)
        except Exception as error:
            logger.critical("cannot answer by the rules", provider=provider, error=type(error).__name__)
            answers = self._receptions[provider].answers
            return None if answers is None else answers.usual(kept.said.kind)
        return None

    def jobs(self) -> tuple[Job, ...]:
        """What is read and looked after in the background."""
        return (
            Job("replies", _LOOK, self._texts.refresh, everywhere=True),
            Job("calls-at-a-loss", _LOOK, self.take_up, everywhere=True),
            Job("failed-steps", _MINUTE, lambda: failures.look(self._engine, self.clock())),
            Job("decisions", _SWEEP, lambda: decisions.sweep(self._engine, self.clock())),
        )

    def take_up(self) -> None:
        """Go on with calls of processes that are no more, once nothing was heard of them in time."""
        if not self._asked or self._rules.current() is None:
            return
        now = self.clock()
        for provider, kept in self._catching_up.look(now):
            if provider in self._asked and self.concerns(kept.recipient, kept.parameters):
                self.take(provider, kept)
        for overdue in decisions.claim_overdue(self._engine, now - GRACE, now):
            self.calls.take_over(overdue)

    def flush(self, timeout: float) -> bool:
        """Wait until all that was decided is noted; False if that takes longer."""
        return self._noting.flush(timeout)

    def close(self, timeout: float) -> None:
        """Make the requests that are due, and note what was decided."""
        self.calls.close(timeout)
        self._noting.close(timeout)

    def _now(self) -> datetime:
        return self.clock()

    def _sms(self, provider: str, kept: Kept) -> Answer | None:
        theirs = self._phones[provider].answers_itself(kept.parameters)
        given = self._texts.answer(provider, kept, theirs=theirs)
        if given is None:
            return None
        if provider in self._readers:
            return self._readers[provider].reply(given.text)
        if not given.again:
            self.calls.reply(Reply(provider, given))
        return None
