"""An office with a number at the simulated Hoiio, whose calls it answers by a rules file, over real HTTP."""

import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

import databases
from conftest import KEY, assembled, make_config
from werkzeug.serving import WSGIRequestHandler, make_server

from receiver.answering import decisions
from receiver.answering.in_force import read_file
from receiver.answering.machine import Move
from receiver.answering.walk import walk
from receiver.simulator.hoiio.server import SimulatorServer
from receiver.vocabulary.answering import Dial, DialOutcome, Gather, HangUp, Rang, Record, Say, Sound

CALLER = "+6590001111"
PACE = 0.002
"""Real seconds that a second takes in which a simulated caller waits."""


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_):
        pass


class Office:
    """`numbers` are those of the rules, and those of the provider in their place."""

    def __init__(self, apps, simulator, rules: Path, numbers: dict[str, str]) -> None:
        self.app, self.simulator, self.numbers = apps[0], simulator, numbers
        self.processes = [app.extensions["receiver"] for app in apps]
        self.parts = self.processes[0]
        self.rules = read_file(rules)
        self.at = datetime.now(UTC)
        if len(apps) == 1:  # of several, the time orders what they decide
            self.parts.answering.clock = lambda: self.at

    def call(self, number: str | None = None, sender: str = CALLER, **options) -> dict:
        """Call, and what came of it once it is over."""
        to = self.numbers[number] if number else next(iter(self.numbers.values()))
        return self.simulator.control.call(sender, to, **{"hold": 20} | options)

    def walk(
        self, number: str | None, keys=(), outcome=DialOutcome.ANSWERED, sender: str = CALLER
    ) -> list[Move]:
        """The way that the machine would take."""
        to = self.numbers[number] if number else next(iter(self.numbers.values()))
        return list(walk(self.rules, Rang(to, sender, self.at), keys, outcome))

    def why(self, session: str) -> list[str]:
        """What the log says was decided, in its order."""
        assert all(parts.answering.flush(5) for parts in self.processes)
        noted = decisions.of_session(self.parts.engine, "hoiio", session)
        return [str(why) for one in noted for why in one.why]


@contextmanager
def office(
    text: str,
    tmp_path: Path,
    numbers: tuple[str, ...],
    simulator: SimulatorServer,
    *,
    url: str | None = None,
    processes: int = 1,
):
    """The service in this process; `numbers` of the rules are exchanged for such as the simulator sells.
    Several of `processes` get the callbacks in turn."""
    held = {}
    choices = simulator.request("number/get_choices", country="US", state="CA")["entries"]
    for number, choice in zip(numbers, choices, strict=False):
        held[number] = choice["number"]
        text = text.replace(number, choice["number"])
    rules = tmp_path / "rules.toml"
    rules.write_text(text)
    url = url or databases.new_file(tmp_path / "receiver.db")
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True, request_handler=Quiet)
    config = make_config(
        url,
        tmp_path,
        rules=rules,
        hoiio_app_id="sim-app",
        hoiio_access_token="sim-token",
        hoiio_api_url=simulator.open_url,
        public_url=f"http://127.0.0.1:{server.server_port}/",
    )
    apps = [assembled(config) for _ in range(processes)]
    for app in apps:
        app.extensions["receiver"].rules.refresh()
    turns = cycle(apps)
    server.app = lambda *request: next(turns)(*request)  # noqa: PLW0108  # another one each time
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    for number in held.values():
        simulator.request("number/subscribe", number=number, duration="1")
        forward = f"http://127.0.0.1:{server.server_port}/callbacks/{KEY}/hoiio/voice"
        sms = forward.replace("voice", "sms")
        simulator.request("number/update_forwarding", number=number, forward_to=forward, forward_sms_to=sms)
    try:
        yield Office(apps, simulator, rules, held)
    finally:
        server.shutdown()
        for app in apps:
            parts = app.extensions["receiver"]
            parts.recorder.close(5)
            parts.answering.close(5)
            parts.engine.dispose()


def requested(moves: list[Move]) -> list[str]:
    """The requests to which the moves of a call lead, in the simulator's words."""
    names = {Say: "play", Gather: "gather", Dial: "transfer", Record: "record", HangUp: "hangup"}
    return [names[type(move.instruction)] for move in moves if move.instruction is not None]


def heard(moves: list[Move]) -> list[str]:
    """What a caller hears then, as the simulator tells it."""
    prompts = [getattr(move.instruction, "prompt", None) for move in moves]
    return [
        f"<{one.url}>"
        if isinstance(one, Sound)
        else one.text
        if one.language == "en"
        else f"{one.language}: {one.text}"
        for one in prompts
        if one is not None
    ]


def steps(outcome: dict) -> list[str]:
    """The requests that a simulated call was asked for, without those that it refused."""
    return [step["step"] for step in outcome["way"] if "refused" not in step]
