"""Where long texts are cut: those that arrive, and those that are sent.

The provider's pages say after at most 152 characters of what arrives, and without a number or a total. What
others hand to it was cut as the standard has it: after 153 septets or, beyond GSM's alphabet, after 67 units
of UTF-16. So is what it sends, but it counts a line feed twice.
"""

from __future__ import annotations

from receiver.providers import gsm

CHARACTERS = 152
MOST_SENT = 3
_TWICE = gsm.TWICE | {"\n"}


def filled(text: str) -> frozenset[int]:
    """The limits of a part that this text reaches exactly."""
    found = {CHARACTERS} if len(text) == CHARACTERS else set()
    septets = gsm.septets(text)
    if septets is None and gsm.units(text) == gsm.UNITS:
        found.add(gsm.UNITS)
    elif septets == gsm.SEPTETS:
        found.add(gsm.SEPTETS)
    return frozenset(found)


def sent_as(text: str) -> int | None:
    """In how many SMS a text is sent; None if it is too long to be."""
    parts = gsm.parts(text, twice=_TWICE)
    return parts if parts <= MOST_SENT else None
