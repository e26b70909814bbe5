"""The demo: a simulated provider, two numbers set up at it, and a call, a fax and an SMS that arrive."""

from __future__ import annotations

import contextlib
import fcntl
import secrets
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from config import Config
from receiver.quickstart.addresses import Address, free_address, require_free, url_of, written
from receiver.quickstart.errors import QuickstartError
from receiver.quickstart.processes import Child, command_json, environment_with, http, run_command, started
from receiver.quickstart.service import start_server
from receiver.quickstart.story import Steps, tell_demo
from receiver.settings.files import DEMO

ARRIVAL_SECONDS = 30.0
_NEWS_SECONDS = 1.5
"""Until the service has heard of a number just bought: it looks every second."""
_SIMULATOR = ("127.0.0.1", 8100)
_PASSWORD = DEMO.with_name("demo.password")
_TARGET = ("127.0.0.1", 8200)
_TARGET_NAME = "demo"
_SENDER = "+6591234567"
_USER = "demo"
_PURPOSES = {
    "voice": ("--kind", "voice,sms"),
    "fax": ("--kind", "fax"),
}
_PURCHASES = {
    "voice": ("--country", "US", "--state", "CA", "--months", "1"),
    "fax": ("--country", "SG", "--months", "1"),
}
_ARRIVALS = (("calls", "voice", None), ("faxes", "fax", None), ("sms", "voice", "Hello from the simulator"))


def serve_demo(
    config: Config, listen: Address, simulated: Address | None, steps: Steps, children: contextlib.ExitStack
) -> Child:
    """Serve against a simulated provider, until the first events are in the log."""
    steps.say("No credentials in the settings: using a simulated provider, no money is spent")
    simulator = _start_simulator(simulated, steps, children)
    environment = environment_with(children.enter_context(_settings(simulator, listen)))
    run_command(environment, "db", "upgrade")
    steps.say("Demo database var/demo.db is up to date")
    server = start_server(config, listen, environment, steps, children)

    _start_target(environment, steps, children)
    numbers = _set_up(environment)
    steps.say(f"Numbers point here: {numbers['voice']} (voice, SMS) and {numbers['fax']} (fax)")

    sent: Counter[str] = Counter()
    for path, kind, text in _ARRIVALS:
        order = {"from": _SENDER, "to": numbers[kind]} | ({} if text is None else {"text": text})
        sent += _arrive(f"http://{simulator}/control/{path}", order)
    steps.say(f"A call, a fax and an SMS came in from {_SENDER}")
    _wait_for_events(environment, sent, server)
    _wait_for_delivery(environment, server)
    steps.say("The fax is archived, the SMS is delivered to the target (its output: var/target.log)")
    steps.say("All of them are in the log:\n")
    run_command(environment, "events", "list", "--limit", str(sent.total()), show=True)
    tell_demo(
        config,
        listen,
        user=_USER,
        password=_make_user(environment) if config.secret_key else None,
        simulator=simulator,
        sender=_SENDER,
        number=numbers["voice"],
    )
    return server


def _start_simulator(wanted: Address | None, steps: Steps, children: contextlib.ExitStack) -> str:
    if wanted is not None:
        require_free(wanted, "SIMULATOR")
    address = written(wanted or free_address(_SIMULATOR))
    command = ("receiver.simulator", "--listen", address, "--state", "var/simulator.json")
    account = ("--app-id", "sim-app", "--access-token", "sim-token")
    provider = children.enter_context(started("simulator", (*command, *account), environment_with({})))
    provider.wait_until(f"http://{address}/control/account")
    steps.say(f"Simulator answers on http://{address}/")
    return address


def _start_target(environment: Mapping[str, str], steps: Steps, children: contextlib.ExitStack) -> None:
    """A program of the firm's that gets each SMS."""
    address = written(free_address(_TARGET))
    url = f"http://{address}/"
    known = {target["name"] for target in command_json(environment, "targets", "list")["targets"]}
    if _TARGET_NAME in known:
        run_command(environment, "targets", "edit", _TARGET_NAME, "--url", url)
    else:
        run_command(
            environment, "targets", "add", "webhook", _TARGET_NAME, "--url", url, "--search", "kind:sms"
        )
    secret = command_json(environment, "targets", "show", _TARGET_NAME, "--secret")["secret"]
    command = ("receiver.quickstart.target", "--listen", address)
    target = children.enter_context(started("target", command, environment_with({"SECRET": secret})))
    target.wait_until(url)
    steps.say(f"A target for SMS answers on {url}")


@contextlib.contextmanager
def _settings(simulator: str, listen: Address) -> Iterator[dict[str, str]]:
    """The demo's settings; also in a file, locked as long as the block lasts, for commands on the demo."""
    settings = {
        "HOIIO_APP_ID": "sim-app",
        "HOIIO_ACCESS_TOKEN": "sim-token",
        "HOIIO_API_URL": f"http://{simulator}/open/",
        "PUBLIC_URL": url_of(listen),
        # A log of its own: nothing simulated may ever stand in a real one.
        "DATABASE_URL": "sqlite:///var/demo.db",
        "SPOOL_DIR": "var/demo-spool",
        "ARCHIVE_DIR": "var/demo-archive",
        # The small target of the demo is on this machine, where nothing would be sent otherwise.
        "OUTBOUND_ALLOW": "127.0.0.1",
        "LOG_FORMAT": "text",  # it is read here, by a person
    }
    DEMO.write_text(
        "# Written by `make run`. While it runs, commands in this checkout take their settings from here.\n"
        + "".join(f"{name}={value}\n" for name, value in settings.items()),
        encoding="utf-8",
    )
    with DEMO.open(encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield settings


def _set_up(environment: Mapping[str, str]) -> dict[str, str]:
    """A number for voice and SMS and one for fax that point here; bought if the account has none."""
    held = pick_numbers(command_json(environment, "numbers", "list"))
    for purpose, kinds in _PURPOSES.items():
        # A number of an earlier run may point at another port. Setup would rightly buy one beside it, because
        # it may be in use elsewhere; all numbers of the simulated account are the demo's own.
        known = ("--number", held[purpose], "--take-over") if purpose in held else _PURCHASES[purpose]
        run_command(environment, "setup", *known, *kinds, "--yes")
    time.sleep(_NEWS_SECONDS)
    numbers = pick_numbers(command_json(environment, "numbers", "list")) | held
    if missing := _PURPOSES.keys() - numbers.keys():
        raise QuickstartError(
            f"The simulated account has no number for {' and '.join(sorted(missing))} after setup: "
            "delete var/simulator.json and run it again."
        )
    return numbers


def pick_numbers(listing: Any) -> dict[str, str]:
    """From `receiver numbers list --json`: the first number for voice and SMS, and the first for fax."""
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
    response = http().post(url, json=order, timeout=30)
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


def _wait_for_events(environment: Mapping[str, str], sent: Counter[str], server: Child) -> None:
    end = time.monotonic() + ARRIVAL_SECONDS
    while True:
        listing = command_json(environment, "events", "list")
        missing = sent - Counter(event["txn_ref"] for event in listing["events"])
        if not missing:
            return
        server.require_alive()
        if time.monotonic() > end:
            raise QuickstartError(
                f"{missing.total()} of {sent.total()} notifications were answered 200 but are not in the log "
                f"after {ARRIVAL_SECONDS:g} s; see var/serve.log and the spool in var/demo-spool."
            )


def _wait_for_delivery(environment: Mapping[str, str], server: Child) -> None:
    """Until the newest fax is kept and the newest SMS delivered."""
    end = time.monotonic() + ARRIVAL_SECONDS
    wanted = {
        kind: command_json(environment, "events", "list", f"kind:{kind}", "--limit", "1")["events"][0]["id"]
        for kind in ("fax", "sms")
    }
    while True:
        sent = command_json(environment, "deliveries", "list", "--event", str(wanted["sms"]))["deliveries"]
        kept = command_json(environment, "archive", "list")["documents"]
        if {"delivered"} == {one["state"] for one in sent} and any(
            one["event_id"] == wanted["fax"] and one["state"] == "kept" for one in kept
        ):
            return
        server.require_alive()
        if time.monotonic() > end:
            raise QuickstartError(
                f"What came in is not archived and delivered after {ARRIVAL_SECONDS:g} s; see var/serve.log"
                " and var/target.log."
            )


def _make_user(environment: Mapping[str, str]) -> str:
    """A user of the console; gives the password, which stays the same for the demo's life."""
    known = _USER in {user["name"] for user in command_json(environment, "users", "list")["users"]}
    if known and _PASSWORD.exists():
        return _PASSWORD.read_text(encoding="utf-8").strip()
    password = secrets.token_urlsafe(12)
    how = ("passwd", _USER) if known else ("add", _USER, "--role", "operate")
    run_command(environment, "users", *how, "--password-stdin", given=password)
    _PASSWORD.touch(0o600)
    _PASSWORD.write_text(f"{password}\n", encoding="utf-8")
    return password
