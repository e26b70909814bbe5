"""A simulator in the place of a provider: whether there is one, and calls that come in from it.

Only what answers as a simulator does gets more than a question, and the provider itself not even that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import requests

from config import Config
from receiver.providers.base import Provider
from receiver.vocabulary.answering import DialOutcome
from receiver.vocabulary.errors import OperatorError

PATIENCE = 600
"""Seconds until a simulated caller hangs up."""
RINGS_FOR = 20
"""The same while nothing is done about the call."""
_TALK = 5
_MOST_DIALLED = 100
_QUICK, _MARGIN = 5.0, 60.0
_START = "`python -m receiver.simulator --provider {}`"
_WITHHELD = "anonymous"
_KNOWN_BY = "faults"
"""What every simulator has below `/control/`, and no provider."""


class NoSimulator(OperatorError):
    """There is nothing that a call could be simulated with, or it did not do it."""


@dataclass(frozen=True, slots=True)
class SimulatedCall:
    """Who calls which number, what is pressed in each menu, and what becomes of each number dialled."""

    caller: str | None
    number: str
    keys: Sequence[str]
    dialled: DialOutcome


def ring(provider: Provider, config: Config, call: SimulatedCall) -> str:
    """Let a call come in at a number of the simulator that the settings name; its session once it is over."""
    api_url = provider.account(config)[0]
    setting, start = f"{provider.name.upper()}_API_URL", _START.format(provider.name)
    if provider.live(config):
        raise NoSimulator(
            f"{setting} is {provider.title}'s own address, where no call can be simulated: let it name a"
            f" simulator ({start}), or try without --simulate"
        )
    if not isinstance(_ask("GET", api_url, _KNOWN_BY, _QUICK).get(_KNOWN_BY), list):
        raise NoSimulator(f"no simulator answers at {api_url}: start one there ({start}), or set {setting}")
    outcome = _ask("POST", api_url, "calls", PATIENCE + _MARGIN, _order(call))
    if not outcome.get("notified"):
        reason = outcome.get("reason") or outcome.get("error") or "it did not say why"
        raise NoSimulator(f"the simulator made no call: {reason}")
    # Those before it failed, and were tried again, or at the fallback URL.
    ringing = next(sent for sent in outcome["deliveries"] if sent["last"])
    if ringing["status"] != 200:
        said = ringing["said"]
        raise NoSimulator(f"the call was not taken: {said}. Is `receiver serve` running, at PUBLIC_URL?")
    return str(outcome["session"])


def _order(call: SimulatedCall) -> Mapping[str, object]:
    return {
        "from": call.caller or _WITHHELD,
        "to": call.number,
        "digits": list(call.keys),
        "dial": [call.dialled.replace(" ", "-")] * _MOST_DIALLED,
        "dial_seconds": _TALK,
        "hangs_up_after": PATIENCE,
        "rings_for": RINGS_FOR,
    }


def _ask(
    method: str, api_url: str, what: str, longest: float, order: Mapping[str, object] | None = None
) -> Mapping[str, Any]:
    """What a simulator's control answers; nothing if something else does, or nobody."""
    try:
        with requests.Session() as session:
            session.trust_env = False  # it is on this machine or near: no proxy in between
            response = session.request(
                method,
                urljoin(api_url, f"/control/{what}"),
                json=order,
                timeout=(_QUICK, longest),
                allow_redirects=False,
            )
        answer = response.json()
    except (requests.RequestException, ValueError):
        return {}
    return answer if isinstance(answer, dict) else {}
