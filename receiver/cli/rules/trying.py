"""`receiver rules try`: a call or an SMS without a provider."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from receiver.answering import words
from receiver.answering.machine import Move
from receiver.answering.rules import Number
from receiver.answering.sms import Answered, Texted, answer
from receiver.answering.walk import walk
from receiver.cli import options, output
from receiver.cli.operation import operation
from receiver.cli.rules import given
from receiver.cli.rules.showing import fitted, one_of
from receiver.vocabulary.answering import DialOutcome, Rang

_FIRST_YEAR, _LAST_YEAR = 1970, 2999


@click.command("try")
@click.option("--from", "caller", type=options.NumberType(), help="Who calls; withheld if it is left out.")
@click.option("--to", "number", required=True, type=options.NumberType(), help="The number that is called.")
@click.option("--at", metavar="'DATE TIME'", help="When, by the clock of the number; now if it is left out.")
@click.option("--text", default="", help="What an SMS says; some words get no reply.")
@click.option("--press", "keys", multiple=True, metavar="KEYS", help="What is pressed in each menu in turn.")
@click.option(
    "--dialled",
    type=click.Choice([outcome.value for outcome in DialOutcome]),
    default=DialOutcome.ANSWERED.value,
    show_default=True,
    help="What becomes of each number that is dialled.",
)
@click.option(
    "--simulate", "simulated", is_flag=True, help="Let the simulator call, and the running service answer."
)
@options.AS_JSON
@operation
def try_rules(
    *,
    caller: str | None,
    number: str,
    at: str | None,
    text: str,
    keys: tuple[str, ...],
    dialled: str,
    simulated: bool,
    as_json: bool,
) -> None:
    """Walk a call through the rules, without a provider, and say why it goes where.

    Switches are as they are set now. It also says what an SMS would be answered with. With --simulate the
    call is real but for the telephone, and stays in the log.
    """
    if simulated and at is not None:
        raise click.UsageError("a simulated call comes in now: leave out --at, or --simulate.")
    if simulated and text:
        raise click.UsageError("only a call is simulated: leave out --text, or --simulate.")
    rules = given.rules()
    one = one_of(rules, number)
    if simulated:
        from receiver.cli.rules.simulating import simulate  # noqa: PLC0415  # asks over HTTP; others start sooner

        simulate(caller, number, keys, DialOutcome(dialled), as_json=as_json)
        return
    moment, switches = _moment(at, one), given.switches()
    moves = list(walk(rules, Rang(number, caller, moment, switches), keys, DialOutcome(dialled)))
    sms = answer(rules, Texted(number, caller, moment, switches, text=text))
    if as_json:
        output.json_out(
            {
                "number": number,
                "at": one.local(moment).isoformat(),
                "version": rules.version,
                "switches": switches,
                "call": [_document(move) for move in moves],
                "sms": {"reply": sms.reply, "why": sms.why.as_json()},
            }
        )
        return
    _print(one, moment, moves, sms)


def _moment(at: str | None, number: Number) -> datetime:
    if at is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise click.BadParameter(f"{at!r} is not like '2026-12-25 10:00'", param_hint="--at") from None
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        years = f"{_FIRST_YEAR} to {_LAST_YEAR}"
        raise click.BadParameter(f"{at!r} is too far away: years are {years}", param_hint="--at")
    return moment if moment.tzinfo else moment.replace(tzinfo=number.zone)


def _print(number: Number, moment: datetime, moves: list[Move], sms: Answered) -> None:
    click.echo(f"{number.number}, {number.local(moment):%a %Y-%m-%d %H:%M} {number.zone.key}")
    for move in moves:
        for why in move.why:
            click.echo(fitted(f"  {why}"))
        if move.instruction is None:
            click.echo("    nothing is done: the call is only logged")
        else:
            where = f"{move.state.flow} {move.state.step + 1}: " if move.state and not move.state.over else ""
            click.echo(fitted(f"    {where}{words.of_instruction(move.instruction)}"))
    if number.sms:
        said = "nothing" if sms.reply is None else f'"{sms.reply}"'
        click.echo(fitted(f"An SMS is answered with {said}"))
        click.echo(fitted(f"  {sms.why}"))


def _document(move: Move) -> dict[str, Any]:
    instruction = move.instruction
    return {
        "why": [why.as_json() for why in move.why],
        "does": None if instruction is None else words.of_instruction(instruction),
        "instruction": None if instruction is None else type(instruction).__name__,
        "parameters": {} if instruction is None else asdict(instruction),
        "flow": move.state.flow if move.state else None,
        "step": move.state.step + 1 if move.state else None,
    }
