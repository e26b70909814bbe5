"""What Hoiio's SDK returns, by its names: lists with `entries`, prices, numbers with two URLs and a mode."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Self, TypedDict, TypeVar

from receiver.providers.market import Rate
from receiver.providers.numbers import Routes, SubscribedNumber
from receiver.vocabulary.kinds import Kind


class Mode(StrEnum):
    """What an incoming call is taken for."""

    VOICE = "voice"
    FAX = "fax"


class Forwarding(TypedDict, total=False):
    """All settings of a number. The provider forgets what is left out."""

    forward_to: str
    forward_sms_to: str
    mode: str


MISSPELT = {"foward_to": "forward_to", "foward_sms_to": "forward_sms_to"}
"""Settings as the provider's Number page has them, and as they are called."""

_T = TypeVar("_T")


class Listed(tuple[_T, ...]):
    """A list in the provider's answer."""

    __slots__ = ()

    @property
    def entries(self) -> Self:
        """The same, as every list of the provider's SDK has it."""
        return self


@dataclass(frozen=True)
class HoiioRate(Rate):
    """A price, with the words of the provider's SDK beside ours."""

    @property
    def duration(self) -> int:
        """The months."""
        return self.months

    @property
    def rate(self) -> Decimal:
        """What they cost together."""
        return self.price


@dataclass(frozen=True)
class HoiioNumber(SubscribedNumber):
    """A number held, with the words of the provider's SDK beside ours."""

    routes: Routes = field(init=False, repr=False)
    forward_to: str = ""
    forward_sms_to: str = ""
    mode: str = ""
    """Kept as it came; empty if it was not told."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "routes", self._routes())

    @property
    def auto_extend_status(self) -> str:
        """`enabled` or `disabled`; empty if it was not told."""
        return {True: "enabled", False: "disabled", None: ""}[self.auto_extend]

    def _routes(self) -> Routes:
        can = self.capabilities
        calls = Kind.FAX if (self.mode or _last_word(self.forward_to)) == Mode.FAX else Kind.VOICE
        # It shows a mode for numbers that have none, and then refuses it.
        takes = bool(self.forward_to) or (bool(self.mode) and (not can or calls.upper() in can))
        routes = Routes(sms=self.forward_sms_to)
        return routes.leading({calls: self.forward_to}) if takes else routes


def _last_word(url: str) -> str:
    """With what the path of a URL ends."""
    return url.partition("?")[0].partition("#")[0].rstrip("/").rpartition("/")[2].lower()


def forwarding(routes: Routes) -> Forwarding:
    """The settings that say the same."""
    settings = Forwarding(forward_to=routes.of(routes.calls), forward_sms_to=routes.of(Kind.SMS))
    if routes.mode:
        settings["mode"] = routes.mode
    return settings
