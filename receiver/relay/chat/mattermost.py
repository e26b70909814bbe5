"""Mattermost: Markdown, and Slack's `<!channel>` and `<address|label>`, which its server looks for first.

Mentions of people cannot be switched off, so the text itself must hold none.
"""

from __future__ import annotations

import re
from typing import Any

from receiver.relay.chat.escape import JOINER, cut, unindented
from receiver.relay.words import Said

_LONGEST_TEXT = 2000
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKDOWN = frozenset("\\`*{}[]()#+-.!_")
"""What its Markdown takes a backslash before."""
_PARTED = frozenset("@:~#$=|/")
"""What makes mentions, emoji, channels, hashtags, formulas, tables and links with what follows it."""
_SIGN = re.compile(r"[\\`*{}\[\]()#+\-.!_@:~$=|/&<>]")


def message(said: Said) -> dict[str, Any]:
    text = f"**{escaped(cut(said.headline, 200))}**"
    if said.text:
        lines = escaped(cut(said.text, _LONGEST_TEXT)).split("\n")
        text += "\n" + "\n".join(f"> {line}" for line in lines)
    return {"text": text}


def escaped(text: str) -> str:
    return _SIGN.sub(_without_effect, unindented(text))


def _without_effect(found: re.Match[str]) -> str:
    sign = found[0]
    if sign in _ENTITIES:
        return _ENTITIES[sign]
    return ("\\" if sign in _MARKDOWN else "") + sign + (JOINER if sign in _PARTED else "")
