"""What came of an arrival: what each request was answered, in words, and whether all were accepted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FALLBACK = "fallback"
"""The kind of a request that takes the place of the one before, which failed."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One sending of a request."""

    kind: str
    url: str
    parameters: dict[str, str]
    sent_at: str
    milliseconds: int
    status: int | None
    """The HTTP status of the answer; None without an answer."""
    error: str | int | None
    """What went wrong, in words or by the provider's code."""


def judged(outcome: Mapping[str, Any], failures: Mapping[int, str]) -> dict[str, Any]:
    """An outcome, and whether everything was `accepted` in the end.

    Each delivery is in words, and says whether it is the `last` of its request.
    `failures` are the words for the provider's codes; where there are none, the HTTP status tells.
    """
    deliveries = outcome["deliveries"]
    ends = _ends(deliveries)
    accepted = [end["status"] in (200, 204) and end["error"] is None for end in ends]
    told = [in_words(one, failures) | {"last": any(one is end for end in ends)} for one in deliveries]
    return {**outcome, "deliveries": told, "accepted": bool(accepted) and all(accepted)}


def in_words(sent: dict[str, Any], failures: Mapping[int, str]) -> dict[str, Any]:
    """A delivery, with what was `said` to it."""
    status, error = sent["status"], sent["error"]
    return sent | {"said": failures.get(error) or (f"HTTP {status}" if status else str(error))}


def _ends(deliveries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The last delivery of each request: after its retries and redirects, or else at its fallback URL."""
    ends: list[dict[str, Any]] = []
    for sent in deliveries:
        again = ends and sent.get("token") is not None and sent["token"] == ends[-1]["token"]
        if again or (ends and sent["kind"] == FALLBACK):
            ends.pop()
        ends.append(sent)
    return ends
