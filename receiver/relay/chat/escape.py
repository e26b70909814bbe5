"""Text in which nothing has any effect, for what reads Markdown."""

from __future__ import annotations

import re

JOINER = "\u2060"
"""Parts what would belong together, and is not seen."""
_INDENT = re.compile(r"^ +", re.MULTILINE)


def cut(text: str, most: int) -> str:
    """At most so many characters. Done before anything is escaped, so that no escape is cut in two."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def unlinked(text: str) -> str:
    """Without addresses that a program would make links of by itself."""
    return text.replace("://", f":{JOINER}//")


def unindented(text: str) -> str:
    """Without the spaces in front that would make code of a line; it looks the same."""
    return _INDENT.sub(lambda found: "\u00a0" * len(found[0]), text)
