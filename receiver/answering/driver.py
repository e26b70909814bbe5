"""Asks providers for what calls do next, where an answer to a callback cannot tell them.

What is waited for is kept in memory. The log has it too, for the process that comes after this one, and for
those beside it: the next news of a call may come to any of them, so before a call is given up for lost, the
log is asked whether it has gone on.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from receiver.answering.driving import Calls, Reply, Task
from receiver.answering.failures import Reason
from receiver.answering.later import Later
from receiver.logs.log import get_logger
from receiver.providers.errors import OutcomeUnknown, ProviderError
from receiver.providers.phone import CallOver, NotNow, Occupied, TakesRequests
from receiver.vocabulary.answering import Dial, HangUp, Reject, Say, Speech
from receiver.vocabulary.errors import OperatorError

logger = get_logger(__name__)

THREADS = 16
"""Twice as many as the calls that an account has at a time."""
REMEMBERED = 10_000
"""Calls of which it is remembered what was asked last: what comes twice comes soon."""
_Key = tuple[str, str]
_OVER = 1 << 62
_SILENCE = Say(Speech("", "en"))
"""Asks for nothing; but only of a call that waits for something is it accepted."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds before something is tried again."""

    failure: tuple[float, ...] = (0.25, 1.0)
    """After each failure that may pass; then the call goes to its failure step."""
    occupied: tuple[float, ...] = (0.1, 0.3, 1.0)
    """While the call is at something else; then `conversation`."""
    conversation: float = 30.0
    ending: float = 5.0
    """Between attempts to end a call that fail: nothing else can be done with it."""
    longest: float = 4 * 3600.0
    """After which a call is left alone."""


PAUSES = Pauses()


@dataclass(eq=False, slots=True)
class _Open:
    """A call that waits: for its request to be accepted, or then for news."""

    task: Task
    since: float
    recovers: bool
    """Whether it goes to its failure step: then it may still be at what it was asked for before."""
    failures: int = 0
    refusals: int = 0
    probed: bool = False
    turn: int = 0
    """Counts what is planned for it: of several plans the last one holds."""

    @property
    def ends(self) -> bool:
        return isinstance(self.task.instruction, HangUp | Reject)

    @property
    def key(self) -> _Key:
        return self.task.provider, self.task.session


class Requests:
    """Makes the requests, at most one at a time for each call."""

    def __init__(
        self,
        phones: Mapping[str, TakesRequests],
        calls: Calls,
        *,
        pauses: Pauses | None = None,
        threads: int = THREADS,
    ) -> None:
        self._phones, self._calls, self._pauses = phones, calls, pauses or PAUSES
        self._later, self._lock = Later(threads), threading.Lock()
        self._open: dict[_Key, _Open] = {}
        self._asked: OrderedDict[_Key, int] = OrderedDict()
        self._recovering: set[_Key] = set()

    def ask(self, task: Task) -> None:
        """Have an instruction carried out, unless it or a later one of the same call was asked for before."""
        key = task.provider, task.session
        with self._lock:
            if task.state.asked <= self._asked.get(key, 0):
                return
            self._remember(key, task.state.asked)
            waiting = self._open[key] = _Open(task, time.monotonic(), recovers=key in self._recovering)
            self._plan(waiting, 0.0, self._attempt, urgent=True)

    def reply(self, reply: Reply) -> None:
        """Answer an SMS."""
        self._reply_later(0.0, reply, 0)

    def heard(self, provider: str, session: str, asked: int, *, over: bool) -> None:
        """Something was heard of an instruction, so its deadline is off; `over` if the call has ended."""
        key = provider, session
        with self._lock:
            waiting = self._open.get(key)
            if waiting is not None and (over or asked >= waiting.task.state.asked):
                del self._open[key]
            elif waiting is not None and waiting.refusals:
                self._plan(waiting, 0.0, self._attempt)  # what it was at is over
            if over:
                self._remember(key, _OVER)

    def overdue(self, task: Task) -> None:
        """Take over a call of another process, of which nothing was heard in time."""
        key = task.provider, task.session
        with self._lock:
            if key in self._open or task.state.asked < self._asked.get(key, 0):
                return  # it is looked after here
            self._remember(key, task.state.asked)
            waiting = self._open[key] = _Open(task, time.monotonic(), recovers=True)
            self._plan(waiting, 0.0, self._attempt if waiting.ends else self._nothing_heard)

    def close(self, timeout: float) -> None:
        """Make the requests that are due, and no more. Calls that wait are left to the log."""
        self._later.close(timeout)

    # Calls.

    def _remember(self, key: _Key, asked: int) -> None:
        self._asked[key] = asked
        self._asked.move_to_end(key)
        while len(self._asked) > REMEMBERED:
            self._asked.popitem(last=False)

    def _plan(
        self, waiting: _Open, seconds: float, step: Callable[[_Open], None], *, urgent: bool = False
    ) -> None:
        """Go on with a call then, unless it has gone on by itself. The caller holds the lock."""
        waiting.turn += 1
        turn = waiting.turn

        def run() -> None:
            if self._open.get(waiting.key) is waiting and waiting.turn == turn:
                step(waiting)

        self._later.do(seconds, run, urgent=urgent)

    def _attempt(self, waiting: _Open) -> None:
        """Make the request of a call."""
        task = waiting.task
        try:
            self._phones[task.provider].request(task.session, task.instruction, task.next_url)
        except CallOver:
            self._ended(waiting)
        except Occupied:
            self._occupied(waiting)
        except NotNow as error:
            self._failed(waiting, error, passing=True)
        except OperatorError as error:
            self._failed(waiting, error, passing=False)
        else:
            self._accepted(waiting)

    def _accepted(self, waiting: _Open) -> None:
        with self._lock:
            if self._open.get(waiting.key) is not waiting:
                return  # its news came before the answer
            if waiting.ends:
                del self._open[waiting.key]
                return
            patience = self._phones[waiting.task.provider].patience(waiting.task.instruction)
            self._plan(waiting, patience, self._nothing_heard)

    def _ended(self, waiting: _Open) -> None:
        task = waiting.task
        if self._close(waiting):
            self.heard(task.provider, task.session, task.state.asked, over=True)
            self._calls.gone(task.provider, task.session, task.state)

    def _occupied(self, waiting: _Open) -> None:
        """The call is at something else: what was asked before, or this, if the answer to it was lost."""
        if waiting.failures:
            self._accepted(waiting)
            return
        if self._gone_on(waiting):
            return
        with self._lock:
            refused, pauses = waiting.refusals, self._pauses.occupied
            waiting.refusals += 1
            if refused < len(pauses):
                self._plan(waiting, pauses[refused], self._attempt)
                return
            old = time.monotonic() - waiting.since >= self._pauses.longest
            if (waiting.recovers or waiting.ends) and not old:
                self._plan(waiting, self._pauses.conversation, self._attempt)
                return
        # Another process asked first. If not, the call is overdue in the log one day.
        self._close(waiting)

    def _failed(self, waiting: _Open, error: OperatorError, *, passing: bool) -> None:
        task = waiting.task
        with self._lock:
            tried, pauses = waiting.failures, self._pauses.failure
            waiting.failures += 1
            if passing and tried < len(pauses):
                self._plan(waiting, pauses[tried], self._attempt)
                return
            old = time.monotonic() - waiting.since >= self._pauses.longest
            if passing and waiting.ends and not old:
                self._plan(waiting, self._pauses.ending, self._attempt)
                return
        logger.error("a step of a call failed", session=task.session, reason=error)
        self._calls.failures.count(Reason.UNAVAILABLE if passing else Reason.REFUSED)
        if not waiting.ends:
            self._to_failure_step(waiting)

    def _nothing_heard(self, waiting: _Open) -> None:
        """The deadline has passed. Of a conversation nothing is heard until it is over."""
        if self._gone_on(waiting):
            return
        if isinstance(waiting.task.instruction, Dial) and not waiting.probed:
            self._probe(waiting)
            return
        logger.warning("nothing was heard of a call in time", session=waiting.task.session)
        self._calls.failures.count(Reason.SILENCE)
        self._to_failure_step(waiting)

    def _probe(self, waiting: _Open) -> None:
        """Ask for nothing: a call that is in conversation refuses that, another one tells when it is done."""
        task, pause = waiting.task, self._pauses.conversation
        phone = self._phones[task.provider]
        try:
            phone.request(task.session, _SILENCE, task.next_url)
        except CallOver:
            self._ended(waiting)
            return
        except (Occupied, NotNow):
            self._calls.waits(task.provider, task.session, 2 * pause)
            waiting.probed = time.monotonic() - waiting.since >= self._pauses.longest
        except OperatorError:
            waiting.probed, pause = True, 0.0
        else:
            waiting.probed, pause = True, phone.patience(_SILENCE)
        with self._lock:
            self._plan(waiting, pause, self._nothing_heard)

    def _gone_on(self, waiting: _Open) -> bool:
        """Whether another process has gone on with a call; then it is waited for no longer."""
        task = waiting.task
        return self._calls.gone_on(task.provider, task.session, task.state) and self._close(waiting)

    def _to_failure_step(self, waiting: _Open) -> None:
        task, key = waiting.task, waiting.key
        if not self._close(waiting):
            return
        self._recovering.add(key)
        try:
            self._calls.failed(task.provider, task.session, task.state)
        finally:
            self._recovering.discard(key)

    def _close(self, waiting: _Open) -> bool:
        """Wait for a call no longer; whether it was still waited for."""
        with self._lock:
            if self._open.get(waiting.key) is not waiting:
                return False
            del self._open[waiting.key]
            return True

    # SMS.

    def _reply_later(self, seconds: float, reply: Reply, tried: int) -> None:
        self._later.do(seconds, lambda: self._reply(reply, tried), urgent=True)

    def _reply(self, reply: Reply, tried: int) -> None:
        try:
            given = reply.given
            self._phones[reply.provider].reply(given.number, given.sender, given.text)
        except OutcomeUnknown as error:
            logger.error("an SMS was perhaps not answered", reason=error)
            self._calls.perhaps_answered(reply)
        except OperatorError as error:
            if isinstance(error, NotNow) and tried < len(self._pauses.failure):
                self._reply_later(self._pauses.failure[tried], reply, tried + 1)
                return
            logger.error("an SMS was not answered", reason=error)
            why = error.reason if isinstance(error, ProviderError) else str(error)
            self._calls.not_answered(reply, why)
