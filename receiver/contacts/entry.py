"""One contact as it may be kept: a number in the log's spelling, and a name of one line. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from receiver.vocabulary.errors import OperatorError
from receiver.vocabulary.printable import printable
from receiver.vocabulary.telephone import is_national, spelled

LONGEST_NAME = 100
_NUMBER = re.compile(r"\+[1-9][0-9]{6,19}|[0-9]{2,6}", re.ASCII)
"""A whole number, or a short code."""
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class ContactError(OperatorError, ValueError):
    """What was asked of the contacts cannot be done. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A number and its name."""

    number: str
    name: str


def entry_of(number: str, name: str, home: str | None) -> Entry:
    """From what a person or another program wrote, or `ContactError`. A national number is taken for one of
    the country with the calling code `home`."""
    return Entry(number_of(number, home), name_of(name))


def number_of(text: str, home: str | None) -> str:
    """A number as the log spells it, or `ContactError`."""
    written = text.strip().removeprefix("'").strip()  # the apostrophe of a spreadsheet, as in our own CSV
    number = spelled(written, home)
    if is_national(number) and len(number) > 6:
        raise ContactError(
            f"{_quoted(written)} says no country: write it with its country code, such as +6591234567"
        )
    if not _NUMBER.fullmatch(number):
        raise ContactError(f"{_quoted(written)} is no telephone number: write it as +6591234567")
    return number


def is_contact_number(number: str | None) -> bool:
    """Whether a number of the log can have a name: names and withheld numbers cannot."""
    return bool(number and _NUMBER.fullmatch(number))


def name_of(text: str) -> str:
    """A name in one line, or `ContactError`."""
    name = " ".join(_UNSEEN.sub(" ", text).split())
    if not name:
        raise ContactError("a contact needs a name")
    if len(name) > LONGEST_NAME:
        raise ContactError(f"a name has at most {LONGEST_NAME} characters, and this one {len(name)}")
    return name


def _quoted(text: str) -> str:
    return f"'{printable(text)[:40]}'" if text else "an empty word"
