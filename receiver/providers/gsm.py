"""How long a text is as SMS, by the standard: what is in GSM's alphabet is short, anything else is not."""

from __future__ import annotations

ALPHABET = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
TWICE = frozenset("\f^{}\\[~]|€")
"""Characters that are written as two of the alphabet."""
SEPTETS, UNITS = 153, 67
"""The room of a part: characters of the alphabet, or units of UTF-16."""


def parts(text: str, *, twice: frozenset[str] = TWICE) -> int:
    """In how many SMS a text is sent. `twice` are the characters that count double."""
    length = septets(text, twice=twice)
    if length is not None:
        return 1 if length <= 160 else -(-length // SEPTETS)
    length = units(text)
    return 1 if length <= 70 else -(-length // UNITS)


def septets(text: str, *, twice: frozenset[str] = TWICE) -> int | None:
    """The length of a text in characters of the alphabet; None if others are in it."""
    if not (ALPHABET | TWICE).issuperset(text):
        return None
    return len(text) + sum(char in twice for char in text)


def units(text: str) -> int:
    """The length of a text in units of UTF-16."""
    return len(text.encode("utf-16-le", "replace")) // 2
