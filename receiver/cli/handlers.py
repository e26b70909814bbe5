"""`receiver handlers`: your own functions that run for events."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from receiver import current
from receiver.cli import options, output, tables
from receiver.cli.operation import operation
from receiver.handlers.load import LoadError
from receiver.relay.handlers.learn import Learned, learn
from receiver.relay.sender import TargetError


@click.command()
@options.AS_JSON
@operation
def check(as_json: bool) -> None:
    """Load your module, and list its handlers or what is wrong.

    The module is the one that HANDLERS names. None of its functions is run. Exits 1 if something is wrong.
    """
    where = current.config().handlers
    if where is None:
        raise TargetError("HANDLERS is not set: let it name your module, such as handlers.py")
    found, error = [], None
    try:
        found = learn(where)
    except LoadError as problem:
        error = problem
    problems = {handler.name: _problem(handler) for handler in found}
    wrong = error is not None or any(problems.values())
    if as_json:
        output.json_out(
            {
                "module": where,
                "error": error and {"what": error.what, "file": error.file, "line": error.line},
                "handlers": [_shown(one) | {"problem": problems[one.name]} for one in found],
            }
        )
    elif error is not None:
        output.say(f"{where} cannot be loaded: {error}")
    elif not found:
        output.say(f"{where} has no function with @on")
    else:
        tables.show(
            ("handler", "types", "search", "timeout", "lanes", "ordered"),
            [
                (
                    one.name,
                    ", ".join(one.types),
                    one.search or None,
                    f"{one.timeout:g} s",
                    one.lanes,
                    "yes" if one.ordered else "no",
                )
                for one in found
            ],
        )
        for name, said in problems.items():
            if said:
                output.say(f"{name}: {said}")
    if wrong:
        raise SystemExit(1)


def _problem(handler: Learned) -> str | None:
    try:
        handler.target_search()
    except TargetError as error:
        return str(error)
    return None


def _shown(handler: Learned) -> dict[str, Any]:
    return {name: value for name, value in asdict(handler).items() if name != "code"}
