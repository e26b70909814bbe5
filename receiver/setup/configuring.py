"""The settings that make a number serve its kinds here, with everything else on it as it was."""

from __future__ import annotations

from receiver.keys.urls import CallbackUrls, Target, shown_url
from receiver.providers.numbers import Capability, Mode, SubscribedNumber
from receiver.setup.catalogue import can
from receiver.setup.plan import Configure, Wish
from receiver.vocabulary.kinds import Kind


class Impossible(Exception):
    """A wish that a number cannot fulfil, and why; becomes a `Refusal`."""


def settings_for(wish: Wish, number: SubscribedNumber, urls: CallbackUrls, *, take_over: bool) -> Configure:
    """The settings that fulfil a wish, with everything else on the number as it is."""
    kinds = kinds_for(wish.kinds, number)
    elsewhere = sorted(kind for kind in kinds if urls.target(present(number, kind)) is Target.ELSEWHERE)
    if elsewhere and not take_over:
        hosts = {kind: shown_url(present(number, kind)).partition("/")[0] for kind in elsewhere}
        uses = " and ".join(f"{kind} to {host}" for kind, host in hosts.items())
        raise Impossible(f"it sends {uses}, so it is left alone; --take-over points it here")
    forward_to, mode = number.forward_to, number.mode
    for kind, its_mode in ((Kind.VOICE, Mode.VOICE), (Kind.FAX, Mode.FAX)):
        if kind in kinds:
            forward_to, mode = urls.of(kind), its_mode
    return Configure(
        number.number,
        forward_to=forward_to,
        forward_sms_to=urls.sms if Kind.SMS in kinds else number.forward_sms_to,
        mode=_known_mode(mode, number),
        kinds=kinds,
        was=number,
    )


def repointed(number: SubscribedNumber, urls: CallbackUrls) -> Configure | None:
    """The settings that bring what already leads to this service, with whatever key, to these URLs.

    Mode, and URLs that lead elsewhere, stay as they are. None if nothing of it leads here with another key.
    """
    stale = (Target.OLDER_KEY, Target.DEAD_KEY)
    calls, sms = (urls.target(url) in stale for url in (number.forward_to, number.forward_sms_to))
    if not calls and not sms:
        return None
    kind = _calls(number)
    return Configure(
        number.number,
        forward_to=urls.of(kind) if calls else number.forward_to,
        forward_sms_to=urls.sms if sms else number.forward_sms_to,
        mode=_known_mode(number.mode, number),
        kinds=frozenset(one for one, moved in ((kind, calls), (Kind.SMS, sms)) if moved),
        was=number,
    )


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
    if not capabilities and (number.forward_to or number.forward_sms_to):
        # Its capabilities are unknown, but somebody has set it up for something.
        return frozenset(kind for kind in (_calls(number), Kind.SMS) if present(number, kind))
    is_fax = number.mode == Mode.FAX and bool(number.forward_to)
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


def present(number: SubscribedNumber, kind: Kind) -> str:
    """The URL a number has for a kind."""
    return number.forward_sms_to if kind is Kind.SMS else number.forward_to


def _known_mode(mode: str, number: SubscribedNumber) -> str:
    """The mode as it can be sent: the provider shows one for numbers that have none, and then refuses it."""
    return "" if mode and number.capabilities and mode.upper() not in number.capabilities else mode


def _calls(number: SubscribedNumber) -> Kind:
    """What its incoming calls are taken for: by its mode, or by our URL if the mode is unknown."""
    if number.mode:
        return Kind.FAX if number.mode == Mode.FAX else Kind.VOICE
    return Kind.FAX if number.forward_to.rpartition("/")[2] == Kind.FAX else Kind.VOICE
