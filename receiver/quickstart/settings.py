"""The settings of a quickstart: `.env`, written with fresh secrets if there is none."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from config import ACCOUNTS, Config
from receiver.quickstart.errors import QuickstartError
from receiver.quickstart.story import Steps
from receiver.settings.files import DOTENV, ConfigError


def read_settings(steps: Steps) -> Config:
    """The settings, which name an account at a provider whole or not at all."""
    if make_env(DOTENV):
        steps.say("Wrote .env with fresh secrets (readable by you only)")
    config = Config.from_env()
    problems = [
        f"  {', '.join(name.upper() for name in names)}: set both, or neither to use the simulator"
        for names in ACCOUNTS
        if len({getattr(config, name) is None for name in names}) > 1
    ]
    if problems:
        raise ConfigError("\n".join(("wrong settings:", *problems)))
    return config


def make_env(path: Path) -> bool:
    """Write a settings file with fresh secrets, unless there is one; whether it was written."""
    lines = [
        "# Written by `make run`. All settings: README.md",
        *(f"{name}={secrets.token_urlsafe(24)}" for name in ("CALLBACK_KEYS", "API_TOKENS", "SECRET_KEY")),
    ]
    if path.exists() or path.is_symlink():
        return False
    try:
        # Private from its first moment, and whole or not there: the name is taken when the text is in.
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
            os.link(draft, path)  # unlike a rename, never takes another file's place
        finally:
            draft.unlink()
    except FileExistsError:
        return False
    except OSError as error:
        raise QuickstartError(f"Cannot write {path}: {error.strerror}.") from error
    return True
