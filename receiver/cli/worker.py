"""A worker process of `receiver serve`: how it is told to stop, what it waits for then, and that it does not
outlive its parent.

The server by itself stops once every connection has ended, so a stranger that stalls would decide how long
that takes. Here accepted callbacks decide, and nobody else for longer than a moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import os
import signal
import sys
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Protocol

from granian import _signals
from granian._granian import WorkerSignal
from granian.server.common import AbstractServer
from granian.server.mp import MPServer

STOPS = (signal.SIGTERM, signal.SIGINT)
_HANDLED = (*STOPS, signal.SIGHUP)
LINGER = 0.25
"""Seconds in which open connections are still served, and told with each answer that they end. A client that
would send on one that has just been closed gets no answer, and cannot know whether to try again."""
LAST_BYTES = 0.1
"""Seconds for the last answers to leave the process."""
_PR_SET_PDEATHSIG = 1


class Stoppable(Protocol):
    """What a worker serves."""

    def reread(self) -> None:
        """Read again what a person may have changed. Does not wait."""

    def leave(self) -> None:
        """Say with every answer from now on that its connection ends."""

    async def finish(self) -> None:
        """Wait for accepted callbacks, and a moment for others."""

    async def close(self) -> None:
        """Keep what was accepted; take no more."""

    def call_for_work(self, call: Callable[[], None]) -> None:
        """Call whenever there is something to do after the answer."""


def hear_every_signal(server: AbstractServer[Any]) -> None:
    """Let the parent stop whenever it is told to, also while it replaces a worker that died."""
    server.main_loop_interrupt = _Wakes()  # type: ignore[assignment]


def pass_on_hangups(server: AbstractServer[Any]) -> None:
    """Let SIGHUP mean to the workers what it means to daemons: read again what was changed. The server by
    itself would replace them all."""

    def pass_on(*_: object) -> None:
        for worker in list(server.wrks):
            if worker.is_alive():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker.inner.pid, signal.SIGHUP)

    server.signal_handler_reload = pass_on  # type: ignore[method-assign]


class _Wakes:
    """What the parent waits for, in place of the server's `threading.Event`.

    The server looks whether it was told to stop, and then clears the event: a signal in between was lost. One
    that came while the event itself was at work waited for the event's own lock, for ever. Here each `set`
    wakes the parent once, and a signal handler may call it at any moment.
    """

    def __init__(self) -> None:
        self._told: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        self._told.put(None)

    def wait(self) -> None:
        self._told.get()

    def clear(self) -> None:
        """Nothing to do: `wait` has taken what it returned for."""


def mind_forks() -> None:
    """A worker is forked from a process that has its own way to stop, which would do nothing in the worker: a
    signal that came before the worker was ready was lost. Until then it ends at once."""
    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED),
        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED),
        after_in_child=_forget_handlers,
    )


def run(
    parent: int,
    call: Callable[[], None] | None,
    worker: int,
    process: str | None,
    load: Callable[[], Stoppable],
    *rest: Any,
) -> None:
    """The whole life of a worker. `call` makes the parent start a `receiver work`."""
    end_with(parent)
    # To collect garbage while modules load takes a quarter of the time until it serves.
    gc.disable()
    served = load()
    gc.freeze()
    gc.enable()
    if call is not None:
        served.call_for_work(call)
    _signals.set_loop_signals = lambda loop: _stop_by(loop, served)
    MPServer._spawn_asgi_lifespan_worker(worker, process, lambda: served, *rest)
    os._exit(0)  # without waiting for threads in which a page waits for something


def _forget_handlers() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # from a terminal it goes to the parent too
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it has read nothing yet
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)


def end_with(parent: int) -> None:
    """Be told to stop when the parent dies: nobody would look after this process, and the next start would
    find the address in use."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)


def _stop_by(loop: asyncio.AbstractEventLoop, served: Stoppable) -> WorkerSignal:
    """The server's own way to be stopped, with ours in front of it."""
    stop, stopping = WorkerSignal(), set[asyncio.Task[None]]()

    def begin() -> None:
        if not stopping:  # the server would hang on a second signal
            stopping.add(loop.create_task(_stop(served, stop)))

    for number in STOPS:
        loop.add_signal_handler(number, begin)
    loop.add_signal_handler(signal.SIGHUP, served.reread)
    return stop


async def _stop(served: Stoppable, stop: WorkerSignal) -> None:
    served.leave()
    await asyncio.sleep(LINGER)
    stop.set()
    await served.finish()
    await asyncio.sleep(LAST_BYTES)
    # By now the server has ended by itself unless somebody stalls.
    await served.close()
    os._exit(0)
