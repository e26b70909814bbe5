"""What is for sale: countries, states, numbers and prices. The same in every run (protocol: Number API)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from types import MappingProxyType

PAGE_SIZE = 20
"""Entries per page of number/get_choices."""

DURATIONS = (1, 3, 12)
"""Months that can be bought at once."""

TAKEN_MEANWHILE = "9999"
"""A number with this ending is listed, but already taken by the time it is subscribed."""

NEVER_AUTO_EXTENDS = "9998"
"""A number with this ending can only be bought by the month."""


@dataclass(frozen=True)
class State:
    """A part of a country, where numbers are sold by state."""

    code: str
    name: str
    capability: tuple[str, ...]


@dataclass(frozen=True)
class Country:
    """A country with numbers for sale."""

    code: str
    name: str
    prefix: str
    capability: tuple[str, ...]
    month_price: Decimal
    states: tuple[State, ...] = ()

    def price(self, months: int) -> Decimal:
        """What the whole period costs (protocol: number/get_rates)."""
        # A year costs as much as ten months, to catch a client that takes the amount for a monthly price.
        return self.month_price * {1: 1, 3: 3, 12: 10}[months]


@dataclass(frozen=True)
class Listed:
    """A number in the catalogue, sold or not."""

    number: str
    country: Country
    state: str

    @property
    def capability(self) -> tuple[str, ...]:
        """What it can do: as its state says, or else its country."""
        states = {state.code: state.capability for state in self.country.states}
        return states.get(self.state, self.country.capability)


# Each state has one area code and one exchange here: the numbers are valid, and the table is short.
_AREA_CODES = {
    ("AL", "Alabama"): "205",
    ("AK", "Alaska"): "907",
    ("AZ", "Arizona"): "602",
    ("AR", "Arkansas"): "501",
    ("CA", "California"): "415",
    ("CO", "Colorado"): "303",
    ("CT", "Connecticut"): "203",
    ("DE", "Delaware"): "302",
    ("DC", "District of Columbia"): "202",
    ("FL", "Florida"): "305",
    ("GA", "Georgia"): "404",
    ("HI", "Hawaii"): "808",
    ("ID", "Idaho"): "208",
    ("IL", "Illinois"): "312",
    ("IN", "Indiana"): "317",
    ("IA", "Iowa"): "515",
    ("KS", "Kansas"): "316",
    ("KY", "Kentucky"): "502",
    ("LA", "Louisiana"): "504",
    ("ME", "Maine"): "207",
    ("MD", "Maryland"): "301",
    ("MA", "Massachusetts"): "617",
    ("MI", "Michigan"): "313",
    ("MN", "Minnesota"): "612",
    ("MS", "Mississippi"): "601",
    ("MO", "Missouri"): "314",
    ("MT", "Montana"): "406",
    ("NE", "Nebraska"): "402",
    ("NV", "Nevada"): "702",
    ("NH", "New Hampshire"): "603",
    ("NJ", "New Jersey"): "201",
    ("NM", "New Mexico"): "505",
    ("NY", "New York"): "212",
    ("NC", "North Carolina"): "704",
    ("ND", "North Dakota"): "701",
    ("OH", "Ohio"): "216",
    ("OK", "Oklahoma"): "405",
    ("OR", "Oregon"): "503",
    ("PA", "Pennsylvania"): "215",
    ("RI", "Rhode Island"): "401",
    ("SC", "South Carolina"): "803",
    ("SD", "South Dakota"): "605",
    ("TN", "Tennessee"): "615",
    ("TX", "Texas"): "214",
    ("UT", "Utah"): "801",
    ("VT", "Vermont"): "802",
    ("VA", "Virginia"): "703",
    ("WA", "Washington"): "206",
    ("WV", "West Virginia"): "304",
    ("WI", "Wisconsin"): "414",
    ("WY", "Wyoming"): "307",
}

_US, _US_FAX = ("VOICE", "SMS"), ("VOICE", "FAX", "SMS")

# Capabilities follow the provider's newer pages: SMS in the United States only, fax in Singapore, Hong
# Kong and Malaysia only. VOICE and FAX together mean one or the other, by `mode`. Alabama's numbers take fax
# beside SMS, since the Number page of the SDK configures one so.
COUNTRIES: Mapping[str, Country] = MappingProxyType(
    {
        country.code: country
        for country in (
            Country(
                code="US",
                name="USA",
                prefix="1",
                capability=_US,
                month_price=Decimal("4.00"),
                states=tuple(
                    State(code, name, _US_FAX if code == "AL" else _US) for code, name in _AREA_CODES
                ),
            ),
            Country("SG", "Singapore", "65", ("VOICE", "FAX"), Decimal("8.00")),
            Country("HK", "Hong Kong", "852", ("VOICE", "FAX"), Decimal("9.00")),
            Country("MY", "Malaysia", "60", ("FAX",), Decimal("7.00")),
            Country("VN", "Vietnam", "84", ("VOICE",), Decimal("15.00")),
            Country("AU", "Australia", "61", ("VOICE",), Decimal("6.00")),
            Country("NZ", "New Zealand", "64", ("VOICE",), Decimal("6.50")),
        )
    }
)

# A region's numbers without the last four digits, and how many of them are for sale.
_BLOCKS: Mapping[tuple[str, str], str] = MappingProxyType(
    {("US", code): f"+1{area}234" for (code, _), area in _AREA_CODES.items()}
    | {
        ("SG", ""): "+656531",
        ("HK", ""): "+8522187",
        ("MY", ""): "+6032178",
        ("VN", ""): "+84243825",
        ("AU", ""): "+6128015",
        ("NZ", ""): "+649309",
    }
)
_SIZES: Mapping[tuple[str, str], int] = MappingProxyType(
    {
        ("US", "CA"): 125,
        ("US", "NY"): 80,
        ("US", "TX"): 60,
        ("US", "FL"): 45,
        ("SG", ""): 65,
        ("HK", ""): 48,
        ("MY", ""): 30,
        ("VN", ""): 25,
        ("AU", ""): 40,
    }
)
_USUAL_SIZE = 23
_UNLISTED = {"+16001234567": ("US", "AL")}
"""The number that the SDK's Number page buys, so that its lines run as they stand. No area code is 600."""


@cache
def listed(country: str, state: str = "") -> tuple[Listed, ...]:
    """All numbers of a region in a fixed order, sold or not. None if nothing is sold in that region."""
    region = (country, state)
    if region not in _BLOCKS:
        return ()
    size = _SIZES.get(region, _USUAL_SIZE)
    return tuple(Listed(_BLOCKS[region] + end, COUNTRIES[country], state) for end in _endings(size))


def find(number: str) -> Listed | None:
    """The catalogue's entry of a number; None if the provider never had it."""
    return _by_number().get(number)


@cache
def _by_number() -> dict[str, Listed]:
    entries = [entry for region in _BLOCKS for entry in listed(*region)]
    entries += [Listed(number, COUNTRIES[country], state) for number, (country, state) in _UNLISTED.items()]
    return {entry.number: entry for entry in entries}


def _endings(size: int) -> Iterator[str]:
    """Four-digit endings that look random, the two special ones last."""
    special = (NEVER_AUTO_EXTENDS, TAKEN_MEANWHILE)
    # The step has no factor in common with 10,000, so no ending comes twice.
    usual = (f"{(1237 + step * 7919) % 10_000:04}" for step in range(size))
    yield from [ending for ending in usual if ending not in special][: size - len(special)]
    yield from special
