"""`receiver rules try --simulate`: a call that the simulator makes, answered by the service that runs."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click

from receiver import current
from receiver.answering.decisions import Noted
from receiver.cli import output
from receiver.cli.lines import time_line
from receiver.cli.rules import given
from receiver.cli.searching import Shown
from receiver.db.schema import require_schema
from receiver.providers.base import Provider
from receiver.providers.registry import configured
from receiver.providers.stand_in import NoSimulator, SimulatedCall, ring
from receiver.search.call import Call
from receiver.search.decided import call_in_full, decided_of
from receiver.vocabulary.answering import DialOutcome

NOTED_WITHIN = 3.0
"""Seconds until what was decided last is in the log."""
_LOOK = 0.05


def simulate(
    caller: str | None, number: str, keys: Sequence[str], dialled: DialOutcome, *, as_json: bool
) -> None:
    """Let a call come in, wait for its end, and show how it went."""
    require_schema(current.engine())
    provider = _provider_of(number)
    output.say(f"calling {output.spoken(number)} …")
    session = ring(provider, current.config(), SimulatedCall(caller, number, keys, dialled))
    found, decided = _over(session)
    document = call_in_full(found, decided)
    if as_json:
        output.json_out(document)
        return
    for line in time_line(found, document, Shown(utc=False)):
        click.echo(line)


def _provider_of(number: str) -> Provider:
    """That of the number, if it is known to be ours; else the only one that is not the provider itself."""
    known = (given.known_numbers() or {}).get(number)
    if known is not None:
        return known
    there = configured(current.config())
    if not there:
        raise NoSimulator("no provider's credentials are set: set those of the simulator")
    stand_ins = [each for each in there if not each.live(current.config())]
    if len(stand_ins) > 1:
        whose = output.spoken(number)
        raise NoSimulator(f"nobody knows whose number {whose} is: `receiver numbers` asks the providers")
    return stand_ins[0] if stand_ins else there[0]


def _over(session: str) -> tuple[Call, list[Noted]]:
    """A call that has ended, with what was decided, which is noted a moment later."""
    until = time.monotonic() + NOTED_WITHIN
    while True:
        call = current.calls().get(session)
        decided = [] if call is None else decided_of(current.engine(), call)
        over = any(one.state is not None and one.state.over for one in decided)
        late = time.monotonic() >= until
        if call is not None and (over or (decided and late)):
            return call, decided
        if call is not None and late:
            raise NoSimulator(
                f"the call {session} came in, and the service decided nothing: does it run with"
                f" RULES={current.config().rules}? Set it in .env and restart"
            )
        if late:
            raise NoSimulator(
                "the call was taken, but is not in this log: the service that runs has another database"
            )
        time.sleep(_LOOK)
