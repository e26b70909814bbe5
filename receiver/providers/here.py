"""How a provider is told to reach this service: addresses, and what a number has that leads to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CALLBACKS = "/callbacks/"
"""How the path of every callback URL begins: `/callbacks/<key>/<provider>/<kind>`."""


@dataclass(frozen=True)
class Here:
    """This service as providers reach it: PUBLIC_URL, a callback key, and PUBLIC_URL_FALLBACK if set."""

    public_url: str
    key: str
    fallback_url: str | None = None

    def callback(self, provider: str, word: str) -> str:
        """The URL for callbacks of a provider; `word` is a kind, or what else it calls."""
        return _callback(self.public_url, self.key, provider, word)

    def fallback(self, provider: str, word: str) -> str | None:
        """The same on the second machine, if there is one."""
        return self.fallback_url and _callback(self.fallback_url, self.key, provider, word)


@dataclass(frozen=True)
class Way:
    """What a number has when what arrives of one kind comes to this service."""

    url: str
    """The URL for the kind; a fragment tells the provider how to call it, and is never sent."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Settings beside it, by the provider's names (see `Routes.others`)."""


def _callback(public_url: str, key: str, provider: str, word: str) -> str:
    return f"{public_url.rstrip('/')}{CALLBACKS}{key}/{provider}/{word}"
