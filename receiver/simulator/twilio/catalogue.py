"""What is for sale: countries, types of numbers, prices, rules. The same in every run.

Prices and rules are plausible and made up; only their forms are Twilio's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from types import MappingProxyType

TAKEN_MEANWHILE = "9999"
"""A number with this ending is listed, but already taken by the time it is bought."""

NORTH_AMERICA = ("US", "CA")
"""Where numbers can be searched and bought by area code, region and the like."""


@dataclass(frozen=True)
class Kind:
    """A type of numbers in a country."""

    price: Decimal
    """A month, after discounts."""
    capabilities: Mapping[str, bool]
    address: str = "none"
    """Which address a buyer must have: `none`, `any`, `local` or `foreign`."""
    bundle: bool = False
    """Whether a buyer needs an approved bundle; no answer of the search tells."""
    identity: bool = False
    """Whether a buyer needs an identity, which nothing tells either."""
    base_price: Decimal | None = None
    """A month before discounts, where there is one."""
    beta: bool = False


@dataclass(frozen=True)
class Place:
    """Where numbers of a type are, and how they begin."""

    prefix: str
    size: int
    locality: str | None = None
    region: str | None = None
    postal_code: str | None = None
    lata: str | None = None
    rate_center: str | None = None
    latitude: str | None = None
    longitude: str | None = None


@dataclass(frozen=True)
class Country:
    """A country with numbers for sale."""

    code: str
    name: str
    kinds: Mapping[str, Kind]
    places: Mapping[str, tuple[Place, ...]]


@dataclass(frozen=True)
class Listed:
    """A number in the catalogue, sold or not."""

    number: str
    country: Country
    type: str
    place: Place

    @property
    def kind(self) -> Kind:
        """What all numbers of its type share."""
        return self.country.kinds[self.type]

    @property
    def taken_meanwhile(self) -> bool:
        """Whether somebody else is quicker whenever it is bought."""
        return self.number.endswith(TAKEN_MEANWHILE)

    @property
    def friendly_name(self) -> str:
        """The number as people of its country write it; elsewhere than in North America, as it is."""
        if not self.number.startswith("+1"):
            return self.number
        digits = self.number[2:]
        return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}"


def _can(words: str) -> Mapping[str, bool]:
    return MappingProxyType({word: word in words.split() for word in ("voice", "sms", "mms", "fax")})


_TALK, _TEXT, _ALL = _can("voice"), _can("voice sms"), _can("voice sms mms")
# The field has outlived the fax service, which ended in 2021.
_ALL_AND_FAX = _can("voice sms mms fax")

COUNTRIES: Mapping[str, Country] = MappingProxyType(
    {
        country.code: country
        for country in (
            Country(
                "US",
                "United States",
                {
                    "local": Kind(Decimal("1.15"), _ALL_AND_FAX),
                    "toll_free": Kind(Decimal("2.15"), _ALL),
                },
                {
                    "local": (
                        Place(
                            "+1415867",
                            120,
                            "San Francisco",
                            "CA",
                            "94103",
                            "722",
                            "SNFC CNTRL",
                            "37.779000",
                            "-122.419000",
                        ),
                        Place(
                            "+1212867",
                            60,
                            "New York",
                            "NY",
                            "10001",
                            "132",
                            "NWYRCYZN01",
                            "40.713000",
                            "-74.006000",
                        ),
                        Place(
                            "+1808925", 25, "Hilo", "HI", "96720", "834", "HILO", "19.720000", "-155.090000"
                        ),
                    ),
                    "toll_free": (Place("+1844867", 25),),
                },
            ),
            Country(
                "CA",
                "Canada",
                {"local": Kind(Decimal("1.15"), _ALL), "toll_free": Kind(Decimal("2.15"), _ALL)},
                {
                    "local": (
                        Place(
                            "+1416867", 40, "Toronto", "ON", None, "888", "TORONTO", "43.653000", "-79.383000"
                        ),
                        Place(
                            "+1604867",
                            20,
                            "Vancouver",
                            "BC",
                            None,
                            "888",
                            "VANCOUVER",
                            "49.283000",
                            "-123.121000",
                        ),
                    ),
                    # Toll-free numbers are North America's; these are what is listed under Canada.
                    "toll_free": (Place("+1833867", 20),),
                },
            ),
            Country(
                "GB",
                "United Kingdom",
                {
                    "local": Kind(Decimal("1.15"), _TALK, address="any"),
                    "mobile": Kind(Decimal("1.15"), _TEXT, address="any", bundle=True),
                    "toll_free": Kind(Decimal("2.15"), _TALK, address="any"),
                },
                {
                    "local": (Place("+44207946", 40, "London"), Place("+44121496", 25, "Birmingham")),
                    "mobile": (Place("+44740012", 30),),
                    "toll_free": (Place("+44808157", 25),),
                },
            ),
            Country(
                "AU",
                "Australia",
                {
                    "local": Kind(Decimal("3.00"), _TALK),
                    "mobile": Kind(
                        Decimal("6.00"),
                        _TEXT,
                        address="local",
                        bundle=True,
                        base_price=Decimal("6.50"),
                        beta=True,
                    ),
                },
                {
                    "local": (Place("+6128015", 30, "Sydney"), Place("+6138015", 25, "Melbourne")),
                    "mobile": (Place("+6149157", 30),),
                },
            ),
            Country(
                "SG",
                "Singapore",
                {
                    "local": Kind(Decimal("4.00"), _TALK, address="foreign"),
                    "mobile": Kind(Decimal("20.00"), _TEXT, identity=True),
                },
                {"local": (Place("+656532", 30),), "mobile": (Place("+658123", 25),)},
            ),
            Country(
                "DE",
                "Germany",
                {
                    "local": Kind(Decimal("1.15"), _TALK, address="local", bundle=True),
                    "mobile": Kind(Decimal("3.00"), _TEXT, address="local", bundle=True),
                },
                {"local": (Place("+4930311", 30, "Berlin"),), "mobile": (Place("+491511234", 25),)},
            ),
        )
    }
)


@cache
def listed(country: str, type_: str) -> tuple[Listed, ...]:
    """All numbers of a type in a fixed order, sold or not. None if no such number is sold."""
    known = COUNTRIES.get(country)
    if known is None or type_ not in known.kinds:
        return ()
    return tuple(
        Listed(place.prefix + ending, known, type_, place)
        for place in known.places[type_]
        for ending in _endings(place.size)
    )


def find(number: str) -> Listed | None:
    """The catalogue's entry of a number; None if Twilio never had it."""
    return _by_number().get(number)


@cache
def _by_number() -> dict[str, Listed]:
    return {
        entry.number: entry
        for country in COUNTRIES.values()
        for type_ in country.kinds
        for entry in listed(country.code, type_)
    }


def _endings(size: int) -> Iterator[str]:
    """Four-digit endings that look random, the special one last."""
    # The step has no factor in common with 10,000, so no ending comes twice.
    usual = (f"{(1237 + step * 7919) % 10_000:04}" for step in range(size))
    yield from [ending for ending in usual if ending != TAKEN_MEANWHILE][: size - 1]
    yield TAKEN_MEANWHILE
