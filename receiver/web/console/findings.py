"""Findings about numbers, as a page shows them."""

from __future__ import annotations

from dataclasses import replace

from receiver.numbers.findings import Finding
from receiver.vocabulary.mask import masked_number
from receiver.web.console import shown


def as_shown(finding: Finding) -> Finding:
    """A finding names its number masked in its sentence and in full in its command: here both are as the
    visitor wishes."""
    if not finding.subject:
        return finding
    number = shown.own_number(finding.subject)
    sentence = finding.sentence.replace(masked_number(finding.subject), number)
    return replace(finding, sentence=sentence, mend=finding.mend.replace(finding.subject, number))
