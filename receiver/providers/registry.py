"""The providers there are. A new one is a folder beside this file, and a line here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from config import Config
from receiver.providers.base import Provider, Reception
from receiver.providers.caution import Caution
from receiver.providers.hoiio.provider import HOIIO
from receiver.providers.twilio.provider import TWILIO
from receiver.vocabulary.fields import FIELDS, Sort

PROVIDERS: Mapping[str, Provider] = {provider.name: provider for provider in (HOIIO, TWILIO)}
DEFAULT: Provider = HOIIO
"""Whose callbacks come to URLs that name no provider, and whose events have identities that name none: it was
the only one once."""


def configured(config: Config) -> tuple[Provider, ...]:
    """Those whose API can be used with these settings."""
    return tuple(provider for provider in PROVIDERS.values() if provider.configured(config))


def half_configured(config: Config) -> Iterator[tuple[Provider, Caution]]:
    """Those of which some credentials are set, and not all."""
    for provider in PROVIDERS.values():
        lacking = [name for name in provider.credentials if getattr(config, name.lower()) is None]
        given = [name for name in provider.credentials if name not in lacking]
        if given and lacking:
            configured, verifies = provider.configured(config), provider.verifies(config)
            if not configured:
                cost = "its numbers are not looked after"
            elif not verifies:
                cost = "its callbacks cannot be verified"
            else:
                cost = "callbacks that are signed with it cannot be verified, and numbers cannot be tested"
            sentence = f"{' and '.join(given)} is set without {' and '.join(lacking)}: {cost}."
            alone = "" if configured or verifies else ", or neither"
            yield provider, Caution("half-credentials", sentence, f"Set {' and '.join(lacking)}{alone}.")


def cautions(config: Config) -> Iterator[tuple[Provider, Caution]]:
    """What of the settings costs callbacks, by the provider that it is about."""
    yield from half_configured(config)
    for provider in PROVIDERS.values():
        yield from ((provider, each) for each in provider.cautions(config))


def identity_prefix(provider: str) -> str:
    """How the identities of its events begin, so that two providers never share one."""
    return "" if provider == DEFAULT.name else f"{provider}:"


def receptions(config: Config) -> Mapping[str, Reception]:
    """How the callbacks of each provider are taken with these settings."""
    return {name: provider.reception(config) for name, provider in PROVIDERS.items()}


def parameter_sorts() -> dict[str, Sort]:
    """What each documented parameter of any provider holds."""
    return {
        name: FIELDS[field].sort if field in FIELDS else provider.sorts[name]
        for provider in PROVIDERS.values()
        for name, field in provider.parameters.items()
    }
