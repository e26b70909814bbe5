"""Whether the provider can reach the address that is to be set for callbacks."""

from __future__ import annotations

from urllib.parse import urlsplit

from receiver.outbound.address import network_of


def doubt(public_url: str | None, api_url: str) -> str:
    """What is odd about PUBLIC_URL, in a sentence; empty if nothing is, or if this is a rehearsal.

    A provider whose API is on this machine or network is a simulated one, and reaches a local address.
    """
    public, api = urlsplit(public_url or ""), urlsplit(api_url)
    if network_of(api.hostname or "").local:
        return ""
    if network_of(public.hostname or "").local:
        return f"the provider cannot reach {public.hostname}: PUBLIC_URL is not a public address."
    if public.scheme == "http":
        return "PUBLIC_URL is http, so messages and the callback key travel unencrypted."
    return ""
