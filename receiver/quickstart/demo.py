"""The demo: a simulated provider, numbers set up at it, and what arrives there; by a tour of `tours.py`."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Mapping
from typing import Any

from config import Config
from receiver.quickstart.addresses import Address, free_address, require_free, url_of, written
from receiver.quickstart.asked import Asked, signs_in
from receiver.quickstart.demo_settings import demo_settings
from receiver.quickstart.errors import QuickstartError
from receiver.quickstart.processes import Child, command_json, environment_with, http, run_command, started
from receiver.quickstart.service import start_server
from receiver.quickstart.settings import keep
from receiver.quickstart.story import Steps, tell_demo
from receiver.quickstart.tours import Tour
from receiver.settings.files import DEMO

ARRIVAL_SECONDS = 60.0
_NEWS_SECONDS = 1.5
"""Until the service has heard of a number just bought: it looks every second."""
_LOOK = 0.1
"""Seconds between looks at what became of them."""
_SIMULATOR = ("127.0.0.1", 8100)
_TARGET = ("127.0.0.1", 8200)
_TARGET_NAME = "demo"
_USER = "demo"


def serve_demo(
    config: Config,
    tour: Tour,
    listen: Address,
    steps: Steps,
    children: contextlib.ExitStack,
    *,
    simulated: Address | None,
) -> Child:
    """Serve against a simulated provider, until the first events are in the log."""
    steps.say("No credentials in the settings: using a simulated provider, no money is spent")
    simulator = _start_simulator(tour, simulated, steps, children)
    token = config.api_tokens[0].get_secret_value() if config.api_tokens else secrets.token_urlsafe(24)
    settings = demo_settings(tour, simulator, listen, {} if config.api_tokens else {"API_TOKENS": token})
    environment = environment_with(children.enter_context(settings))
    run_command(environment, "db", "upgrade")
    steps.say(f"Demo database var/{tour.state}.db is up to date")
    server = start_server(config, listen, environment, steps, children)

    _start_target(environment, steps, children)
    numbers = _set_up(tour, environment)
    steps.say(tour.numbers.format(**numbers))

    service = Asked(url_of(listen), token)
    before = max((event["id"] for event in service.events(limit=1)), default=0)
    sent = 0
    for arrival in tour.arrivals:
        order = {"from": tour.sender, "to": numbers[arrival.purpose], **arrival.order}
        sent += _arrive(f"http://{simulator}/control/{arrival.path}", order)
    steps.say(f"{tour.came} from {tour.sender}")
    _wait_for_events(service, before, sent, server, environment["SPOOL_DIR"])
    documents = tour.documents if config.rules is None else tour.certain
    late = wait_for_the_rest(documents, service, before, server)
    if late:
        steps.say(f"Not done after {ARRIVAL_SECONDS:g} s: {' and '.join(late)}")
    else:
        steps.say(f"{tour.kept} to the target (its output: var/target.log)")
    steps.say("All of them are in the log:\n")
    run_command(environment, "events", "list", "--limit", str(sent), show=True)
    tell_demo(
        config,
        listen,
        signs_in=_make_user(tour, environment, url_of(listen)) if config.secret_key else None,
        sender=tour.sender,
        number=numbers["voice"],
    )
    return server


def _start_simulator(tour: Tour, wanted: Address | None, steps: Steps, children: contextlib.ExitStack) -> str:
    if wanted is not None:
        require_free(wanted, "SIMULATOR")
    address = written(wanted or free_address(_SIMULATOR))
    command = ("receiver.simulator", "--provider", tour.provider, "--listen", address)
    # Where it answers is said in the file in which its own commands look.
    account = ("--announce", "var/simulator.address", "--state", _account_file(tour), *tour.account)
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


def _set_up(tour: Tour, environment: Mapping[str, str]) -> dict[str, str]:
    """Numbers for all purposes that point here; bought if the account has none."""
    held = pick_numbers(command_json(environment, "numbers", "list"))
    for purpose, kinds in tour.purposes.items():
        # A number of an earlier run may point at another port. Setup would rightly buy one beside it, because
        # it may be in use elsewhere; all numbers of the simulated account are the demo's own.
        known = ("--number", held[purpose], "--take-over") if purpose in held else tour.purchases[purpose]
        run_command(environment, "setup", *known, "--kind", kinds, "--yes")
    time.sleep(_NEWS_SECONDS)
    numbers = pick_numbers(command_json(environment, "numbers", "list")) | held
    if missing := tour.purposes.keys() - numbers.keys():
        raise QuickstartError(
            f"The simulated account has no number for {' and '.join(sorted(missing))} after setup: "
            f"delete {_account_file(tour)} and run it again."
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


def _account_file(tour: Tour) -> str:
    return f"var/{tour.state.replace('demo', 'simulator')}.json"


def _arrive(url: str, order: Mapping[str, Any]) -> int:
    """Let something arrive; how many notifications were answered 200."""
    response = http().post(url, json=order, timeout=30)
    answer: dict[str, Any] = response.json()
    if response.status_code != 200:
        raise QuickstartError(f"The simulator refused {url}: {answer.get('error')}")
    if not answer["notified"]:
        raise QuickstartError(f"The simulator sent nothing to {order['to']}: {answer.get('reason')}")
    if not answer["accepted"]:
        ends = [f"{sent['kind']}: {sent['said']}" for sent in answer["deliveries"] if sent["last"]]
        raise QuickstartError(f"Not every callback was accepted ({', '.join(ends)}); see var/serve.log.")
    return [sent["status"] for sent in answer["deliveries"]].count(200)


def _wait_for_events(service: Asked, before: int, sent: int, server: Child, spool: str) -> None:
    """Until as many notifications are in the log, beside what was there before."""
    end = time.monotonic() + ARRIVAL_SECONDS
    while True:
        there = sum(1 + event["repeats"] for event in service.events() if event["id"] > before)
        if there >= sent:
            return
        server.require_alive()
        if time.monotonic() > end:
            raise QuickstartError(
                f"{sent - there} of {sent} notifications were answered 200 but are not in the log "
                f"after {ARRIVAL_SECONDS:g} s; see var/serve.log and the spool in {spool}."
            )
        time.sleep(_LOOK)


def wait_for_the_rest(documents: int, service: Asked, before: int, server: Child) -> list[str]:
    """Until so many documents that came are kept and the newest SMS is at the demo's target; what is late."""
    end = time.monotonic() + ARRIVAL_SECONDS
    (newest,) = service.events(q="kind:sms", limit=1)
    while True:
        server.require_alive()
        late = []
        kept = [one for one in service.documents() if one["event_id"] > before and one["state"] == "kept"]
        if len(kept) < documents:
            late.append("what came in is not archived (see var/serve.log)")
        sent = service.deliveries(event_id=newest["id"], target=_TARGET_NAME)
        if "delivered" not in [one["state"] for one in sent]:
            late.append(f"the SMS is not delivered to the target {_TARGET_NAME} (see var/target.log)")
        if not late or time.monotonic() > end:
            return late
        time.sleep(_LOOK)


def _make_user(tour: Tour, environment: Mapping[str, str], url: str) -> str:
    """A user of the console; how to sign in, which stays the same until somebody changes the password."""
    path = DEMO.with_name(f"{tour.state}.password")
    known = _USER in {user["name"] for user in command_json(environment, "users", "list")["users"]}
    if known and path.exists():
        password = path.read_text(encoding="utf-8").strip()
        if not signs_in(url, _USER, password):
            return f"as {_USER} with the password that you chose"
        return f"as {_USER} with the password {password}"
    password = secrets.token_urlsafe(12)
    how = ("passwd", _USER) if known else ("add", _USER, "--role", "admin")
    run_command(environment, "users", *how, "--password-stdin", given=password)
    keep(path, f"{password}\n")
    return f"as {_USER} with the password {password}"
