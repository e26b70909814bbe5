"""What a run of setup is asked for, as a value: checked, and turned into wishes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from receiver.numbers.spelling import telephone
from receiver.providers.market import Duration, NumberSort
from receiver.setup import wanted
from receiver.setup.journal import SetupError
from receiver.setup.plan import Wish
from receiver.vocabulary.kinds import Kind


class RequestError(SetupError):
    """A request that contradicts itself, or says too little. The message names the options."""


@dataclass(frozen=True)
class SetupRequest:
    """Numbers by name, numbers of a country, or a file of wishes; and how far to go for them.

    None and empty mean that nothing was said. `export` and `not_bought` are other things that setup does
    instead.
    """

    numbers: tuple[str, ...] = ()
    country: str | None = None
    state: str | None = None
    count: int | None = None
    any_number: bool = False
    kinds: frozenset[Kind] | None = None
    duration: Duration | None = None
    file: Path | None = None
    export: bool = False
    not_bought: str | None = None
    max_cost: Decimal | None = None
    take_over: bool = False
    dry_run: bool = False
    provider: str | None = None
    sort: NumberSort | None = None
    area_code: str = ""
    contains: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it leaves a choice that a person can be asked for: nothing is named, or just a country."""
        return not (self.numbers or self.file or self.export or self.not_bought or self.count)

    def check(self, *, asking: bool) -> None:
        """`RequestError` if it cannot be fulfilled. Who is `asking` for what is missing needs no subject."""
        subjects = sum(map(bool, (self.numbers, self.country, self.file, self.export, self.not_bought)))
        if subjects > 1 or not (subjects or asking):
            raise RequestError(
                "Say what to set up: --number +6511111111 (repeatable), --country SG, or --file numbers.toml."
            )
        if self.take_over and self.country:
            raise RequestError("--take-over needs --number or --file: name the number to take over.")
        if self.count and not self.country:
            raise RequestError("--count needs --country: a number is there once.")
        narrowed = self.sort or self.area_code or self.contains
        if self.file and (self.state or self.kinds or self.duration or self.any_number or narrowed):
            raise RequestError("With --file, kinds, state, term and digits stand in the file.")
        if narrowed and not (self.country or asking):
            raise RequestError("--sort, --area-code and --contains need --country.")

    @property
    def wishes(self) -> tuple[Wish, ...]:
        """What it wishes for, with places as they were written."""
        provider = self.provider or ""
        if self.file:
            wishes = _in_file(self.file)
            return tuple(replace(wish, provider=wish.provider or provider) for wish in wishes)
        wish = Wish(
            self.kinds or frozenset(), state=self.state or "", duration=self.duration, provider=provider
        )
        if self.country:
            return (
                replace(
                    wish,
                    country=self.country,
                    count=self.count or 1,
                    sort=self.sort,
                    area_code=self.area_code,
                    contains=self.contains,
                ),
            )
        return tuple(replace(wish, number=number) for number in self.numbers)


def _in_file(file: Path) -> tuple[Wish, ...]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SetupError(f"{file.name} cannot be read: {reason}.") from None
    return wanted.read(text, file.name, telephone)
