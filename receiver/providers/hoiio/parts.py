"""Where long texts are cut.

The provider's pages say after at most 152 characters, and without a number or a total. What others hand to it
was cut as the standard has it: after 153 septets or, beyond GSM's alphabet, after 67 units of UTF-16.
"""

from __future__ import annotations

CHARACTERS, SEPTETS, UNITS = 152, 153, 67
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_TWICE = frozenset("\f^{}\\[~]|€")


def filled(text: str) -> frozenset[int]:
    """The limits of a part that this text reaches exactly."""
    found = {CHARACTERS} if len(text) == CHARACTERS else set()
    if _GSM.issuperset(text) or (_GSM | _TWICE).issuperset(text):
        if len(text) + sum(char in _TWICE for char in text) == SEPTETS:
            found.add(SEPTETS)
    elif len(text.encode("utf-16-le", "replace")) == 2 * UNITS:
        found.add(UNITS)
    return frozenset(found)
