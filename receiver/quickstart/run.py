"""`make run`: the service on this machine, from nothing to the first events.

Without the provider's credentials it starts the simulator, sets up two numbers at it, and lets a call, a fax
and an SMS arrive. It drives the surfaces everyone else has (commands and HTTP) and imports only the settings.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click
import requests

from config import Config, ConfigError

ROOT = Path(__file__).resolve().parent.parent.parent
READY_SECONDS = 30.0
ARRIVAL_SECONDS = 30.0
SIMULATOR_LISTEN = "127.0.0.1:8100"
DEMO_DATABASE = "sqlite:///var/demo.db"
DEMO_SETTINGS = "var/demo.env"
DEMO_SENDER = "+6591234567"
DEMO_USER = "demo"
_PURPOSES = {
    "voice": ("--kind", "voice,sms"),
    "fax": ("--kind", "fax"),
}
_PURCHASES = {
    "voice": ("--country", "US", "--state", "CA", "--months", "1"),
    "fax": ("--country", "SG", "--months", "1"),
}
_ARRIVALS = (("calls", "voice", None), ("faxes", "fax", None), ("sms", "voice", "Hello from the simulator"))

Address = tuple[str, int]


class QuickstartError(Exception):
    """It cannot go on; the message says why and what to do."""


class _Address(click.ParamType[Address]):
    name = "HOST:PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        if isinstance(value, tuple):
            return value
        host, _, port = str(value).rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
            self.fail(f"{value!r} is not a host and a port such as 127.0.0.1:8000.", param, ctx)
        return host, int(port)


@click.command()
@click.option(
    "--listen", type=_Address(), default="127.0.0.1:8000", show_default=True, help="Where to serve."
)
def main(listen: Address) -> None:
    """Serve Receiver on this machine; against a simulated provider when there are no credentials."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    os.chdir(ROOT)
    steps = _Steps()
    try:
        config = _settings(steps)
        require_free(listen)
        with _only_one(), contextlib.ExitStack() as children:
            if config.has_credentials:
                server = _serve_real(config, listen, steps, children)
            else:
                server = _serve_demo(config, listen, steps, children)
            with contextlib.suppress(KeyboardInterrupt):
                click.echo("\nServing until Ctrl-C.\n")
                server.follow()
            click.echo("\nStopping: callbacks that were accepted are written first.")
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    except QuickstartError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    except requests.RequestException as error:
        click.echo(f"The simulator did not answer as it should ({error}); see var/simulator.log.", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        click.echo("\nInterrupted before it was ready; everything started was stopped.", err=True)
        sys.exit(130)


# --- Settings ---


def _settings(steps: _Steps) -> Config:
    path = ROOT / ".env"
    if make_env(path):
        steps.say("Wrote .env with fresh secrets (readable by you only)")
    config = Config.from_env(dotenv=path)
    if (config.hoiio_app_id is None) != (config.hoiio_access_token is None):
        raise ConfigError(
            "wrong settings:\n  HOIIO_APP_ID, HOIIO_ACCESS_TOKEN: set both, or neither to use the simulator"
        )
    return config


def make_env(path: Path) -> bool:
    """Write a settings file with fresh secrets, unless there is one; whether it was written."""
    lines = [
        "# Written by `make run`. All settings: README.md",
        *(f"{name}={secrets.token_urlsafe(24)}" for name in ("CALLBACK_KEYS", "API_TOKENS", "SECRET_KEY")),
    ]
    if path.exists() or path.is_symlink():
        return False
    try:
        # Private from its first moment, and whole or not there: the name is taken when the text is in.
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
            os.link(draft, path)  # unlike a rename, never takes another file's place
        finally:
            draft.unlink()
    except FileExistsError:
        return False
    except OSError as error:
        raise QuickstartError(f"Cannot write {path}: {error.strerror}.") from error
    return True


def mask(secret: str) -> str:
    """A secret, to be recognised by who has it and of no use to who has not."""
    return f"{secret[:3]}…"


# --- The two ways to run ---


def _serve_real(config: Config, listen: Address, steps: _Steps, children: contextlib.ExitStack) -> _Child:
    environment = _environment({})
    _flask(environment, "db", "upgrade")
    steps.say("Database is up to date")
    server = _start_server(config, listen, environment, steps, children)
    where = f"{config.public_url or 'https://<PUBLIC_URL>/'}callbacks/"
    key = mask(config.callback_keys[0].get_secret_value())
    click.echo(f"\nCallbacks go to   {where}{key}/voice, /fax and /sms")
    if config.public_url is None:
        click.echo("Set PUBLIC_URL first: the address at which the provider reaches this service.")
    click.echo(
        f"Make a user of the console at {_url(listen)}/ with\n"
        "  .venv/bin/flask users add NAME --role operate\n"
        "Point numbers here with (shows steps and prices, then asks)\n"
        "  .venv/bin/flask setup --country SG --kind voice --months 1\n"
        "See what arrived with\n"
        "  .venv/bin/flask events list\n"
        f"{_api_hint(config, listen)}"
    )
    return server


def _serve_demo(config: Config, listen: Address, steps: _Steps, children: contextlib.ExitStack) -> _Child:
    steps.say("No credentials in the settings: using a simulated provider, no money is spent")
    simulator = _free(SIMULATOR_LISTEN)
    command = ("receiver.simulator", "--listen", simulator, "--state", "var/simulator.json")
    account = ("--app-id", "sim-app", "--access-token", "sim-token")
    provider = children.enter_context(_child("simulator", (*command, *account), _environment({})))
    provider.wait_until(f"http://{simulator}/control/account")
    steps.say(f"Simulator answers on http://{simulator}/")

    settings = {
        "HOIIO_APP_ID": "sim-app",
        "HOIIO_ACCESS_TOKEN": "sim-token",
        "HOIIO_API_URL": f"http://{simulator}/open/",
        "PUBLIC_URL": _url(listen),
        # A log of its own: nothing simulated may ever stand in a real one.
        "DATABASE_URL": DEMO_DATABASE,
        "SPOOL_DIR": "var/demo-spool",
    }
    Path(DEMO_SETTINGS).write_text(
        f"# Written by `make run`, for commands on the demo: `flask -e {DEMO_SETTINGS} doctor`\n"
        + "".join(f"{name}={value}\n" for name, value in settings.items()),
        encoding="utf-8",
    )
    environment = _environment(settings)
    _flask(environment, "db", "upgrade")
    steps.say("Demo database var/demo.db is up to date")
    server = _start_server(config, listen, environment, steps, children)

    numbers = _set_up(environment)
    steps.say(f"Numbers point here: {numbers['voice']} (voice, SMS) and {numbers['fax']} (fax)")

    sent: Counter[str] = Counter()
    for path, kind, text in _ARRIVALS:
        order = {"from": DEMO_SENDER, "to": numbers[kind]} | ({} if text is None else {"text": text})
        sent += _arrive(f"http://{simulator}/control/{path}", order)
    steps.say(f"A call, a fax and an SMS came in from {DEMO_SENDER}")
    _wait_for_events(environment, sent, server)
    steps.say("All of them are in the log:\n")
    _flask(environment, "events", "list", show=True)
    click.echo(
        f"\n{_console_hint(config, listen, environment)}"
        "Try the commands on the demo, such as\n"
        f"  .venv/bin/flask -e {DEMO_SETTINGS} events list\n"
        f"  .venv/bin/flask -e {DEMO_SETTINGS} doctor\n"
        f"{_api_hint(config, listen)}"
        "Let another SMS arrive with\n"
        f"  curl -H 'Content-Type: application/json' http://{simulator}/control/sms \\\n"
        f'    -d \'{{"from": "{DEMO_SENDER}", "to": "{numbers["voice"]}", "text": "Hello again"}}\'\n'
    )
    return server


def _start_server(
    config: Config,
    listen: Address,
    environment: Mapping[str, str],
    steps: _Steps,
    children: contextlib.ExitStack,
) -> _Child:
    command = ("flask", "serve", "--listen", _written(listen))
    server = children.enter_context(_child("serve", command, environment, patience=config.stop_timeout + 5))
    server.wait_until(f"{_url(listen)}/health/ready")
    steps.say(f"Service is ready on {_url(listen)} (its output: var/serve.log)")
    return server


def _set_up(environment: Mapping[str, str]) -> dict[str, str]:
    """A number for voice and SMS and one for fax that point here; bought if the account has none."""
    held = pick_numbers(_flask_json(environment, "numbers", "list"))
    for purpose, kinds in _PURPOSES.items():
        # A number of an earlier run may point at another port. Setup would rightly buy one beside it, because
        # it may be in use elsewhere; all numbers of the simulated account are the demo's own.
        known = ("--number", held[purpose], "--take-over") if purpose in held else _PURCHASES[purpose]
        _flask(environment, "setup", *known, *kinds, "--yes")
    numbers = pick_numbers(_flask_json(environment, "numbers", "list")) | held
    if missing := _PURPOSES.keys() - numbers.keys():
        raise QuickstartError(
            f"The simulated account has no number for {' and '.join(sorted(missing))} after setup: "
            "delete var/simulator.json and run it again."
        )
    return numbers


def pick_numbers(listing: Any) -> dict[str, str]:
    """From `flask numbers list --json`: the first number for voice and SMS, and the first for fax."""
    rows: list[dict[str, Any]] = listing["numbers"] if isinstance(listing, dict) else listing
    found: dict[str, str] = {}
    for row in rows:
        able = {str(word).lower() for word in row.get("capabilities") or ()}
        if str(row.get("mode") or "").lower() == "fax":
            found.setdefault("fax", row["number"])
        elif "sms" in able:
            found.setdefault("voice", row["number"])
    return found


def _arrive(url: str, order: Mapping[str, str]) -> Counter[str]:
    """Let something arrive; how many notifications of each `txn_ref` were answered 200."""
    response = _http().post(url, json=order, timeout=30)
    answer: dict[str, Any] = response.json()
    if response.status_code != 200:
        raise QuickstartError(f"The simulator refused {url}: {answer.get('error')}")
    if not answer["notified"]:
        raise QuickstartError(f"The simulator sent nothing to {order['to']}: {answer.get('reason')}")
    for delivery in answer["deliveries"]:
        if delivery["status"] != 200:
            what = delivery["error"] or f"HTTP {delivery['status']}"
            raise QuickstartError(
                f"A {delivery['kind']} callback was not accepted: {what}; see var/serve.log."
            )
    return Counter(delivery["parameters"]["txn_ref"] for delivery in answer["deliveries"])


def _wait_for_events(environment: Mapping[str, str], sent: Counter[str], server: _Child) -> None:
    end = time.monotonic() + ARRIVAL_SECONDS
    while True:
        listing = _flask_json(environment, "events", "list")
        missing = sent - Counter(event["txn_ref"] for event in listing["events"])
        if not missing:
            return
        server.require_alive()
        if time.monotonic() > end:
            raise QuickstartError(
                f"{missing.total()} of {sent.total()} notifications were answered 200 but are not in the log "
                f"after {ARRIVAL_SECONDS:g} s; see var/serve.log and the spool in var/demo-spool."
            )


def _console_hint(config: Config, listen: Address, environment: Mapping[str, str]) -> str:
    """Where the console of the demo is, and a way in: a user whose password is new at every start."""
    if config.secret_key is None:
        return "The console needs SECRET_KEY in .env: any long random text\n"
    password = secrets.token_urlsafe(12)
    users = {user["name"] for user in _flask_json(environment, "users", "list")["users"]}
    how = ("passwd", DEMO_USER) if DEMO_USER in users else ("add", DEMO_USER, "--role", "operate")
    _flask(environment, "users", *how, "--password-stdin", given=password)
    sign_in = f"as {DEMO_USER} with the password {password} (until the next start)"
    return f"Look at it in the console\n  {_url(listen)}/ {sign_in}\n"


def _api_hint(config: Config, listen: Address) -> str:
    if not config.api_tokens:
        return ""
    return (
        "or through the API\n"
        r"""  curl -H "Authorization: Bearer $(sed -n 's/^API_TOKENS=\([^,]*\).*/\1/p' .env)" """
        f"{_url(listen)}/api/v1/events\n"
    )


# --- Addresses ---


def require_free(listen: Address) -> None:
    """Raise `QuickstartError` unless a server could listen there now."""
    host, port = listen
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            other = _written((host, port + 1 if port < 65535 else port - 1))
            raise QuickstartError(
                f"Port {port} on {host} is in use by another program: choose another port with "
                f"make run LISTEN={other}"
            ) from error
        raise QuickstartError(f"Cannot listen on {_written(listen)}: {error.strerror or error}.") from error


def _free(wanted: str) -> str:
    host, _, port = wanted.rpartition(":")
    with contextlib.suppress(QuickstartError):
        require_free((host, int(port)))
        return wanted
    with socket.create_server((host, 0)) as probe:
        return f"{host}:{probe.getsockname()[1]}"


def _written(listen: Address) -> str:
    host, port = listen
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _url(listen: Address) -> str:
    host, port = listen
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not bound
    return f"http://{_written((local, port))}"


def _http() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # a proxy of the environment cannot reach this machine's own ports
    return session


# --- Children ---


class _Steps:
    """Numbers what was done, for whoever watches."""

    def __init__(self) -> None:
        self._count = 0

    def say(self, sentence: str) -> None:
        self._count += 1
        click.echo(f"{self._count}. {sentence}")


class _Child:
    """A process of ours that keeps running, with its output in a file."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    def wait_until(self, url: str) -> None:
        """Return once `url` answers 200."""
        end = time.monotonic() + READY_SECONDS
        problem = "no answer"
        with _http() as session:
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
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-30:]) or "  (nothing)"


@contextlib.contextmanager
def _child(
    name: str, command: tuple[str, ...], environment: Mapping[str, str], *, patience: float = 10.0
) -> Iterator[_Child]:
    log = ROOT / "var" / f"{name}.log"
    with log.open("wb") as output:
        # Its own session, so that a Ctrl-C in the terminal reaches only us and we stop them in order.
        process = subprocess.Popen(  # noqa: S603  # our own modules
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield _Child(name, process, log)
    finally:
        _stop(process, patience)


def _stop(process: subprocess.Popen[bytes], patience: float) -> None:
    try:
        process.terminate()
        process.wait(patience)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):  # a second Ctrl-C: at once, then
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # with its workers
        process.wait()


def _flask(environment: Mapping[str, str], *command: str, show: bool = False, given: str = "") -> str:
    """What a command of the service printed; `show` lets it write to our own output instead."""
    sys.stdout.flush()
    done = subprocess.run(  # noqa: S603  # our own commands
        [sys.executable, "-m", "flask", *command],
        cwd=ROOT,
        env=environment,
        input=given,
        stdout=None if show else subprocess.PIPE,
        stderr=None if show else subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = f"{done.stdout or ''}{done.stderr or ''}".strip()
        output = "\n".join(f"  {line}" for line in said.splitlines()[-30:])
        raise QuickstartError(f"flask {' '.join(command)} failed ({_ending(done.returncode)}):\n{output}")
    return done.stdout or ""


def _flask_json(environment: Mapping[str, str], *command: str) -> Any:
    said = _flask(environment, *command, "--json")
    try:
        return json.loads(said)
    except ValueError as error:
        raise QuickstartError(
            f"flask {' '.join(command)} --json did not print JSON:\n{said[:1000]}"
        ) from error


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    """A child's environment: ours, with `own` on top; settings themselves are read by `config` alone."""
    local = ",".join(filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1", "localhost", "::1")))
    plain = {"PYTHONUNBUFFERED": "1", "NO_PROXY": local, "no_proxy": local}
    inherited = {name: value for name, value in os.environ.items() if name != "FLASK_APP"}
    return inherited | plain | dict(own)


@contextlib.contextmanager
def _only_one() -> Iterator[None]:
    """Two at once in one directory would share the simulated account and the demo's spool."""
    try:
        (ROOT / "var").mkdir(exist_ok=True)
        lock = (ROOT / "var" / "quickstart.lock").open("w")
    except OSError as error:
        raise QuickstartError(f"Cannot write to {ROOT / 'var'}: {error.strerror}.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise QuickstartError("Another make run is running in this directory: stop it first.") from error
        yield


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _interrupt(number: int, frame: FrameType | None) -> None:
    for again in (signal.SIGTERM, signal.SIGHUP):  # make passes on what the whole group got already
        signal.signal(again, signal.SIG_IGN)
    raise KeyboardInterrupt
