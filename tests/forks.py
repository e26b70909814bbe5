"""`flask` in processes of its own, forked from one that has loaded the application already.

To start Python and load the application takes most of a second of computing, and tests want it often.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["forks", "receiver.app"])


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


def _flask(words: Sequence[str], env: dict[str, str], out: Path, err: Path) -> None:
    for descriptor, path in ((1, out), (2, err)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.environ.clear()
    main(words, env)


def main(words: Sequence[str], env: dict[str, str]) -> None:
    """What the `flask` command does, in this process."""
    from flask.cli import main  # noqa: PLC0415

    os.environ.update(env)
    time.tzset()
    os.chdir(ROOT)
    sys.argv = ["flask", *words]
    main()
