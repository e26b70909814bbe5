"""Slack: blocks of plain text, in which nothing is parsed.

`&`, `<` and `>` are written as entities, which is how Slack wants all text: `<!channel>` and `<@U…>` are then
words like any others.
"""

from __future__ import annotations

from typing import Any

from receiver.relay.chat.escape import cut, unlinked
from receiver.relay.words import Said

_LONGEST_HEADER = 150
_LONGEST_TEXT = 2000


def message(said: Said) -> dict[str, Any]:
    blocks = [{"type": "header", "text": _plain(said.headline, _LONGEST_HEADER)}]
    lines = said.headline
    if said.text:
        blocks.append({"type": "section", "text": _plain(said.text, _LONGEST_TEXT)})
        lines += f": {cut(said.text, 300)}"
    return {
        # For notifications, and for programs that know no blocks.
        "text": escaped(lines),
        "mrkdwn": False,
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": blocks,
    }


def escaped(text: str) -> str:
    return unlinked(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str, most: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": _fitting(text, most), "emoji": False}


def _fitting(text: str, most: int) -> str:
    """Escaped, and still no longer than Slack allows: entities may count as what they are written with."""
    length = most
    while len(shown := escaped(cut(text, length))) > most:
        length -= max(1, (len(shown) - most) // 5)
    return shown
