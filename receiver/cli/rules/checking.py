"""`receiver rules check`: what is wrong with a rules file, and where."""

from __future__ import annotations

from pathlib import Path

import click

from receiver import current
from receiver.answering import ours
from receiver.answering.in_force import read_text
from receiver.answering.problems import WHOLE, Problem, RulesError
from receiver.answering.read import read
from receiver.cli import options, output
from receiver.cli.operation import operation
from receiver.cli.rules import given


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@options.AS_JSON
@operation
def check(file: Path | None, as_json: bool) -> None:
    """Say what is wrong with a rules file, with line and column.

    FILE is the one that RULES names if none is given. Exits 1 if something is wrong; warnings do not count.
    """
    path = file or given.rules_file()
    problems = _problems(path, named_by_rules=file is None)
    if as_json:
        output.json_out(
            {
                "file": str(path),
                "problems": [
                    {
                        "line": problem.place.line or None,
                        "column": problem.place.column or None,
                        "warning": problem.warning,
                        "sentence": problem.sentence,
                    }
                    for problem in problems
                ],
            }
        )
    else:
        for problem in problems:
            click.echo(f"{path}, {problem}" if problem.place != WHOLE else str(problem))
        if not problems:
            output.say(f"{path} can be used.")
    if any(not problem.warning for problem in problems):
        raise SystemExit(1)


def _problems(path: Path, *, named_by_rules: bool) -> tuple[Problem, ...]:
    try:
        reading = read(read_text(path, named_by_rules=named_by_rules))
    except RulesError as error:
        return error.problems
    if reading.rules is None:
        return reading.problems
    told = () if current.config().public_url else ours.unheard(reading.rules)
    return tuple(sorted((*reading.problems, *told, *ours.check(reading.rules, given.known_numbers()))))
