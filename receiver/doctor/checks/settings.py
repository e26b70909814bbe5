"""Are the settings complete, and are the secrets in them kept from others?"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from sqlalchemy.engine import make_url

from receiver.doctor.check import Check, Patient, Say
from receiver.numbers.cautioned import cautioned
from receiver.numbers.findings import Finding, error, warning
from receiver.providers.registry import PROVIDERS
from receiver.settings.choices import Signatures
from receiver.settings.files import DOTENV
from receiver.setup.address import doubts


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
    if config.public_url is None:
        found.append(
            error(
                "no-address",
                "The provider cannot be told where to call: PUBLIC_URL is not set.",
                "Set PUBLIC_URL to how this service is reached from outside.",
            )
        )
    found += doubts(config, patient.providers or PROVIDERS.values())
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
