"""The cautions of the settings, as findings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from config import Config
from receiver.numbers.findings import Finding, warning
from receiver.providers.registry import cautions


def cautioned(config: Config) -> Iterator[Finding]:
    """What of the settings costs callbacks. Nobody is asked, so it is true as it stands."""
    for provider, each in cautions(config):
        yield replace(warning(each.code, each.sentence, each.mend), provider=provider.name)
