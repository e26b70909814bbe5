"""Are the settings complete, and are the secrets in them kept from others?"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url

from config import Config
from receiver.doctor.check import Check, Patient, Say
from receiver.keys.doors import FALLBACK, PUBLIC_URL
from receiver.numbers.cautioned import cautioned
from receiver.numbers.findings import Finding, error, warning
from receiver.outbound.address import network_of
from receiver.providers.registry import PROVIDERS
from receiver.settings.choices import Signatures
from receiver.settings.files import DOTENV


def look(patient: Patient, found: list[Finding]) -> str:
    config = patient.config
    if not patient.providers:
        wanted = ", or ".join(" and ".join(each.credentials) for each in PROVIDERS.values())
        found.append(
            error(
                "no-credentials",
                "The provider's API cannot be used: there are no credentials.",
                f"Set {wanted}; they are in the provider's portal.",
            )
        )
    found += cautioned(config)
    found += _about_addresses(config, live=_live(patient))
    if config.signatures is Signatures.IGNORE:
        found.append(
            warning(
                "signatures-ignored",
                "Callbacks with a wrong signature are trusted: SIGNATURES is `ignore`.",
                "Set SIGNATURES=prefer, or require.",
            )
        )
    found += [
        warning(
            "readable-secrets",
            f"{path} holds secrets, and other users of this machine can read it.",
            "receiver doctor --fix" if _own(path) else f"Let its owner close it: chmod o= {path}",
        )
        for path in _readable_secrets(patient)
    ]
    return "complete"


def mend(patient: Patient, say: Say) -> None:
    """Close files with secrets to other users, if they are ours to close."""
    for path in filter(_own, _readable_secrets(patient)):
        path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o700)
        say(f"closed {path} to other users")


def _live(patient: Patient) -> bool:
    """Whether real providers are to call, and not a rehearsal on this machine."""
    if not patient.providers:
        return all(each.live(patient.config) for each in PROVIDERS.values())
    return any(each.live(patient.config) for each in patient.providers)


def _about_addresses(config: Config, *, live: bool) -> Iterator[Finding]:
    if config.public_url is None:
        yield error(
            "no-address",
            "The provider cannot be told where to call: PUBLIC_URL is not set.",
            "Set PUBLIC_URL to how this service is reached from outside.",
        )
    elif live:  # else a rehearsal: its provider is on this machine, too
        yield from _about_address(PUBLIC_URL, config.public_url, ("local-address", "plain-http"))
        if config.public_url_fallback:
            codes = ("local-fallback", "plain-fallback")
            yield from _about_address(FALLBACK, config.public_url_fallback, codes)


def _about_address(setting: str, url: str, codes: tuple[str, str]) -> Iterator[Finding]:
    parts, (local, plain) = urlsplit(url), codes
    if network_of(parts.hostname or "").local:
        yield error(
            local,
            f"The provider cannot reach {parts.hostname}: {setting} is not a public address.",
            f"Set {setting} to an address that can be reached from outside.",
        )
    elif parts.scheme == "http":
        yield warning(
            plain,
            f"Messages and the callback key travel unencrypted: {setting} is http.",
            f"Put a proxy with TLS in front, and set {setting}=https://…",
        )


def _readable_secrets(patient: Patient) -> list[Path]:
    """Files with secrets, or raw callbacks, that others may read."""
    config = patient.config
    candidates = [DOTENV, *config.files, config.spool_dir / "keys.json", config.spool_dir / "spool.db"]
    if patient.env_file is not None:
        candidates.append(patient.env_file)
    database = make_url(config.database_url)
    if database.drivername == "sqlite" and database.database:
        candidates.append(Path(database.database))
    files = dict.fromkeys(path.absolute() for path in candidates)
    return [path for path in files if path.is_file() and _open(path) and _open(path.parent)]


def _open(path: Path) -> bool:
    """Whether others may read a file, or look into a folder: not even our group, where it is ours to say."""
    return bool(path.stat().st_mode & (0o077 if _own(path) else 0o007))


def _own(path: Path) -> bool:
    return path.stat().st_uid == os.geteuid()


CHECK = Check("settings", look, mend, without_database=True)
