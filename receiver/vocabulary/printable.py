"""Values as text for a person. Characters that would control a terminal or reverse its lines are escaped."""

from __future__ import annotations

import re

# Control and format characters (bidi among them), lone surrogates, and line breaks. Joiners are left: they
# belong to emoji and to several scripts, and can do no harm.
STEERING = (
    "\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890-\u0891\u08e2\u180e\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000110bd\U000110cd\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
)
_ANY = re.compile(f"[{STEERING}]")
_ANY_IN_LINES = re.compile(f"(?!\n)[{STEERING}]")
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def printable(text: str) -> str:
    """The text in one line, with escapes for everything that a terminal would act on instead of showing."""
    return text if text.isascii() and text.isprintable() else _ANY.sub(_escape, text)


def printable_lines(text: str) -> str:
    """The same, but lines stay lines."""
    return text if text.isascii() and text.isprintable() else _ANY_IN_LINES.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    return _SHORT.get(char) or (f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\u{ord(char):04x}")


def size(octets: float) -> str:
    """Bytes in the unit a person would choose, counted in the 1024s of the settings: `2.8 kB`, `256 MB`."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if octets < 1024 or unit == "GB":
            break
        octets /= 1024
    return f"{octets:.0f} {unit}" if unit == "bytes" or octets >= 10 else f"{octets:.1f} {unit}"


def sentence(message: str) -> str:
    """The message of an error as a sentence of its own."""
    return f"{message[:1].upper()}{message[1:]}{'' if message.endswith('.') else '.'}"


def in_days(days: int) -> str:
    """When something is that many days from today: `in 3 days`, `tomorrow`, `2 days ago`."""
    if abs(days) > 1:
        return f"in {days} days" if days > 0 else f"{-days} days ago"
    return ("yesterday", "today", "tomorrow")[days + 1]


def count_of(count: int, thing: str, things: str = "") -> str:
    """`1 event`, `2 events`."""
    return f"{count} {thing}" if count == 1 else f"{count} {things or f'{thing}s'}"
