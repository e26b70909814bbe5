"""The settings that make a number serve its kinds here, with everything else on it as it was."""

from __future__ import annotations

from collections.abc import Mapping

from receiver.keys.rewritten import instead_of, others_with
from receiver.keys.route import shown_url
from receiver.keys.urls import CallbackUrls, Target
from receiver.providers.numbers import Capability, Instead, SubscribedNumber, only_in_console
from receiver.setup.catalogue import can
from receiver.setup.plan import Configure, Wish
from receiver.vocabulary.kinds import Kind


class Impossible(Exception):
    """A wish that a number cannot fulfil, and why; becomes a `Refusal`."""


def settings_for(wish: Wish, number: SubscribedNumber, urls: CallbackUrls, *, take_over: bool) -> Configure:
    """The settings that fulfil a wish, with everything else on the number as it is."""
    asked = kinds_for(wish.kinds, number)
    # What the provider uses in place of a URL may lead here itself: then the URL can stay as it is.
    serving = (Target.HERE,) if take_over else (Target.HERE, Target.OLDER_KEY)
    kinds = frozenset(
        kind for kind in asked if kind not in number.overruled or urls.leads(number, kind) not in serving
    )
    _refuse_overruled(
        {kind: number.overruled[kind] for kind in kinds & number.overruled.keys()}, number, take_over
    )
    elsewhere = sorted(
        kind for kind in kinds if urls.target(number.routes.of(kind), kind) is Target.ELSEWHERE
    )
    if elsewhere and not take_over:
        hosts = {kind: shown_url(number.routes.of(kind)).partition("/")[0] for kind in elsewhere}
        uses = " and ".join(f"{kind} to {host}" for kind, host in hosts.items())
        raise Impossible(f"it sends {uses}, so it is left alone; --take-over points it here")
    return pointing(number, kinds, urls, take_over=take_over)


def _refuse_overruled(overruled: Mapping[Kind, Instead], number: SubscribedNumber, take_over: bool) -> None:
    names = " and ".join(sorted({instead.name for instead in overruled.values()}))
    uses = f"{names} is used instead of its URLs"
    if beyond := only_in_console(overruled, number.routes):
        raise Impossible(
            f"{uses}, which only the provider's console can end; for what else it receives, leave"
            f" {' and '.join(sorted(beyond))} out of --kind"
        )
    if overruled and not take_over:
        raise Impossible(f"{uses}, so it is left alone; --take-over points it here")


def pointing(
    number: SubscribedNumber, kinds: frozenset[Kind], urls: CallbackUrls, *, take_over: bool
) -> Configure:
    """The settings with which a number brings these kinds here."""
    leading = {kind: instead_of(number.routes.of(kind), kind, urls) for kind in kinds}
    others = others_with(number.routes, kinds, urls, take_over=take_over)
    return Configure(number.number, number.routes.leading(leading, others), kinds, was=number)


def repointed(number: SubscribedNumber, urls: CallbackUrls) -> Configure | None:
    """The settings that bring what already leads to this service, with whatever key, to these URLs.

    URLs that lead elsewhere stay as they are, and what overrules one goes on doing so. None if nothing of it
    leads here with another key.
    """
    routes = number.routes
    moved = frozenset(kind for kind in routes.urls if urls.stale(routes, kind))
    beside = pointing(number, moved, urls, take_over=False).routes
    # A URL of ours beside one that leads elsewhere, or beside none, moves by itself.
    others = {name: urls.with_current_key(value) for name, value in beside.others.items()}
    wanted = beside.leading({}, others)
    return Configure(number.number, wanted, frozenset(), was=number) if wanted != routes else None


def kinds_for(asked: frozenset[Kind], number: SubscribedNumber) -> frozenset[Kind]:
    """What is to point here, of what was asked for and what the number can do."""
    capabilities = number.capabilities
    if {Kind.VOICE, Kind.FAX} <= asked:
        raise Impossible("a number takes voice or fax, never both: choose one")
    if asked:
        # A number with unknown capabilities may do it: the provider refuses what it cannot.
        if capabilities and not can(capabilities, asked):
            lacking = " and ".join(sorted(kind for kind in asked if not can(capabilities, (kind,))))
            raise Impossible(f"it cannot receive {lacking}; {able(capabilities)}")
        return asked
    if not capabilities and number.routes.urls:
        # Its capabilities are unknown, but somebody has set it up for something.
        return frozenset(number.routes.urls)
    is_fax = bool(number.routes.of(Kind.FAX))
    calls = Kind.FAX if is_fax or Capability.VOICE not in capabilities else Kind.VOICE
    kinds = frozenset(kind for kind in (calls, Kind.SMS) if can(capabilities, (kind,)))
    if not kinds:
        raise Impossible("the provider does not tell what it can do: name it with --number and --kind")
    return kinds


def able(capabilities: frozenset[str]) -> str:
    """What a number can do, as half a sentence."""
    calls = [word.lower() for word in (Capability.VOICE, Capability.FAX) if word in capabilities]
    words = [" or ".join(calls), "sms" if Capability.SMS in capabilities else ""]
    return f"it can receive {' and '.join(word for word in words if word) or 'nothing this service knows'}"
