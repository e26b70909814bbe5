"""How the settings of outgoing mail are read. Each function raises `ValueError` with a sentence on what is
allowed, which never repeats what was given: it may hold a password."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from receiver.settings.values import HOST_NAME

_FORMS = "must look like smtp://user:password@mail.example.com:587 or smtps://user:password@mail.example.com"
_PERCENT = "in a user name or password, write @ as %40, : as %3A, / as %2F, # as %23, ? as %3F and % as %25"
_NAMED = re.compile(r"([^<>]*)<([^<>]+)>")
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_MAILBOX = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class MailServer:
    """The operator's own server, which takes mail from us."""

    host: str
    port: int
    tls_at_once: bool
    """TLS from the first byte on, as on port 465."""
    plain: bool
    """No TLS at all: only to this machine, and without a login."""
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def starttls(self) -> bool:
        """Whether TLS begins after a greeting, and nothing is said without it."""
        return not (self.tls_at_once or self.plain)


@dataclass(frozen=True, slots=True)
class MailAddress:
    """An address, and the name in front of it."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


def mail_server(url: str) -> MailServer:
    """`smtp://` requires STARTTLS unless it leads to this machine without a login; `smtps://` is TLS."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
    except ValueError:
        raise ValueError(f"{_FORMS}; {_PERCENT}") from None
    if parts.scheme not in {"smtp", "smtps"} or not host or port == 0:
        raise ValueError(f"{_FORMS}; {_PERCENT}")
    if parts.path not in {"", "/"} or parts.query or parts.fragment or "@" in (parts.username or ""):
        raise ValueError(f"must end after the port; {_PERCENT}")
    if bool(user) != bool(password):
        raise ValueError("needs both a user name and a password, or neither")
    # Python's SMTP client can log in with nothing else.
    if not all(text.isascii() and text.isprintable() for text in (user, password)):
        raise ValueError("may hold only printable ASCII in user name and password")
    secure = parts.scheme == "smtps"
    plain = not secure and not user and host in _LOCAL
    usual = 465 if secure else 25 if plain else 587
    return MailServer(host, port or usual, secure, plain, user, password)


def mail_address(text: str) -> MailAddress:
    """`fax@example.com`, or `Front desk <fax@example.com>`."""
    text = text.strip()
    named = _NAMED.fullmatch(text)
    name, address = named.groups() if named else ("", text)
    mailbox, at, domain = address.rpartition("@")
    usable = at and len(mailbox) <= 64 and _MAILBOX.fullmatch(mailbox) and HOST_NAME.fullmatch(domain.lower())
    if not usable or not text.isprintable() or len(text) > 320:
        raise ValueError("must look like fax@example.com or Front desk <fax@example.com>")
    return MailAddress(name.strip().strip('"'), f"{mailbox}@{domain.lower()}")
