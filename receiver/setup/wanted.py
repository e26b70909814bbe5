"""`numbers.toml`: the numbers we want to own, and what they should receive here.

[[numbers]]                 # this very number
number = "+6565311237"
kinds = ["fax"]             # all it can, voice rather than fax, if left out
months = 12                 # 1, 3 or 12, should it have to be bought; or: auto_extend = true

[[numbers]]                 # so many of a place, whichever they are
country = "US"
state = "CA"
count = 3                   # 1 if left out
kinds = ["voice", "sms"]

[[numbers]]                 # the same with more to choose by, and from whom
provider = "…"              # needed where there are credentials of several
country = "US"
sort = "local"              # or "mobile", "toll-free", where the provider tells them apart
area_code = "415"
contains = "1234"

[[numbers]]                 # to be held, wherever it points
number = "+14152341237"
points = "anywhere"         # or "here", as everywhere else
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from receiver.keys.urls import CallbackUrls
from receiver.providers.market import Country, Duration, Market, NumberSort
from receiver.providers.numbers import SubscribedNumber
from receiver.providers.registry import PROVIDERS
from receiver.setup.catalogue import find_country, find_state
from receiver.setup.journal import SetupError
from receiver.setup.plan import Wish
from receiver.vocabulary.kinds import Kind

_MOST = 1000
"""Numbers wished for in one table; beyond it somebody's keyboard was stuck."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    number: str = ""
    country: str = ""
    state: str = ""
    count: int = Field(default=1, ge=1, le=_MOST)
    kinds: list[str] = []
    provider: str = ""
    sort: str = ""
    area_code: str = Field(default="", pattern=r"^[0-9]*$")
    contains: str = Field(default="", pattern=r"^[0-9]*$")
    points: str = "here"
    months: int | None = None
    auto_extend: bool = False

    @field_validator("kinds")
    @classmethod
    def _known_kinds(cls, kinds: list[str]) -> list[str]:
        if not set(kinds) <= {*Kind}:
            raise ValueError(f"must be some of {', '.join(Kind)}")
        if {Kind.VOICE, Kind.FAX} <= set(kinds):
            raise ValueError("holds voice and fax: a number takes one of them, never both")
        return kinds

    @field_validator("points")
    @classmethod
    def _known_target(cls, points: str) -> str:
        if points not in ("here", "anywhere"):
            raise ValueError('must be "here" or "anywhere"')
        return points

    @field_validator("provider")
    @classmethod
    def _known_provider(cls, provider: str) -> str:
        if provider and provider not in PROVIDERS:
            raise ValueError(f"must be one of {', '.join(PROVIDERS)}")
        return provider

    @field_validator("sort")
    @classmethod
    def _known_sort(cls, sort: str) -> str:
        if sort and sort not in set(NumberSort):
            raise ValueError(f"must be one of {', '.join(NumberSort)}")
        return sort

    @field_validator("months")
    @classmethod
    def _known_term(cls, months: int | None) -> int | None:
        if months not in (None, 1, 3, 12):
            raise ValueError("must be 1, 3 or 12")
        return months

    @model_validator(mode="after")
    def _one_subject(self) -> _Entry:
        if bool(self.number) == bool(self.country):
            raise ValueError("needs a number or a country, and not both")
        if self.number and self.count != 1:
            raise ValueError("has a count, which only a country can have")
        if self.number and (self.sort or self.area_code or self.contains):
            raise ValueError("has a sort or digits, which only a country can have")
        if self.months and self.auto_extend:
            raise ValueError("has months and auto_extend: choose one")
        return self

    def wish(self, number: str) -> Wish:
        months = Duration(str(self.months)) if self.months else None
        return Wish(
            frozenset(map(Kind, self.kinds)),
            number=number,
            country=self.country,
            state=self.state,
            count=self.count,
            duration=Duration.AUTO_EXTEND if self.auto_extend else months,
            provider=self.provider,
            sort=NumberSort(self.sort) if self.sort else None,
            area_code=self.area_code,
            contains=self.contains,
            point=self.points == "here",
        )


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    numbers: list[_Entry]


def read(text: str, name: str, number: Callable[[str], str]) -> tuple[Wish, ...]:
    """The wishes in a file, or `SetupError` with all that is wrong with it, named `name` there.

    `number` brings a telephone number into its one form, or raises `ValueError` with what is wrong with it.
    Places are as they were written: see `placed`.
    """
    try:
        entries = _File.model_validate(tomllib.loads(text)).numbers
    except tomllib.TOMLDecodeError as error:
        raise SetupError(f"{name} is not TOML: {error}.") from None
    except ValidationError as error:
        problems = [_sentence(item) for item in error.errors(include_input=False)]
        raise SetupError("\n  ".join([f"{name} cannot be used:", *problems])) from None
    wishes, problems = [], []
    tables: dict[str, list[str]] = {}
    for at, entry in enumerate(entries, 1):
        try:
            wish = entry.wish(number(entry.number) if entry.number else "")
        except ValueError as error:
            problems.append(f"table {at}: {error}")
            continue
        wishes.append(wish)
        tables.setdefault(wish.number, []).append(str(at))
    tables.pop("", None)
    problems += [f"tables {' and '.join(at)} name the same number" for at in tables.values() if len(at) > 1]
    if problems:
        raise SetupError("\n  ".join([f"{name} cannot be used:", *problems]))
    return _merged(wishes)


def placed(wishes: Sequence[Wish], countries: Sequence[Country]) -> tuple[Wish, ...]:
    """The same wishes with places by their codes; `NoSuchPlace` for one that has no numbers for sale."""
    found = []
    for wish in wishes:
        if wish.country:
            country = find_country(countries, wish.country)
            state = find_state(country, wish.state).code if wish.state else ""
            wish = replace(wish, country=country.code, state=state)  # noqa: PLW2901  # the same, by its codes
        found.append(wish)
    return _merged(found)


HEADING = "# The numbers held. `receiver setup --file` buys what is missing of them.\n"


def write(
    active: Sequence[SubscribedNumber],
    urls: CallbackUrls,
    describe: Callable[..., str],
    *,
    market: Market,
    provider: str = "",
) -> str:
    """The wishes for exactly what is held, as it is: applied at once, there is nothing to do.

    `describe` says in one line, without control characters, what a number is: it becomes a comment.
    `provider` is named if it is given.
    """
    parts = []
    for number in sorted(active, key=lambda one: one.number):
        here = list(urls.brought_here(number))
        parts.append(f"\n# {describe(number)}\n[[numbers]]\nnumber = {_quoted(number.number)}\n")
        parts.append(f'provider = "{provider}"\n' if provider else "")
        kinds = ", ".join(f'"{kind}"' for kind in here)
        parts.append(f"kinds = [{kinds}]\n" if here else 'points = "anywhere"\n')
        if len(market.terms) > 1:
            parts.append("auto_extend = true\n" if number.auto_extend else "months = 1\n")
    return "".join(parts)


def _merged(wishes: Sequence[Wish]) -> tuple[Wish, ...]:
    """Two wishes for the same are one for more."""
    counts: dict[Wish, int] = {}
    for wish in wishes:
        one = replace(wish, count=1)
        counts[one] = counts.get(one, 0) + wish.count
    return tuple(replace(one, count=count) for one, count in counts.items())


def _quoted(number: str) -> str:
    # What the provider calls a number stands in a TOML string: nothing in it may end that.
    return '"' + "".join(char for char in number if char.isascii() and (char.isalnum() or char == "+")) + '"'


def _sentence(item: Mapping[str, Any]) -> str:
    place = item["loc"]
    message = str(item["msg"]).removeprefix("Value error, ")
    if place[:1] != ("numbers",):
        return f"{place[0]}: there is no such table; write [[numbers]]" if place else message
    if len(place) == 1:
        return (
            "it has no [[numbers]] table"
            if item["type"] == "missing"
            else "write [[numbers]], twice bracketed"
        )
    table = f"table {int(place[1]) + 1}"
    if len(place) == 2:
        return f"{table} {message}"
    if item["type"] == "extra_forbidden":
        return f"{table}: there is no {place[2]}; there are {', '.join(_Entry.model_fields)}"
    return f"{table}: {place[2]} {message[:1].lower()}{message[1:]}"
