"""Whose certificates are believed."""

from __future__ import annotations

import ssl

from requests.utils import DEFAULT_CA_BUNDLE_PATH


def trusting() -> ssl.SSLContext:
    """Trusts what browsers trust, and the authorities that this machine's administrator has added."""
    context = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
    context.load_default_certs()
    return context
