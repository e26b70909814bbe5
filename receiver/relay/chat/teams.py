"""Teams: an Adaptive Card, as a workflow that posts what a webhook gets takes it.

Its text runs know no Markdown, and people are mentioned only by entities, of which there are none.
"""

from __future__ import annotations

import re
from typing import Any

from receiver.relay.chat.escape import JOINER, cut, unlinked
from receiver.relay.words import Said

_LONGEST_TEXT = 2000
_MOST_LINES = 60
_BRACES = re.compile(r"\{(?=\{)")


def message(said: Said) -> dict[str, Any]:
    body = [_block(cut(said.headline, 200), weight="Bolder")]
    if said.text:
        *lines, rest = cut(said.text, _LONGEST_TEXT).split("\n", _MOST_LINES)
        for place, line in enumerate([*lines, rest.replace("\n", " ")]):
            body.append(_block(line) | ({"spacing": "None"} if place else {}))
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": escaped(cut(said.headline, 200)),
        "body": body,
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def escaped(text: str) -> str:
    # {{DATE(…)}} is replaced in any text of a card.
    return _BRACES.sub(f"{{{JOINER}", unlinked(text)) or JOINER


def _block(text: str, **looks: str) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": escaped(text), **looks}]}
