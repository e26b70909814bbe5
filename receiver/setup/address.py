"""Whether the provider can reach an address that is to be set for callbacks."""

from __future__ import annotations

from urllib.parse import urlsplit

from receiver.outbound.address import network_of


def doubt(public_url: str | None, api_url: str, setting: str = "PUBLIC_URL") -> str:
    """What is odd about an address, in a sentence; empty if nothing is, or if this is a rehearsal.

    `setting` is where it stands. A provider whose API is on this machine or network is a simulated one, and
    reaches a local address.
    """
    public, api = urlsplit(public_url or ""), urlsplit(api_url)
    if not public.hostname or network_of(api.hostname or "").local:
        return ""
    if network_of(public.hostname).local:
        return f"the provider cannot reach {public.hostname}: {setting} is not a public address."
    if public.scheme == "http":
        return f"{setting} is http, so messages and the callback key travel unencrypted."
    return ""
