"""Which fields of an event hold links, and what may stand behind them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from receiver.outbound.media import FAXES, RECORDINGS, Media
from receiver.vocabulary.fields import SAID, Sort
from receiver.vocabulary.kinds import Kind

LINKS: Mapping[str, tuple[Media, ...]] = {
    name: FAXES if Kind.FAX in field.kinds else RECORDINGS
    for name, field in SAID.items()
    if field.sort is Sort.LINK
}
"""By field: the kinds of file that it may lead to."""


def links_of(event: Any) -> list[tuple[str, int]]:
    """Field and position of each link of an event, which is one or a row with these fields."""
    return [(field, 0) for field in LINKS if link_of(event, field, 0)]


def link_of(event: Any, field: str, position: int) -> str | None:
    """The link itself. All fields so far hold a single one."""
    link: str | None = getattr(event, field)
    return link if link and position == 0 else None
