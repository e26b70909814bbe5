"""Connection overrides: what the fragment of a callback URL says about time-outs and retries."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

BAD_VALUE = 11240

_LIMITS = {"ct": (100, 10_000), "rt": (100, 15_000), "tt": (100, 15_000), "rc": (0, 5)}
_POLICIES = frozenset(("4xx", "5xx", "ct", "rt", "all"))
_EDGES = frozenset(
    ("ashburn", "dublin", "frankfurt", "sao-paulo", "singapore", "sydney", "tokyo", "umatilla")
)


class BadOverrides(Exception):
    """The fragment has a value that is out of its limits."""


@dataclass(frozen=True)
class Overrides:
    """How a URL is called; the defaults are those of a URL that says nothing."""

    ct: int = 5000
    """Milliseconds to connect."""
    rt: int = 15_000
    """Milliseconds to the first byte, and between packets."""
    tt: int = 15_000
    """Milliseconds for everything, retries included."""
    rc: int = 1
    """How often to try again."""
    rp: frozenset[str] = frozenset(("ct",))
    """After which failures."""

    def retries(self, failure: str) -> bool:
        """Whether a failure of this sort is tried again."""
        return failure != "partial" and ("all" in self.rp or failure in self.rp)


def overrides(url: str) -> Overrides:
    """What a URL says; `BadOverrides` if it says something impossible. Other fragments mean nothing."""
    said = {
        name: value
        for name, value in parse_qsl(urlsplit(url).fragment, keep_blank_values=True)
        if name in (*_LIMITS, "rp", "sni", "e")
    }
    numbers = {name: _number(said[name], *limits) for name, limits in _LIMITS.items() if name in said}
    policies = frozenset(said.get("rp", "ct").split(","))
    if not policies <= _POLICIES or said.get("sni", "y") not in ("y", "n"):
        raise BadOverrides
    if not set(said.get("e", "ashburn").split(",")) <= _EDGES:
        raise BadOverrides
    return Overrides(rp=policies, **numbers)


def _number(text: str, low: int, high: int) -> int:
    if not (re.fullmatch(r"[0-9]{1,5}", text) and low <= int(text) <= high):
        raise BadOverrides
    return int(text)
