"""The way that a call took through its flows, from what was noted of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from receiver.answering.decisions import Noted


def way_of(decided: Iterable[Noted]) -> Sequence[tuple[str, int]]:
    """Each step that the call came to, in the order in which it did: a flow, and a number from 1."""
    steps: dict[tuple[str, int], None] = {}
    for one in decided:
        passed = [(why.flow, why.step) for why in one.why if why.step]
        if one.state is not None:
            passed.append((one.state.flow, one.state.step + 1))
        steps.update(dict.fromkeys(passed))
    return tuple(steps)


def version_of(decided: Iterable[Noted]) -> str | None:
    """The version of the rules with which the call began; None if it never came under any."""
    return next((one.state.version for one in decided if one.state is not None), None)
