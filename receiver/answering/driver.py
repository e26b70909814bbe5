"""Asks providers for what calls do next, where an answer to a callback cannot tell them.

A few threads, started when they are needed, each with connections that it keeps: a request that is slow
delays no other call. What is waited for is kept in memory; the log has it too, for the process that comes
after this one.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count

from receiver.answering.driving import Calls, Reply, Task
from receiver.logs.log import get_logger
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


@dataclass(order=True, slots=True)
class _Job:
    due: float
    number: int
    run: Callable[[], None] = field(compare=False)
    urgent: bool = field(compare=False)
    """Whether it is done even when the process is about to stop."""


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
        self._phones, self._calls, self._pauses, self._most = phones, calls, pauses or PAUSES, threads
        self._changed = threading.Condition()
        self._jobs: list[_Job] = []
        self._numbers = count()
        self._open: dict[_Key, _Open] = {}
        self._asked: OrderedDict[_Key, int] = OrderedDict()
        self._recovering: set[_Key] = set()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._stopping = False

    def ask(self, task: Task) -> None:
        """Have an instruction carried out, unless it or a later one of the same call was asked for before."""
        key = task.provider, task.session
        with self._changed:
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
        with self._changed:
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
        with self._changed:
            if key in self._open or task.state.asked < self._asked.get(key, 0):
                return  # it is looked after here
            self._remember(key, task.state.asked)
            waiting = self._open[key] = _Open(task, time.monotonic(), recovers=True)
            self._plan(waiting, 0.0, self._attempt if waiting.ends else self._nothing_heard)

    def close(self, timeout: float) -> None:
        """Make the requests that are due, and no more. Calls that wait are left to the log."""
        ends = time.monotonic() + timeout
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            threads = list(self._threads)
        for thread in threads:
            thread.join(max(0.0, ends - time.monotonic()))

    # The threads.

    def _later(self, seconds: float, run: Callable[[], None], *, urgent: bool = False) -> None:
        """Do something then, in one of the threads. The caller holds the lock."""
        heapq.heappush(self._jobs, _Job(time.monotonic() + seconds, next(self._numbers), run, urgent))
        if self._idle:
            self._changed.notify()
        elif len(self._threads) < self._most and not self._stopping:
            thread = threading.Thread(target=self._work, name=f"calls-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                job.run()
            except Exception as error:  # the next call must not suffer
                logger.critical("cannot go on with a call", error=type(error).__name__)

    def _next(self) -> _Job | None:
        with self._changed:
            while True:
                wait = self._jobs[0].due - time.monotonic() if self._jobs else None
                if wait is not None and wait <= 0:
                    job = heapq.heappop(self._jobs)
                    if job.urgent or not self._stopping:
                        return job
                elif self._stopping:
                    return None
                else:
                    self._idle += 1
                    self._changed.wait(wait)
                    self._idle -= 1

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

        self._later(seconds, run, urgent=urgent)

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
        with self._changed:
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
        with self._changed:
            refused, pauses = waiting.refusals, self._pauses.occupied
            waiting.refusals += 1
            if refused < len(pauses):
                self._plan(waiting, pauses[refused], self._attempt)
                return
            old = time.monotonic() - waiting.since >= self._pauses.longest
            if (waiting.recovers or waiting.ends) and not old:
                self._plan(waiting, self._pauses.conversation, self._attempt)
                return
        # Another process was told the same and asked first. If not, the call is overdue in the log one day.
        self._close(waiting)

    def _failed(self, waiting: _Open, error: OperatorError, *, passing: bool) -> None:
        task = waiting.task
        with self._changed:
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
        if not waiting.ends:
            self._to_failure_step(waiting)

    def _nothing_heard(self, waiting: _Open) -> None:
        """The deadline has passed. Of a conversation nothing is heard until it is over."""
        if isinstance(waiting.task.instruction, Dial) and not waiting.probed:
            self._probe(waiting)
            return
        logger.warning("nothing was heard of a call in time", session=waiting.task.session)
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
        with self._changed:
            self._plan(waiting, pause, self._nothing_heard)

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
        with self._changed:
            if self._open.get(waiting.key) is not waiting:
                return False
            del self._open[waiting.key]
            return True

    # SMS.

    def _reply_later(self, seconds: float, reply: Reply, tried: int) -> None:
        with self._changed:
            self._later(seconds, lambda: self._reply(reply, tried), urgent=True)

    def _reply(self, reply: Reply, tried: int) -> None:
        try:
            self._phones[reply.provider].reply(reply.number, reply.sender, reply.text)
        except NotNow as error:
            if tried < len(self._pauses.failure):
                self._reply_later(self._pauses.failure[tried], reply, tried + 1)
            else:
                logger.error("an SMS was not answered", reason=error)
        except OperatorError as error:
            logger.error("an SMS was not answered", reason=error)
