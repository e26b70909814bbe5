"""Whether a provider can, and should, call the addresses that are set for callbacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from config import Config
from receiver.keys.doors import FALLBACK, PUBLIC_URL
from receiver.numbers.findings import Finding, error, warning
from receiver.outbound.address import network_of
from receiver.providers.base import Provider


def doubts(config: Config, providers: Iterable[Provider]) -> Iterator[Finding]:
    """What is odd about the addresses; nothing if this is a rehearsal.

    A provider whose API is on this machine or network is a simulated one, and reaches a local address.
    """
    if all(network_of(_host(of.account(config)[0])).local for of in providers):
        return
    for setting, url in ((PUBLIC_URL, config.public_url), (FALLBACK, config.public_url_fallback)):
        if url is not None:
            yield from _doubts(setting, url, first=setting == PUBLIC_URL)


def _doubts(setting: str, url: str, *, first: bool) -> Iterator[Finding]:
    if network_of(_host(url)).local:
        code = "local-address" if first else "local-fallback"
        said = f"The provider cannot reach {_host(url)}: {setting} is not a public address."
        yield error(code, said, f"Set {setting} to an address that can be reached from outside.")
    elif urlsplit(url).scheme == "http":
        code = "plain-http" if first else "plain-fallback"
        said = f"Messages and the callback key travel unencrypted: {setting} is http."
        yield warning(code, said, f"Put a proxy with TLS in front, and set {setting}=https://…")


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
