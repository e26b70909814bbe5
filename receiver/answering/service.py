"""Calls and SMS answered by the rules, once their callback is on stable storage, and from memory alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from config import Config
from receiver.answering import decisions, failures, machine, passed_on
from receiver.answering.catching_up import CatchingUp, Undecided
from receiver.answering.decisions import Decided
from receiver.answering.driving import Driver, MakeDriver, Reply, Task
from receiver.answering.failures import Failures, Reason
from receiver.answering.in_force import RulesInForce
from receiver.answering.machine import Move
from receiver.answering.noting import Noting
from receiver.answering.passed_on import PassedOn, Unreadable
from receiver.answering.replies import Replies
from receiver.answering.state import State
from receiver.answering.texts import Texts, number_of
from receiver.answering.under_way import UnderWay
from receiver.answering.why import Cause, Why
from receiver.db.engine import Unreachable
from receiver.logs.log import get_logger
from receiver.providers.answer import Answer
from receiver.providers.base import Kept, Reception
from receiver.providers.here import Here
from receiver.providers.phone import Phone, ReadsAnswers, TakesRequests
from receiver.vocabulary.answering import CallerHungUp, Instruction, Rang, StepFailed
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
        self._engine, self._rules, self._keys, self._receptions = engine, rules, keys, receptions
        self._public_url = config.public_url
        secret = "" if config.secret_key is None else config.secret_key.get_secret_value()
        self._passed_on = PassedOn(keys, secret)
        phones: Mapping[str, Phone] = {
            name: each.phone for name, each in receptions.items() if each.phone is not None
        }
        self._phones = phones
        self._readers = {name: phone for name, phone in phones.items() if isinstance(phone, ReadsAnswers)}
        self._asked = {name: phone for name, phone in phones.items() if isinstance(phone, TakesRequests)}
        self._driver: Driver | None = None if make_driver is None else make_driver(self._asked, self)
        self._catching_up = CatchingUp(undecided)
        self._noting = Noting(engine)
        self._texts = Texts(rules, Replies(engine), self._noting, self._now)
        self.failures = Failures()
        self._lock = threading.RLock()  # held for no longer than it takes to decide
        self._calls = UnderWay()
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def concerns(self, number: object, parameters: Parameters) -> bool:
        """Whether a callback may be about a number with rules. Takes less than a microsecond."""
        rules = self._rules.current()
        return (rules is not None and number in rules.numbers) or passed_on.NAME in parameters.params

    def take(self, provider: str, kept: Kept) -> Answer | None:
        """What a callback is answered with by the rules, or None: then as if there were none.

        Never raises and never waits. A provider that is asked by requests hears of it by another way.
        """
        phone = self._phones.get(provider)
        if phone is None or not kept.trusted:
            return None
        if kept.again and provider in self._asked:
            return None  # unlike an answer, a request is made once, by the process that kept it first
        try:
            if kept.said.kind is Kind.VOICE and kept.said.session:
                with self._lock:
                    return self._call(provider, phone, kept, kept.said.session)
            if kept.said.type is EventType.SMS_RECEIVED:
                return self._sms(provider, kept)
        except Exception as error:
            logger.critical("cannot answer by the rules", provider=provider, error=type(error).__name__)
            answers = self._receptions[provider].answers
            return None if answers is None else answers.usual(kept.said.kind)
        return None

    def failed(self, provider: str, session: str, state: State) -> None:
        """See `receiver.answering.driving.Calls`."""
        try:
            rules = self._rules.version(state.version)
            if rules is None:
                logger.error("a call began by rules that nobody knows any more", provider=provider)
                self.failures.count(Reason.LOST)
                move = machine.given_up(state)
            else:
                move = machine.proceed(rules, state, StepFailed(state.asked))
            with self._lock:
                if not self._calls.is_beyond(provider, session, state):
                    self._told(provider, session, move, identity=None)
        except Exception as error:
            logger.critical("cannot go on with a call", provider=provider, error=type(error).__name__)

    def gone_on(self, provider: str, session: str, state: State) -> bool:
        """See `receiver.answering.driving.Calls`."""
        if self._calls.is_beyond(provider, session, state):
            return True
        try:
            newest = decisions.newest(self._engine, provider, session)
        except (SQLAlchemyError, Unreachable) as error:
            logger.warning("cannot see whether a call has gone on", error=type(error).__name__)
            return False
        return newest is not None and newest.beyond(state)

    def waits(self, provider: str, session: str, seconds: float) -> None:
        """See `receiver.answering.driving.Calls`."""
        until = self.clock() + timedelta(seconds=seconds)
        try:
            decisions.wait_longer(self._engine, provider, session, until)
        except (SQLAlchemyError, Unreachable) as error:
            logger.warning("cannot note that a call goes on", error=type(error).__name__)

    def gone(self, provider: str, session: str, state: State) -> None:
        """See `receiver.answering.driving.Calls`."""
        try:
            known_elsewhere = self.gone_on(provider, session, state)
            with self._lock:
                if known_elsewhere:
                    self._calls.forget(provider, session)
                else:
                    self._hung_up(provider, session, state, identity=None)
        except Exception as error:
            logger.critical("cannot end a call", provider=provider, error=type(error).__name__)

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
            provider, session, state = overdue.provider, overdue.session, overdue.state
            rules = self._rules.version(state.version)
            if rules is None or self._driver is None or provider not in self._asked:
                self.failed(provider, session, state)
            else:
                instruction = machine.awaited(rules, state)
                self._driver.overdue(self._task(provider, session, instruction, state))

    def flush(self, timeout: float) -> bool:
        """Wait until all that was decided is noted; False if that takes longer."""
        return self._noting.flush(timeout)

    def close(self, timeout: float) -> None:
        """Make the requests that are due, and note what was decided."""
        if self._driver is not None:
            self._driver.close(timeout)
        self._noting.close(timeout)

    def _now(self) -> datetime:
        return self.clock()

    def _call(self, provider: str, phone: Phone, kept: Kept, session: str) -> Answer | None:
        token = kept.parameters.first(passed_on.NAME)
        if token is not None:
            move = self._go_on(provider, phone, kept, session, token)
        elif kept.said.type is EventType.CALL_RINGING:
            rules = self._rules.current()
            move = None if rules is None else machine.begin(rules, self._rang(kept))
        else:
            if kept.said.type is EventType.CALL_ENDED:
                self._ended(provider, session, kept.identity)
            return None
        return None if move is None else self._told(provider, session, move, identity=kept.identity)

    def _go_on(self, provider: str, phone: Phone, kept: Kept, session: str, token: str) -> Move | None:
        try:
            state = self._passed_on.state(provider, session, token, self.clock())
        except Unreadable:
            logger.warning("a callback does not say where its call was", provider=provider)
            return self._recover(provider, session, kept)
        rules = self._rules.version(state.version)
        if rules is None:
            return self._recover(provider, session, kept)
        over = kept.said.type is EventType.CALL_ENDED
        happening = phone.happening(kept.said, kept.parameters, state.asked)
        if happening is None:
            return None
        if self._driver is not None:
            self._driver.heard(provider, session, state.asked, over=over)
        if over and state.over:
            return Move(None, state, ())  # as it was to be
        return machine.proceed(rules, state, happening)

    def _recover(self, provider: str, session: str, kept: Kept) -> Move | None:
        """A call is nobody knows where: the failure step, as far as its rule can be told."""
        self.failures.count(Reason.LOST)
        known = self._calls.of(provider, session)
        rules = None if known is None else self._rules.version(known.version)
        if known is not None and rules is not None:
            return machine.proceed(rules, known, StepFailed(known.asked))
        rules = self._rules.current()
        return None if rules is None else machine.recover(rules, self._rang(kept))

    def _rang(self, kept: Kept) -> Rang:
        return Rang(kept.recipient or "", number_of(kept.sender), self.clock(), self._rules.switches)

    def _told(self, provider: str, session: str, move: Move, *, identity: str | None) -> Answer | None:
        """Note a move and have it carried out."""
        now, instruction, state = self.clock(), move.instruction, move.state
        asked, open_until = self._asked.get(provider), None
        if asked is not None and instruction is not None:
            if state is not None and self._calls.has_come_to(provider, session, state):
                # What led to this came twice, or late: requests, unlike answers, are made once.
                late = tuple(replace(why, cause=Cause.LATE, tried=()) for why in move.why[:1])
                self._noting.add(Decided(provider, session, now, late, identity=identity))
                return None
            open_until = now + timedelta(seconds=asked.patience(instruction))
        waits_on = instruction is None and state is not None and not state.over
        kept = None if waits_on else state
        self._noting.add(Decided(provider, session, now, move.why, instruction, kept, identity, open_until))
        if kept is not None:
            self._calls.keep(provider, session, kept)
        if instruction is None or kept is None:
            return None
        if provider in self._readers:
            return self._readers[provider].render(instruction, self._next_url(provider, session, kept, now))
        if self._driver is not None:
            self._driver.ask(self._task(provider, session, instruction, kept))
        return None

    def _task(self, provider: str, session: str, instruction: Instruction, state: State) -> Task:
        next_url = self._next_url(provider, session, state, self.clock())
        return Task(provider, session, instruction, state, next_url)

    def _next_url(self, provider: str, session: str, state: State, now: datetime) -> str:
        if self._public_url is None:
            raise ValueError("PUBLIC_URL is not set")
        token = self._passed_on.token(provider, session, state, now)
        url = Here(self._public_url, self._keys()[0]).callback(provider, self._phones[provider].word)
        return f"{url}?{passed_on.NAME}={token}"

    def _ended(self, provider: str, session: str, identity: str) -> None:
        """A call is over, and its callback did not say where it was."""
        known = self._calls.of(provider, session)
        if known is not None:
            self._hung_up(provider, session, known, identity)
            if self._driver is not None:
                self._driver.heard(provider, session, known.asked, over=True)

    def _hung_up(self, provider: str, session: str, state: State, identity: str | None) -> None:
        self._calls.forget(provider, session)
        rules = self._rules.version(state.version)
        why: tuple[Why, ...] = ()
        if rules is not None and not state.over:
            why = machine.proceed(rules, state, CallerHungUp()).why
        elif provider not in self._asked:
            return  # as it was to be, and nobody waits for it
        over = replace(state, over=True)
        self._noting.add(Decided(provider, session, self.clock(), why, state=over, identity=identity))

    def _sms(self, provider: str, kept: Kept) -> Answer | None:
        given = self._texts.answer(provider, kept)
        if given is None:
            return None
        if provider in self._readers:
            return self._readers[provider].reply(given.text)
        if self._driver is not None and not given.again:
            self._driver.reply(Reply(provider, given.number, given.sender, given.text))
        return None
