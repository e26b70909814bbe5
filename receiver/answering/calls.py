"""Calls answered by the rules: what is heard of one leads to what it is told next."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from receiver.answering import decisions, machine
from receiver.answering.decisions import Decided, Overdue
from receiver.answering.driving import Driver, MakeDriver, Reply, Task
from receiver.answering.failures import Failures, Reason
from receiver.answering.in_force import RulesInForce
from receiver.answering.machine import Move
from receiver.answering.noting import Noting
from receiver.answering.onward import Onward
from receiver.answering.passed_on import Unreadable
from receiver.answering.rules import Rules
from receiver.answering.state import State
from receiver.answering.texts import Texts, number_of
from receiver.answering.under_way import UnderWay
from receiver.answering.why import Cause, Why
from receiver.db.engine import Unreachable
from receiver.logs.log import get_logger
from receiver.providers.answer import Answer
from receiver.providers.base import Kept
from receiver.providers.phone import Phone, ReadsAnswers, TakesRequests
from receiver.vocabulary.answering import CallerHungUp, Instruction, Rang, StepFailed
from receiver.vocabulary.kinds import EventType

logger = get_logger(__name__)


class RuledCalls:
    """What one process does with calls to numbers that have rules. To its driver it is `driving.Calls`."""

    def __init__(
        self,
        engine: Engine,
        rules: RulesInForce,
        phones: Mapping[str, Phone],
        onward: Onward,
        *,
        texts: Texts,
        noting: Noting,
        clock: Callable[[], datetime],
        make_driver: MakeDriver | None,
    ) -> None:
        self._engine, self._rules, self._phones = engine, rules, phones
        self._onward, self._texts, self._noting, self._clock = onward, texts, noting, clock
        self._readers = {name: phone for name, phone in phones.items() if isinstance(phone, ReadsAnswers)}
        self._asked = {name: phone for name, phone in phones.items() if isinstance(phone, TakesRequests)}
        self._driver: Driver | None = None if make_driver is None else make_driver(self._asked, self)
        self._lock = threading.RLock()  # held for no longer than it takes to decide
        self._under_way = UnderWay()
        self.failures = Failures()

    def heard(self, provider: str, kept: Kept, session: str) -> Answer | None:
        """What a callback about a call is answered with; None if that is not for the rules to say."""
        with self._lock:
            move = self._move(provider, kept, session)
            return None if move is None else self._told(provider, session, move, identity=kept.identity)

    def reply(self, reply: Reply) -> None:
        """Have an SMS answered."""
        if self._driver is not None:
            self._driver.reply(reply)

    def take_over(self, overdue: Overdue) -> None:
        """Go on with a call of another process, of which nothing was heard in time."""
        provider, session, state = overdue.provider, overdue.session, overdue.state
        rules = self._rules.version(state.version)
        if rules is None or self._driver is None or provider not in self._asked:
            self.failed(provider, session, state)
        else:
            self._driver.overdue(self._task(provider, session, machine.awaited(rules, state), state))

    def close(self, timeout: float) -> None:
        """Make the requests that are due."""
        if self._driver is not None:
            self._driver.close(timeout)

    # What the driver tells: see `receiver.answering.driving.Calls`.

    def failed(self, provider: str, session: str, state: State) -> None:
        try:
            rules = self._rules.version(state.version)
            if rules is None:
                logger.error("a call began by rules that nobody knows any more", provider=provider)
                self.failures.count(Reason.LOST)
                move = machine.given_up(state)
            else:
                move = machine.proceed(rules, state, StepFailed(state.asked))
            with self._lock:
                if not self._under_way.is_beyond(provider, session, state):
                    self._told(provider, session, move, identity=None)
        except Exception as error:
            logger.critical("cannot go on with a call", provider=provider, error=type(error).__name__)

    def gone_on(self, provider: str, session: str, state: State) -> bool:
        if self._under_way.is_beyond(provider, session, state):
            return True
        try:
            newest = decisions.newest(self._engine, provider, session)
        except (SQLAlchemyError, Unreachable) as error:
            logger.warning("cannot see whether a call has gone on", error=type(error).__name__)
            return False
        return newest is not None and newest.beyond(state)

    def waits(self, provider: str, session: str, seconds: float) -> None:
        until = self._clock() + timedelta(seconds=seconds)
        try:
            decisions.wait_longer(self._engine, provider, session, until)
        except (SQLAlchemyError, Unreachable) as error:
            logger.warning("cannot note that a call goes on", error=type(error).__name__)

    def gone(self, provider: str, session: str, state: State) -> None:
        try:
            known_elsewhere = self.gone_on(provider, session, state)
            with self._lock:
                if known_elsewhere:
                    self._under_way.forget(provider, session)
                else:
                    self._hung_up(provider, session, state, identity=None)
        except Exception as error:
            logger.critical("cannot end a call", provider=provider, error=type(error).__name__)

    def not_answered(self, reply: Reply, reason: str) -> None:
        self.failures.count(Reason.REPLY)
        self._texts.not_sent(reply.given, reason)

    def perhaps_answered(self, reply: Reply) -> None:
        self.failures.count(Reason.REPLY)
        self._texts.perhaps_sent(reply.given)

    # What follows from a callback.

    def _move(self, provider: str, kept: Kept, session: str) -> Move | None:
        token = self._onward.token(provider, kept.parameters)
        missed = self._onward.missed(provider, kept.parameters) is not None
        if token is not None:
            move = self._go_on(provider, kept, session, token)
        elif kept.said.type is EventType.CALL_RINGING:
            rules = self._rules_for(kept)
            move = None if rules is None else machine.begin(rules, self._rang(kept))
        elif kept.said.type is EventType.CALL_ENDED:
            self._ended(provider, session, kept.identity)
            return None
        else:
            move = self._recover(provider, session, kept) if missed else None
        if missed and move is not None:
            logger.warning("a call came to the fallback URL: the other did not answer", provider=provider)
            return replace(move, why=(Why(Cause.ELSEWHERE), *move.why))
        return move

    def _go_on(self, provider: str, kept: Kept, session: str, token: str) -> Move | None:
        try:
            state = self._onward.state(provider, session, token, self._clock())
        except Unreadable:
            logger.warning("a callback does not say where its call was", provider=provider)
            return self._recover(provider, session, kept)
        rules = self._rules.version(state.version)
        if rules is None:
            return self._recover(provider, session, kept)
        over = kept.said.type is EventType.CALL_ENDED
        happening = self._phones[provider].happening(kept.said, kept.parameters, state.asked)
        if happening is None:
            return None
        if self._driver is not None:
            self._driver.heard(provider, session, state.asked, over=over)
        if over and state.over:
            return Move(None, state, ())  # as it was to be
        move = machine.proceed(rules, state, happening)
        return Move(None, replace(move.state or state, over=True), move.why) if over else move

    def _recover(self, provider: str, session: str, kept: Kept) -> Move | None:
        """A call is nobody knows where: the failure step, as far as its rule can be told."""
        self.failures.count(Reason.LOST)
        known = self._under_way.of(provider, session)
        rules = None if known is None else self._rules.version(known.version)
        if known is not None and rules is not None:
            return machine.proceed(rules, known, StepFailed(known.asked))
        rules = self._rules_for(kept)
        return None if rules is None else machine.recover(rules, self._rang(kept))

    def _rules_for(self, kept: Kept) -> Rules | None:
        """The rules in force, if there are any for the number that was called."""
        rules = self._rules.current()
        return rules if rules is not None and kept.recipient in rules.numbers else None

    def _rang(self, kept: Kept) -> Rang:
        return Rang(kept.recipient or "", number_of(kept.sender), self._clock(), self._rules.switches)

    def _ended(self, provider: str, session: str, identity: str) -> None:
        """A call is over, and its callback did not say where it was."""
        known = self._under_way.of(provider, session)
        if known is not None:
            self._hung_up(provider, session, known, identity)
            if self._driver is not None:
                self._driver.heard(provider, session, known.asked, over=True)

    def _hung_up(self, provider: str, session: str, state: State, identity: str | None) -> None:
        self._under_way.forget(provider, session)
        rules = self._rules.version(state.version)
        why: tuple[Why, ...] = ()
        if rules is not None and not state.over:
            why = machine.proceed(rules, state, CallerHungUp()).why
        elif provider not in self._asked:
            return  # as it was to be, and nobody waits for it
        over = replace(state, over=True)
        self._noting.add(Decided(provider, session, self._clock(), why, state=over, identity=identity))

    # What a call is told.

    def _told(self, provider: str, session: str, move: Move, *, identity: str | None) -> Answer | None:
        """Note a move and have it carried out."""
        instruction, state = move.instruction, move.state
        if instruction is None or state is None:
            self._note(provider, session, move, identity)
            return None
        if provider in self._asked and self._under_way.has_come_to(provider, session, state):
            # What led to this came twice, or late: requests, unlike answers, are made once.
            late = tuple(replace(why, cause=Cause.LATE, tried=()) for why in move.why[:1])
            self._note(provider, session, Move(None, None, late), identity)
            return None
        self._note(provider, session, move, identity)
        return self._carry_out(provider, session, instruction, state)

    def _note(self, provider: str, session: str, move: Move, identity: str | None) -> None:
        """Note a move: where the call is then, and until when something must be heard of it."""
        now, instruction, state = self._clock(), move.instruction, move.state
        asked, open_until = self._asked.get(provider), None
        if asked is not None and instruction is not None:
            open_until = now + timedelta(seconds=asked.patience(instruction))
        if instruction is None and state is not None and not state.over:
            state = None  # it waits for what it waited for before
        self._noting.add(Decided(provider, session, now, move.why, instruction, state, identity, open_until))
        if state is not None:
            self._under_way.keep(provider, session, state)

    def _carry_out(
        self, provider: str, session: str, instruction: Instruction, state: State
    ) -> Answer | None:
        """The document for an instruction; None if it is asked for by a request instead."""
        if provider in self._readers:
            next_url = self._onward.url(provider, session, state, self._clock())
            return self._readers[provider].render(instruction, next_url)
        if self._driver is not None:
            self._driver.ask(self._task(provider, session, instruction, state))
        return None

    def _task(self, provider: str, session: str, instruction: Instruction, state: State) -> Task:
        next_url = self._onward.url(provider, session, state, self._clock())
        return Task(provider, session, instruction, state, next_url)
