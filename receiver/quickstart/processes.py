"""The processes that a quickstart starts: ones that keep running, and commands that end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import click
import requests

from receiver.quickstart.errors import QuickstartError
from receiver.settings.files import CHECKOUT

READY_SECONDS = 30.0


class Child:
    """A process of ours that keeps running, with its output in a file."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    def wait_until(self, url: str) -> None:
        """Return once `url` answers 200."""
        end = time.monotonic() + READY_SECONDS
        problem = "no answer"
        with http() as session:
            while time.monotonic() < end:
                self.require_alive()
                try:
                    response = session.get(url, timeout=2)
                except requests.RequestException:
                    problem = "no answer"
                else:
                    if response.status_code == 200:
                        return
                    problem = f"HTTP {response.status_code}: {response.text.strip()[:300]}"
                time.sleep(0.1)
        raise QuickstartError(
            f"The {self.name} process was not ready within {READY_SECONDS:g} s ({url}: {problem}). "
            f"Its output:\n{self._output()}"
        )

    def require_alive(self) -> None:
        """Raise `QuickstartError` with the end of its output if it has ended."""
        code = self.process.poll()
        if code is not None:
            raise QuickstartError(
                f"The {self.name} process ended ({_ending(code)}). Its output:\n{self._output()}"
            )

    def follow(self) -> NoReturn:
        """Show what the process says from now on; ends only by an exception."""
        with self.log.open(encoding="utf-8", errors="replace") as said:
            said.seek(0, os.SEEK_END)
            while True:
                if text := said.read():
                    click.echo(text, nl=False, err=True)
                self.require_alive()
                time.sleep(0.3)

    def _output(self) -> str:
        return _last_lines(self.log.read_text(encoding="utf-8", errors="replace")) or "  (nothing)"


@contextlib.contextmanager
def started(
    name: str, command: tuple[str, ...], environment: Mapping[str, str], *, patience: float = 10.0
) -> Iterator[Child]:
    """A child that runs this module with its arguments for as long as the block lasts.

    It is stopped at the end, and killed if it takes longer than `patience` seconds.
    """
    log = CHECKOUT / "var" / f"{name}.log"
    with log.open("wb") as output:
        # Its own session, so that a Ctrl-C in the terminal reaches only us and we stop them in order.
        process = subprocess.Popen(  # noqa: S603  # our own modules
            [sys.executable, "-m", *command],
            cwd=CHECKOUT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Child(name, process, log)
    finally:
        _stop(process, patience)


def run_command(environment: Mapping[str, str], *command: str, show: bool = False, given: str = "") -> str:
    """What a command of the service printed; `show` lets it write to our own output instead."""
    sys.stdout.flush()
    done = subprocess.run(  # noqa: S603  # our own commands
        [sys.executable, "-m", "receiver.cli", *command],
        cwd=CHECKOUT,
        env=environment,
        input=given,
        stdout=None if show else subprocess.PIPE,
        stderr=None if show else subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        output = _last_lines(f"{done.stdout or ''}{done.stderr or ''}".strip())
        raise QuickstartError(f"receiver {' '.join(command)} failed ({_ending(done.returncode)}):\n{output}")
    return done.stdout or ""


def command_json(environment: Mapping[str, str], *command: str) -> Any:
    """The same with `--json`, read."""
    said = run_command(environment, *command, "--json")
    try:
        return json.loads(said)
    except ValueError as error:
        raise QuickstartError(
            f"receiver {' '.join(command)} --json did not print JSON:\n{said[:1000]}"
        ) from error


def environment_with(own: Mapping[str, str]) -> dict[str, str]:
    """A child's environment: ours, with `own` on top; settings themselves are read by `config` alone."""
    local = ",".join(filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1", "localhost", "::1")))
    plain = {"PYTHONUNBUFFERED": "1", "NO_PROXY": local, "no_proxy": local}
    inherited = {name: value for name, value in os.environ.items() if name != "FLASK_APP"}
    return inherited | plain | dict(own)


def http() -> requests.Session:
    """A session for ports of this machine."""
    session = requests.Session()
    session.trust_env = False  # a proxy of the environment cannot reach them
    return session


def _stop(process: subprocess.Popen[bytes], patience: float) -> None:
    try:
        process.terminate()
        process.wait(patience)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):  # a second Ctrl-C: at once, then
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # with its workers
        process.wait()


def _last_lines(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines()[-30:])


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
