"""Telephone numbers in the one spelling in which they are stored and asked for. Never refuses one.

Whether there is such a number is for `receiver.numbers.spelling` to say, whose tables take a moment to load.
"""

from __future__ import annotations

import re
import unicodedata

_USUAL = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_MARKS = r"\s().,/\u00b7\u2010-\u2015\u2022\u2212\-"
_INVISIBLE = r"\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_BETWEEN = re.compile(f"[{_MARKS}{_INVISIBLE}]+")
_UNSEEN = re.compile(f"[{_INVISIBLE}]+")
_SCHEME = re.compile(r"(?:tel|callto):(?://)?", re.IGNORECASE)
_SPACED = re.compile(
    rf"[{_INVISIBLE}]*(?:tel:)?[{_INVISIBLE}]*[+\uff0b(0\uff10][\d{_MARKS}{_INVISIBLE}]+(?!\S)", re.IGNORECASE
)
_TRUNK = re.compile(r"\(\s*0\s*\)")
_NUMBER = re.compile(r"(\+|00)?([0-9]{7,20})", re.ASCII)
_LONGEST_LOCAL = 8
"""Digits without a country that can be no whole number but in a few of the smallest countries."""
_CHANNEL = re.compile(r"(whatsapp|rcs):([+0-9(].*)", re.IGNORECASE | re.DOTALL)
"""What stands before a number through which a message came otherwise than as SMS."""
_ADDRESS = re.compile(r"(?!tel:|callto:)[a-z][a-z0-9+.-]*:.", re.IGNORECASE | re.ASCII)
_WITHHELD = re.compile(
    r"(?:[a-z]+:)?(?:anonymous|blocked|private|restricted|unavailable|unknown|withheld)"
    r"(?:[ _-]?(?:caller|number))?(?:@.*)?",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)
_KEEPS_TRUNK = "39"
"""The country in which the 0 in front belongs to the number."""
_TWO_DIGITS = frozenset(
    str(code)
    for codes in ((20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41), range(43, 50), range(51, 59), range(60, 67),
                  (81, 82, 84, 86), range(90, 96), (98,))
    for code in codes
)  # fmt: skip
"""Calling codes of two digits; but for +1 and +7 all others have three."""


def spelled(number: str, home: str | None = None) -> str:
    """`+6599991234` for `6599991234`, `0065 9999-1234`, `tel:+65.9999.1234` and what else people write.

    A national number (one that begins with a single 0, or is short) becomes one of the country with the code
    `home`; without that it is its digits. A channel in front stays. What is no telephone number (`anonymous`,
    a name, a short code) stays as it is.
    """
    if _USUAL.fullmatch(number):
        return number  # nearly always
    found = _NUMBER.fullmatch(_bare(number))
    if found is None:
        channel, bare = channel_of(number)
        return channel + spelled(bare, home) if channel else number
    prefix, digits = found.groups()
    if prefix is not None or not is_national(digits):
        return "+" + digits
    if home is None:
        return digits
    return f"+{home}{digits if home == _KEEPS_TRUNK else digits.removeprefix('0')}"


def is_withheld(caller: str) -> bool:
    """Whether this stands in the place of a number that the caller did not want to be shown: a word for that,
    also as an address (`sip:anonymous@anonymous.invalid`)."""
    return _WITHHELD.fullmatch(caller.strip()) is not None


def is_address(end: str) -> bool:
    """Whether an end is named otherwise than by a telephone number alone, such as `sip:…` or `whatsapp:…`."""
    return _ADDRESS.match(end) is not None


def channel_of(end: str) -> tuple[str, str]:
    """`whatsapp:` and `+6599991234` of `whatsapp:+6599991234`; nothing and the end itself of all others."""
    found = _CHANNEL.fullmatch(end)
    return (f"{found[1].lower()}:", found[2]) if found else ("", end)


def names_country(number: str) -> bool:
    """Whether a number is written with + or 00 in front, so that its first digits are those of a country."""
    return _bare(number).startswith(("+", "00"))


def at_start(text: str) -> str:
    """The telephone number in several words with which a text begins, such as `+44 20 7946 0018`.

    Empty if the first word is whole without the others, or there is no such number.
    """
    found = _SPACED.match(text)
    if found is None or _NUMBER.fullmatch(_bare(text.split(maxsplit=1)[0])):
        return ""
    number = found[0].rstrip()
    return number if _NUMBER.fullmatch(_bare(number)) else ""


def _bare(number: str) -> str:
    """Without all that people put around the digits and between them."""
    text = number
    if not text.isascii():
        text = _UNSEEN.sub("", unicodedata.normalize("NFKC", text))
    text = text.strip()
    if scheme := _SCHEME.match(text):
        text = text[scheme.end() :].partition(";")[0]
    bare = _BETWEEN.sub("", text)
    if bare.startswith(("+", "00")):
        bare = _BETWEEN.sub("", _TRUNK.sub("", text))  # +44 (0)20 7946 0018
    return bare


def is_national(spelling: str) -> bool:
    """Whether a number in its one spelling says nothing of its country."""
    return spelling.isdigit() and (spelling[0] == "0" or len(spelling) <= _LONGEST_LOCAL)


def country_of(number: str | None) -> str | None:
    """The calling code with which a number begins."""
    if number is None or not _USUAL.fullmatch(number):
        return None
    digits = number[1:]
    if digits[0] in "17":
        return digits[0]
    return digits[:2] if digits[:2] in _TWO_DIGITS else digits[:3]
