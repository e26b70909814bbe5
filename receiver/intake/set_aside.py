"""What is said of callbacks that were set aside, in the doctor and on the overview alike."""

from __future__ import annotations

from receiver.intake.in_spool import SpoolState
from receiver.numbers.findings import Finding, warning

CODE = "set-aside"


def finding(state: SpoolState) -> list[Finding]:
    """That something was set aside; nothing if nothing was."""
    if not state.set_aside:
        return []
    one = state.set_aside == 1
    were, them = ("callback was", "it") if one else ("callbacks were", "them")
    said = f"{state.set_aside:,} {were} set aside: the database refuses {them}."
    return [warning(CODE, said, "receiver spool list")]
