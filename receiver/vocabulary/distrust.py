"""Why a callback is kept but not trusted, in the words that the log has for it."""

from __future__ import annotations

SIGNATURE_INVALID = "signature invalid"
SIGNATURE_MISSING = "signature missing"
ANOTHER_ACCOUNT = "of another account"
UNKNOWN_PATH = "unknown callback path"
NOT_OURS = "number not ours"
"""It is about a number that the provider does not list for us."""
CUT = "cut short"
"""Only a part of it arrived."""
UNREADABLE = "unreadable"
"""Nothing in it is what its provider sends."""
