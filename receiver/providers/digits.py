"""What the digits of a telephone number tell of where it belongs, where the provider does not say."""

from __future__ import annotations

_NORTH_AMERICA = 1
"""The calling code that countries share by area code, so that a number with one is of a single country."""


def countries_of(number: str) -> tuple[str, ...]:
    """The codes of the countries that a number may belong to, the likeliest first; none if it is no number.

    There are several where a calling code is shared: toll-free numbers of North America, and whatever is sold
    as British although its range was given to Jersey.
    """
    import phonenumbers  # noqa: PLC0415  # its tables take a moment to load

    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return ()
    code = parsed.country_code or 0
    sharing = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code, ())
    # A number in a range that was never given out may be in any of them.
    found = [one for one in sharing if phonenumbers.is_valid_number_for_region(parsed, one)] or sharing
    # The first is the one that the others share the calling code of.
    return tuple(found if code == _NORTH_AMERICA else dict.fromkeys((*found, *sharing[:1])))


def country_of(number: str) -> str:
    """The country that a number seems to belong to; empty if its digits do not tell."""
    return next(iter(countries_of(number)), "")


def area_of(number: str) -> str:
    """The code or name of the state a number's area code lies in; empty if its digits do not tell."""
    # Imported late: its tables take 100 MB and most of a second, and only buying a number needs them.
    import phonenumbers  # noqa: PLC0415
    from phonenumbers.geocoder import description_for_number  # noqa: PLC0415

    try:
        area = str(description_for_number(phonenumbers.parse(number), "en"))
    except phonenumbers.NumberParseException:
        return ""
    # "San Francisco, CA"; where nothing smaller is known the state's name: "Alaska".
    return area.rpartition(", ")[2].removesuffix(" State")


def national(number: str) -> str:
    """A number without the calling code of its country."""
    import phonenumbers  # noqa: PLC0415  # its tables take a moment to load

    try:
        return str(phonenumbers.national_significant_number(phonenumbers.parse(number)))
    except phonenumbers.NumberParseException:
        return ""
