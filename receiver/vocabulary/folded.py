"""Text as it is compared: without case, accents and width."""

from __future__ import annotations

import unicodedata


def folded(text: str) -> str:
    """`Jürgen` and `JURGEN` become the same."""
    if text.isascii():
        return text.lower()
    marked = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFKC", "".join(char for char in marked if not unicodedata.combining(char)))
