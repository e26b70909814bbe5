"""Telephone numbers as people write them, brought into their one form."""

from __future__ import annotations

import re

from receiver.vocabulary.telephone import names_country, spelled


def telephone(text: str) -> str:
    """A telephone number in its one form, or `ValueError` with what is wrong with it."""
    import phonenumbers  # noqa: PLC0415  # its tables take a moment to load
    from phonenumbers import ValidationResult  # noqa: PLC0415

    number = spelled(text)
    # Digits alone may lack their country, and nobody should pay for another one's number.
    if not names_country(text) or not re.fullmatch(r"\+[1-9][0-9]{6,14}", number):
        raise ValueError(f"{text!r} is not a telephone number with its country code, such as +6511111111.")
    try:
        reason = phonenumbers.is_possible_number_with_reason(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        reason = ValidationResult.INVALID_COUNTRY_CODE
    wrong = {
        ValidationResult.TOO_SHORT: "has too few digits",
        ValidationResult.TOO_LONG: "has too many digits",
        ValidationResult.INVALID_LENGTH: "has the wrong number of digits",
        ValidationResult.INVALID_COUNTRY_CODE: "does not begin with the calling code of any country",
    }
    if reason in wrong:
        raise ValueError(f"{text!r} {wrong[reason]}: check it.")
    return number
