"""What it means when a TLS handshake fails."""

from __future__ import annotations

import ssl

# Numbers of OpenSSL's X509_V_ERR_….
_NOT_YET_VALID, _EXPIRED, _SELF_SIGNED, _WRONG_HOST = 9, 10, (18, 19), (62, 64)
_RENEW = "Renew it, and let the proxy load the new one."


def tls_problem(host: str, error: OSError | ValueError) -> tuple[str, str]:
    """What is wrong, and what to do about it."""
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else None
    if code == _EXPIRED:
        return f"the TLS certificate of {host} has expired.", _RENEW
    if code == _NOT_YET_VALID:
        return f"the TLS certificate of {host} is not valid yet.", "Check the clock of this machine."
    if code in _WRONG_HOST:
        return (
            f"the TLS certificate is for another name than {host}.",
            "Get one for this name, or put the name of the certificate into PUBLIC_URL.",
        )
    if code in _SELF_SIGNED:
        return (
            f"the TLS certificate of {host} is self-signed, or comes from a private authority: the"
            " provider has no reason to trust it.",
            "Get one from a public authority, such as Let's Encrypt.",
        )
    if code is not None:
        return (
            f"the TLS certificate of {host} cannot be followed to a known authority.",
            "Let the proxy send the whole chain, with the intermediate certificates. A private authority"
            " will not do.",
        )
    if isinstance(error, TimeoutError):
        return f"{host} does not finish the TLS handshake.", "Look at the proxy's log."
    if isinstance(error, ssl.SSLError) and error.reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST"}:
        return (
            f"{host} speaks no TLS on this port.",
            "Let the proxy end TLS there, or correct the port in PUBLIC_URL.",
        )
    return f"{host} breaks off the TLS handshake.", "Look at the proxy's log, and at its certificate."
