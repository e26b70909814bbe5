"""Keeps other sites out: a browser on this machine reaches the simulator, and so do the pages it shows."""

import ipaddress
import re
from urllib.parse import urlsplit

from flask import Flask, abort, request


def guard(app: Flask, listen: str, base_url: str | None) -> None:
    """Refuse requests that a page of another site had a browser send, and hosts that are none of ours.

    A name that somebody else's DNS leads to this machine would make their page one of ours. Programs send no
    `Origin`, and ask by an address, by a name without dots, or by the one in `base_url`.
    """
    known = {listen.lower(), urlsplit(base_url or "").hostname}

    @app.before_request
    def refuse() -> None:
        host = _hostname(f"//{request.headers.get('Host', '')}")
        if host is None or not (host in known or _is_local(host)):
            abort(403, "The simulator is not known by this host name; --base-url makes one known.")
        origin = request.headers.get("Origin")
        site = request.headers.get("Sec-Fetch-Site", "none")
        ours = origin is None or origin.rstrip("/").lower() == request.host_url.rstrip("/").lower()
        if not ours or site not in ("none", "same-origin"):
            abort(403, "The simulator takes no requests from pages of other sites.")


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _is_local(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return re.fullmatch(r"[a-z0-9_-]+|.+\.localhost", host) is not None
    return True
