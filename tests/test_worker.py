"""The parent of the workers hears a signal at any moment, and the server has what we replace in it."""

import contextlib
import inspect
import multiprocessing
import os
import signal
import sys
import threading

import forks
from granian import _signals
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server
from granian.server.mp import MPServer

from receiver.cli import worker

REACHED, BEYOND = 0, 7


def test_a_signal_is_heard_at_every_step_of_replacing_a_worker():
    step = 1
    while forks.run(stop_at, step, timeout=10) == REACHED:
        step += 1
    assert step > 10


def stop_at(step: int) -> None:
    """Serve with a worker that is killed, and be told to stop at that line of what the parent does about it;
    if it has fewer lines until the next worker, then. Does not return before it has stopped."""
    server = Server(
        "none:none",
        address="127.0.0.1",
        port=0,
        interface=Interfaces.ASGI,
        log_level=LogLevels.critical,
        respawn_failed_workers=True,
    )
    worker.mind_forks()
    worker.hear_every_signal(server)
    lines = None

    def trace(frame, event, _):
        nonlocal lines
        if frame.f_code.co_name == "_serve_loop" and event == "call":
            lines = 0
            (child,) = multiprocessing.active_children()
            os.kill(child.pid, signal.SIGKILL)
        elif frame.f_code.co_name == "_respawn_workers":
            sys.settrace(None)
            if lines < step:
                os.kill(os.getpid(), signal.SIGTERM)
        elif event == "line" and lines is not None:
            lines += 1
            if lines == step:
                os.kill(os.getpid(), signal.SIGTERM)
        return trace

    server.on_startup(lambda: sys.settrace(trace))
    with contextlib.suppress(SystemExit):  # when the worker that died was not replaced
        server.serve(_idle)
    os._exit(REACHED if lines >= step else BEYOND)


def _idle(*_) -> None:
    signal.pause()


def test_the_server_has_what_is_replaced_in_it():
    """These names are the server's own affair: look at `receiver/cli/worker.py` when another version has
    others."""
    replaced = inspect.getsource(MPServer._spawn_asgi_lifespan_worker)
    assert "set_loop_signals(loop)" in replaced, "granian tells its workers in another way to stop"
    assert callable(_signals.set_loop_signals)
    server = Server("none:none", interface=Interfaces.ASGI)
    assert isinstance(server.main_loop_interrupt, threading.Event), "granian's parent waits in another way"
