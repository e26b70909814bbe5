"""Findings, as a page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache

from flask import url_for

from config import command_here
from receiver.answering import findings as rules_findings
from receiver.intake import set_aside
from receiver.numbers.findings import COMMAND, Finding, Severity
from receiver.relay import findings as target_findings
from receiver.vocabulary.mask import masked_number
from receiver.web.console import shown

_PAGES = {
    set_aside.CODE: "console.set_aside.show_list",
    **dict.fromkeys(rules_findings.CODES, "console.rules.show"),
    **dict.fromkeys(target_findings.CODES, "console.targets.show_list"),
}
"""Where something can be done about it without a command."""


@dataclass(frozen=True, slots=True)
class Told:
    """A finding as this visitor may see it, and what can be done: on a page, by a command, or by hand."""

    severity: Severity
    sentence: str
    since: datetime | None
    page: str | None
    command: str | None
    copied: bool
    """Whether the command does something as it stands: one with a masked number does not."""
    advice: str


def told(finding: Finding) -> Told:
    """A finding names its number masked in its sentence and in full in its command: here both are as the
    visitor wishes."""
    sentence, mend = finding.sentence, finding.mend
    if finding.subject:
        number = shown.own_number(finding.subject)
        sentence = sentence.replace(masked_number(finding.subject), number)
        mend = mend.replace(finding.subject, number)
    page = _PAGES.get(finding.code)
    return Told(
        severity=finding.severity,
        sentence=sentence,
        since=finding.since,
        page=page and url_for(page),
        command=command(mend.removeprefix(COMMAND)) if finding.is_command else None,
        copied=mend == finding.mend,
        advice="" if finding.is_command else mend,
    )


def command(words: str) -> str:
    """A command of ours as it is called here."""
    return f"{_called()} {words}"


_called = cache(command_here)
"""It stays the same for as long as the process serves."""
