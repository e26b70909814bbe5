"""Which event brings what a caller said, declared once: for an event that was read, and in SQL.

Where a provider reports that a recording is ready, it is that report: what it says at the end of the
recording comes before there is a file.
"""

from __future__ import annotations

from collections.abc import Mapping

from receiver.models import Event
from receiver.providers.registry import PROVIDERS
from receiver.vocabulary.kinds import CallStep

RECORDING_READY: Mapping[str, tuple[str, ...]] = {
    name: tuple(word for word, step in provider.steps.items() if step is CallStep.RECORDING_READY)
    for name, provider in PROVIDERS.items()
}
"""By provider, its words for a recording that is ready; none if it does not report that."""


def brings_voicemail(event: Event) -> bool:
    """Whether an event brings what a caller said."""
    ready = RECORDING_READY[event.provider]
    return bool(event.record_url) and (not ready or event.ivr_block in ready)


def _of_provider(name: str, ready: tuple[str, ...]) -> str:
    words = ", ".join(f"'{word}'" for word in ready)
    return f"provider = '{name}'" + (f" AND coalesce(ivr_block, '') IN ({words})" if words else "")


BRINGS_VOICEMAIL = (
    "(record_url IS NOT NULL AND record_url <> '' AND ("
    + " OR ".join(f"({_of_provider(name, ready)})" for name, ready in RECORDING_READY.items())
    + "))"
)
"""The same as a condition on a row of `events`, which the index `ix_events_recorded` helps with."""
