"""Addresses of our own pages, to come back to."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from flask import request


def this_address() -> str:
    """This page, to come back to."""
    query = request.query_string.decode("latin-1")
    return quote(request.path, safe="/+") + (f"?{query}" if query else "")


def own_address(wanted: str | None) -> str:
    """Where to go next, if it is a page of ours; the overview otherwise."""
    if not wanted or not wanted.startswith("/") or wanted.startswith(("//", "/\\")):
        return "/"
    if any(ord(char) < 33 or char == "\\" for char in wanted):
        return "/"
    parts = urlsplit(wanted)
    return "/" if parts.scheme or parts.netloc else wanted
