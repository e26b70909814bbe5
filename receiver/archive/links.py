"""Which fields of an event hold links, and what may stand behind them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from receiver.outbound.media import ATTACHMENTS, FAXES, RECORDINGS, Media
from receiver.vocabulary.fields import SAID, Sort
from receiver.vocabulary.kinds import Kind

LINKS: Mapping[str, tuple[Media, ...]] = {
    name: ATTACHMENTS if field.sort is Sort.FILES else FAXES if Kind.FAX in field.kinds else RECORDINGS
    for name, field in SAID.items()
    if field.sort in {Sort.LINK, Sort.FILES}
}
"""By field: the kinds of file that it may lead to."""


def links_of(event: Any) -> list[tuple[str, int]]:
    """Field and position of each link of an event, which is one or a row with these fields."""
    return [(field, position) for field in LINKS for position in range(len(_links(event, field)))]


def link_of(event: Any, field: str, position: int) -> str | None:
    """The link itself, if there is one."""
    links = _links(event, field)
    return links[position] if position < len(links) else None


def _links(event: Any, field: str) -> Sequence[str]:
    """All links in a field: one, or those of several files."""
    held = getattr(event, field, None)
    if isinstance(held, str):
        return [held] if held else []
    return [file.url for file in held or ()]
