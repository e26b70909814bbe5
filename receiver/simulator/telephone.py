"""Telephone numbers."""

import re

_INTERNATIONAL = re.compile(r"\+[1-9]\d{5,14}")


def is_international(number: str) -> bool:
    """Whether a number is written in international form, such as +6591234567."""
    return _INTERNATIONAL.fullmatch(number) is not None
