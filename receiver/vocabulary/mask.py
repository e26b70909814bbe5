"""What masking leaves of a number, a text, pressed keys and a link."""

from __future__ import annotations

import re

from receiver.vocabulary.telephone import channel_of

DOTS = "••••"


def masked_number(number: str) -> str:
    """`+6591234567` as `+65••••4567`: the same for the same number however it is spelled. A channel is shown.

    Short numbers show less: under eight digits two, under five none.
    """
    channel, number = channel_of(number)
    if channel:
        return channel + masked_number(number)
    digits = "".join(char for char in number if char.isascii() and char.isdigit())
    if not digits or len(digits) > 15 or re.search(r"[^\W\d_]", number):
        return masked_text(number)
    if len(digits) < 5:
        return DOTS
    if len(digits) < 8:
        return DOTS + digits[-2:]
    if len(digits) < 10:
        return DOTS + digits[-4:]
    # One digit for the countries of North America and for Russia, two for the others: enough to see where.
    country = digits[: 1 if digits[0] in "17" else 2]
    return f"+{country}{DOTS}{digits[-4:]}"


def masked_text(text: str) -> str:
    """Dots instead of the text, and how long it is. An empty text stays empty."""
    return f"{DOTS} ({len(text)} characters)" if text else ""


def masked_digits(digits: str) -> str:
    """Dots instead of the keys somebody pressed, whether one or a PIN; empty stays empty."""
    return DOTS if digits else ""


def masked_url(url: str) -> str:
    """Dots instead of a link: whoever has it can fetch what it leads to."""
    return f"https://{DOTS}" if url else ""
