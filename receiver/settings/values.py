"""The forms of single settings. Each function raises `ValueError` with a sentence on what is allowed."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import SecretStr
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

SHORTEST_SECRET = 8
KEY_RECIPE = "python3 -c 'import secrets; print(secrets.token_urlsafe(24))'"
URL_SPELLING = "what no URL may: write a space as %20 and the like, and a host's other letters as xn--…"
DATABASE_FORMS = "must be sqlite:///path/to/file.db or postgresql://user:password@host/name"
DATABASE_PERCENT = "has an @ too many: in a password, write @ as %40, : as %3A, / as %2F and % as %25"
_DATABASE_USER = r"(postgres[^:/]*://(?:[^:/]*(?::[^@]*)?@)?+)"
_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
HOST_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")


def service_url(url: str) -> str:
    """The address of a service, ending in a slash."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("must be a full address such as https://receiver.example.com")
    if parts.query or parts.fragment or parts.username:
        raise ValueError("must have no user name, query or fragment")
    if "/callbacks/" in f"{parts.path}/":
        raise ValueError("must end before /callbacks/, which we put behind it")
    if not is_spelled(url):
        raise ValueError(f"holds {URL_SPELLING}")
    return url.rstrip("/") + "/"


def bucket(url: str) -> str:
    """A bucket that speaks S3, and what the names in it begin with."""
    if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]+(/[A-Za-z0-9._/-]*)?", url):
        raise ValueError("must look like s3://bucket or s3://bucket/prefix")
    return url


def origin(url: str) -> str:
    """The address of a service without a path."""
    if not re.fullmatch(r"https?://[^/?#@\s]+/?", url):
        raise ValueError("must be an address such as https://s3.example.com, without a path")
    return url


def database_url(url: str, base: Path) -> str:
    """A database's address as SQLAlchemy takes it; a relative file is one in `base`."""
    if re.match(rf"{_DATABASE_USER}.*@", url, re.DOTALL):
        raise ValueError(DATABASE_PERCENT)  # half a password would be shown as the host
    try:
        parsed = make_url(_hosts_as_query(url))
    except (ArgumentError, ValueError) as error:
        raise ValueError(DATABASE_FORMS) from error
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in {"sqlite", "postgresql+psycopg"}:
        raise ValueError(DATABASE_FORMS)
    if parsed.drivername == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise ValueError("must name a file: a log in memory would not survive a restart")
    if parsed.drivername == "sqlite" and not (parsed.database or "").startswith("file:"):
        parsed = parsed.set(database=str(base / (parsed.database or "")))
    return parsed.render_as_string(hide_password=False)


def _hosts_as_query(url: str) -> str:
    """A PostgreSQL URL of several hosts, as that server's documents write it, in SQLAlchemy's form."""
    match = re.fullmatch(rf"{_DATABASE_USER}([^/?@]*,[^/?@]*)(/[^?@]*)?(?:\?([^@]*))?", url)
    if match is None:
        return url
    user, several, name, options = match.groups(default="")
    # An address of IPv6 stands in brackets; a port that is not named is PostgreSQL's own.
    pairs = [
        re.fullmatch(r"([^\[\]:]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]+))?", each) for each in several.split(",")
    ]
    found = [pair.groups(default="") for pair in pairs if pair]
    if len(found) < len(pairs):
        raise ValueError(DATABASE_FORMS)
    hosts = ",".join(host.strip("[]") for host, _ in found)
    ports = ",".join(port for _, port in found)
    query = urlencode({"host": hosts, "port": ports}) + (f"&{options}" if options else "")
    return f"{user}{name or '/'}?{query}"


def ages(value: str) -> dict[str, timedelta]:
    """How long each kind of event is kept: `voice=400d,fax=30d`."""
    found: dict[str, timedelta] = {}
    for part in filter(None, (part.strip().lower() for part in value.split(","))):
        match = re.fullmatch(r"(voice|fax|sms)\s*=\s*([1-9][0-9]{0,4})d", part, re.ASCII)
        if not match or match[1] in found:
            raise ValueError("must look like voice=400d,fax=30d,sms=90d, each kind at most once")
        found[match[1]] = timedelta(days=int(match[2]))
    return found


def days(value: str) -> timedelta:
    """How long something is kept: `30d`."""
    match = re.fullmatch(r"([1-9][0-9]{0,4})d", value.strip().lower(), re.ASCII)
    if not match:
        raise ValueError("must be a number of days such as 30d")
    return timedelta(days=int(match[1]))


def allowed(entry: str) -> tuple[IPv4Network | IPv6Network | str, int | None]:
    """An entry of OUTBOUND_ALLOW: a network or a host name, `*.` before it or not; and its port if only that.

    Raises `ValueError` with a sentence.
    """
    match = re.fullmatch(r"(?:\[(.+)\]|([^:\[\]]+)|([0-9a-f:./]+))(?::([0-9]{1,5}))?", entry.lower())
    text = next(filter(None, match.groups()[:3])) if match else ""
    port = int(match[4]) if match and match[4] else None
    if port is not None and not 0 < port < 65536:
        raise ValueError(f"there is no port {port}")
    # With bits set beyond its mask it is refused: 10.0.0.1/8 may mean one host, and would open millions.
    with suppress(ValueError):
        return ip_network(text), port
    text = text.removesuffix(".")
    name = text.removeprefix("*.")
    # What ends in a number is an address in an old spelling, or none.
    if not HOST_NAME.fullmatch(name) or re.fullmatch(r"(?:.*\.)?(?:0x[0-9a-f]*|[0-9]+)", name):
        raise ValueError(f"{entry!r} is not like 10.0.0.0/8, 10.0.0.1, *.example.com or nas:8080")
    return text, port


def zone(name: str) -> str:
    """The name of a time zone."""
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be the name of a time zone, such as Asia/Singapore or Europe/Berlin") from None


def module_or_file(where: str, base: Path) -> str:
    """A module by its name, or by its file; a relative file is one in `base`."""
    path = base / where
    if path.suffix == ".py" and path.stem.isidentifier():
        return str(path.resolve())
    if not all(part.isidentifier() for part in where.split(".")):
        raise ValueError("must be a module such as my_firm.handlers, or a file such as handlers.py")
    return where


def is_spelled(url: str) -> bool:
    """Whether a URL holds only what RFC 3986 lets it. HTTP parsers, ours among them, turn away what comes to
    others, before anybody could keep it."""
    return bool(re.fullmatch(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*", url))


def long_enough(secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if any(len(secret.get_secret_value()) < SHORTEST_SECRET for secret in secrets):
        raise ValueError(f"must be at least {SHORTEST_SECRET} characters long. Make one with: {KEY_RECIPE}")
    return secrets
