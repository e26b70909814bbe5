"""The service's programs in processes of their own, forked from one that has loaded the application already.

To start Python and load the application takes most of a second of computing, and tests want it often.
"""

import functools
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from multiprocessing import forkserver, reduction
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from receiver.cli.server import Serving

ROOT = Path(__file__).parent.parent
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["loaded"])


def process(work: Callable, *args) -> BaseProcess:
    """A process that calls a function, forked from one that has loaded everything; not started yet."""
    _begin()
    return _forks.Process(target=_loaded, args=(work, *args))


@functools.cache
def _begin() -> None:
    """Start what is forked. It looks for modules where PYTHONPATH says, and says nothing of one it misses."""
    path = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    try:
        forkserver.ensure_running()
    finally:
        if path is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = path


def _loaded(work: Callable, *args) -> None:
    assert "loaded" in sys.modules, "what tests fork has to have loaded the application"
    work(*args)


def flask(words: Sequence[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end with this environment and no other."""
    return _ended(main, words, env)


def receiver(
    words: Sequence[str], env: dict[str, str], out: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """The same by our own command, whose output may go to a file."""
    return _ended(main_of_ours, words, env, out)


def _ended(
    program: Callable, words: Sequence[str], env: dict[str, str], out: Path | None = None
) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as folder:
        said, err = Path(folder, "out"), Path(folder, "err")
        code = run(_written, program, words, env, out or said, err)
        told = "" if out else said.read_text(encoding="utf-8")
        return subprocess.CompletedProcess(words, code, told, err.read_text(encoding="utf-8"))


def run(work: Callable, *args, timeout: float = 60) -> int:
    """Call a function in such a process; its exit code."""
    forked = process(work, *args)
    forked.start()
    forked.join(timeout)
    if forked.exitcode is None:
        forked.kill()
        forked.join()
        raise AssertionError(f"it did not end within {timeout:.0f} s")
    return forked.exitcode


def begin(
    words: Sequence[str],
    env: dict[str, str],
    descriptors: tuple[int, int, int],
    program: Callable | None = None,
) -> BaseProcess:
    """Start a command that has these as its input, output and errors: those of a terminal, for one."""
    forked = process(_begun, program or main, words, env, *map(_Descriptor, descriptors))
    forked.start()
    return forked


class Served:
    """`receiver serve` in a process that leads a session. To be asked as a `subprocess.Popen` is.

    It does not start another program once it has looked at the stores, and goes on as that one instead.
    """

    def __init__(self, port: int, env: dict[str, str], log: Path, workers: int = 1) -> None:
        self._process = process(_serve, port, env, log, workers)
        self._process.start()
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("serve", timeout)
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)


def _written(program: Callable, words: Sequence[str], env: dict[str, str], out: Path, err: Path) -> None:
    _write_to(out, err)
    os.environ.clear()
    program(words, env)


def _serve(port: int, env: dict[str, str], log: Path, workers: int) -> None:
    from receiver.cli import server  # noqa: PLC0415  # whoever only wants to fork loads nothing

    os.setsid()
    _write_to(log, log)
    multiprocessing.set_start_method("fork", force=True)  # as in a process that was not forked
    os.environ.clear()
    server.become = _become
    try:
        main(["serve", "--listen", f"127.0.0.1:{port}", "--workers", str(workers)], env)
    except _Becomes as becomes:
        serving = becomes.serving
    server.serve(serving)


def _become(serving: "Serving") -> NoReturn:
    """What starts another program closes: the server and its workers have nothing open."""
    from receiver import current  # noqa: PLC0415

    current.engine().dispose()
    current.writer().engine.dispose()
    current.spool().close()
    raise _Becomes(serving)


class _Becomes(BaseException):
    """The command is over, and the process serves."""

    def __init__(self, serving: "Serving") -> None:
        self.serving = serving


class _Descriptor:
    """One of this process that the other one gets."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __reduce__(self) -> tuple:
        return _taken, (reduction.DupFd(self._number),)


def _taken(descriptor) -> int:
    return descriptor.detach()


def _begun(program: Callable, words: Sequence[str], env: dict[str, str], *descriptors: int) -> None:
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = sys.__stdin__ = os.fdopen(0, closefd=False)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", closefd=False)
    os.environ.clear()
    program(words, env)


def _write_to(out: Path, err: Path) -> None:
    for descriptor, path in ((1, out), (2, err)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(opened, descriptor)
        os.close(opened)


def main(words: Sequence[str], env: dict[str, str]) -> None:
    """What the `flask` command does, in this process."""
    from flask.cli import main  # noqa: PLC0415

    _settle(env)
    sys.argv = ["flask", *words]
    main()


def main_of_ours(words: Sequence[str], env: dict[str, str]) -> None:
    """What the `receiver` command does, in this process."""
    from receiver.cli.__main__ import begin  # noqa: PLC0415

    _settle(env)
    sys.argv = ["receiver", *words]
    begin()


def _settle(env: dict[str, str]) -> None:
    os.environ.update(env)
    time.tzset()
    os.chdir(ROOT)
