"""The service's programs in processes of their own, forked from one that has loaded the application already.

To start Python and load the application takes most of a second of computing, and tests want it often.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["forks", "loaded"])


def flask(words: Sequence[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end with this environment and no other."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        code = run(_flask, words, env, out, err)
        return subprocess.CompletedProcess(
            ["flask", *words], code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8")
        )


def run(work: Callable, *args, timeout: float = 60) -> int:
    """Call a function in such a process; its exit code."""
    process = _forks.Process(target=work, args=args)
    process.start()
    process.join(timeout)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError(f"it did not end within {timeout:.0f} s")
    return process.exitcode


class Served:
    """What `receiver serve` becomes once it has looked at the stores, in a process that leads a session.

    To be asked as a `subprocess.Popen` is.
    """

    def __init__(self, port: int, env: dict[str, str], log: Path) -> None:
        self._process = _forks.Process(target=_serve, args=(port, env, log))
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


def _flask(words: Sequence[str], env: dict[str, str], out: Path, err: Path) -> None:
    _write_to(out, err)
    os.environ.clear()
    main(words, env)


def _serve(port: int, env: dict[str, str], log: Path) -> None:
    from config import Config  # noqa: PLC0415  # whoever only wants to fork loads nothing
    from receiver.cli.server import Serving, serve  # noqa: PLC0415

    os.setsid()
    _write_to(log, log)
    multiprocessing.set_start_method("fork", force=True)  # as in a process that was not forked
    os.environ.clear()
    _settle(env)
    config = Config.from_env()
    serve(
        Serving(
            host="127.0.0.1",
            port=port,
            workers=1,
            connections=config.connection_limit,
            stop_timeout=config.stop_timeout,
            works=True,
            log_format=config.log_format,
            log_level=config.log_level,
        )
    )


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


def _settle(env: dict[str, str]) -> None:
    os.environ.update(env)
    time.tzset()
    os.chdir(ROOT)
