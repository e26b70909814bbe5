"""The result of checking a signature."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What the signature of one callback says about it."""

    VALID = "valid"
    INVALID = "invalid"
    MISSING = "missing"
