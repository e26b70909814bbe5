"""`receiver doctor`: is all well, and if not, what mends it?"""

from __future__ import annotations

import contextlib
import sys
import textwrap
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from receiver import current
from receiver.cli import options, output, progress, tables
from receiver.cli.given import env_file
from receiver.cli.operation import operation
from receiver.doctor.check import Patient
from receiver.doctor.doctor import examine, mend
from receiver.doctor.report import Area, NumberLine, Report
from receiver.numbers import known as numbers
from receiver.numbers.findings import Finding, Severity
from receiver.vocabulary.mask import masked_number
from receiver.vocabulary.printable import count_of, in_days, printable

_EXIT = {None: 0, Severity.WARNING: 1, Severity.ERROR: 2}
_MOST_NUMBERS = 20
"""Numbers shown; more would not fit one screen. `--json` has them all."""
_INDENT = " " * 7
_WIDTH = 80


class _Kept(options.NumberType):
    """A number as the database has it, which may be none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        with contextlib.suppress(click.BadParameter):
            return super().convert(value, param, ctx)
        return str(value)


@click.command()
@click.option("--fix", is_flag=True, help="First fix what can be fixed safely.")
@click.option(
    "--accept",
    "accepted",
    multiple=True,
    type=_Kept(),
    help="Accept that this number is gone or points elsewhere. Repeatable.",
)
@options.AS_JSON
@operation
def doctor(*, fix: bool, accepted: tuple[str, ...], as_json: bool) -> None:
    """Check everything that a callback depends on.

    Exits with 0 if all is well, 1 with warnings and 2 with errors. It asks the provider, calls PUBLIC_URL and
    PUBLIC_URL_FALLBACK, and leaves nothing in the log. As the hourly watch does, it retires callback keys
    whose grace time is over and which nothing needs. --fix upgrades the database, drains the spool, makes
    files with secrets private, and moves numbers that use an older key to the current one.
    """
    patient = Patient(
        config=current.config(),
        engine=current.engine(),
        spool=current.spool(),
        ring=current.keys(),
        watch=current.watch(),
        rules=current.rules(),
        journal=current.journal,
        env_file=env_file(),
    )
    if fix:
        mend(patient, output.say)
    for number in accepted:
        if not numbers.accept(current.engine(), number):
            raise click.ClickException(
                f"{masked_number(number)} is not known here. See `receiver numbers list`."
            )
    with progress.spinner("Checking everything …"):
        report = examine(patient)
    if as_json:
        output.json_out(_json(report))
    else:
        titles = {of.name: of.title for of in patient.providers}
        _show(report, titles if len(titles) > 1 else {})
        _say_what_is_left(report, fixed=fix)
    raise SystemExit(_EXIT[report.worst])


def _show(report: Report, titles: Mapping[str, str]) -> None:
    """The report, with the `titles` of providers where it concerns one of several."""
    for area in report.areas:
        worst = max((finding.severity is Severity.ERROR for finding in area.findings), default=None)
        mark = {None: "ok" if area.looked else "-", False: "WARN", True: "ERROR"}[worst]
        click.echo(_wrapped(_summary(area), first=f"{mark:5}  {area.name:10}  "))
        for finding in area.findings:
            of = f"{titles[finding.provider]}: " if finding.provider in titles else ""
            click.echo(_wrapped(of + finding.sentence, first=_INDENT))
            if finding.mend:
                click.echo(_wrapped(_shown(finding), first=f"{_INDENT}→ "))
    if report.numbers:
        click.echo()
        columns: tuple[str, ...] = ("number", "here", "ends", "renews", "last event")
        rows = [_row(number) for number in report.numbers[:_MOST_NUMBERS]]
        if titles:
            columns = (columns[0], "provider", *columns[1:])
            rows = [
                (row[0], number.provider, *row[1:]) for row, number in zip(rows, report.numbers, strict=False)
            ]
        tables.show(columns, rows)
        if len(report.numbers) > _MOST_NUMBERS:
            output.say(f"… and {len(report.numbers) - _MOST_NUMBERS} more: receiver doctor --json")


def _say_what_is_left(report: Report, *, fixed: bool) -> None:
    """What somebody has to know who acts on the report."""
    if any(_shown(finding) != finding.mend for finding in report.findings):
        output.say("Numbers are masked, since this is no terminal: `receiver doctor --json` has them whole.")
    if fixed and report.worst:
        output.say("What is still found, --fix does not mend: do what stands behind each arrow.")


def _summary(area: Area) -> str:
    return count_of(len(area.findings), "finding") if area.findings else area.summary


def _shown(finding: Finding) -> str:
    """What mends it; on a terminal ready to be copied, elsewhere without the number, since logs keep it."""
    if finding.subject.startswith("+") and not sys.stdout.isatty():
        return finding.mend.replace(finding.subject, masked_number(finding.subject))
    return finding.mend


def _row(number: NumberLine) -> tuple[object, ...]:
    return (
        number.number if sys.stdout.isatty() else masked_number(number.number),
        number.serves or "no",
        None if number.days_left is None else in_days(number.days_left),
        {True: "yes", False: "no", None: None}[number.renews],
        None if number.last_event is None else _since(number.last_event),
    )


def _since(when: datetime) -> str:
    seconds = int((datetime.now(UTC) - when).total_seconds())
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit} ago"
    return "just now"


def _wrapped(text: str, *, first: str) -> str:
    """A text behind how its first line begins, with the others below it."""
    return textwrap.fill(
        printable(text),
        _WIDTH,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _json(report: Report) -> dict[str, object]:
    return {
        "worst": report.worst,
        "areas": [
            {
                "area": area.name,
                "summary": None if area.findings else area.summary,
                "findings": len(area.findings),
            }
            for area in report.areas
        ],
        "findings": [
            {
                "area": area.name,
                "code": finding.code,
                "severity": finding.severity,
                "sentence": finding.sentence,
                "mend": finding.mend,
                "subject": finding.subject or None,
                "provider": finding.provider or None,
            }
            for area in report.areas
            for finding in area.findings
        ],
        "numbers": report.numbers,
    }
