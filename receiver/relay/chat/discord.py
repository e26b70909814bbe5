"""Discord: Markdown, in which a backslash takes the effect from any sign. Nobody can be mentioned."""

from __future__ import annotations

import re
from typing import Any

from receiver.relay.chat.escape import cut, unindented
from receiver.relay.words import Said

_LONGEST_TEXT = 2000
"""Twice that with a backslash before each sign, which is below the limit of 4096."""
_SIGN = re.compile(r"([!-/:-@\[-`{-~])")


def message(said: Said) -> dict[str, Any]:
    made: dict[str, Any] = {
        "content": escaped(cut(said.headline, 200)),
        "allowed_mentions": {"parse": []},
    }
    if said.text:
        made["embeds"] = [{"description": escaped(cut(said.text, _LONGEST_TEXT))}]
    return made


def escaped(text: str) -> str:
    return _SIGN.sub(r"\\\1", unindented(text))
