"""The settings of a quickstart: `.env`, written with fresh secrets if there is none."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Iterator
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
        with _draft(path, "\n".join(lines) + "\n") as draft:
            os.link(draft, path)  # unlike a rename, never takes another file's place
    except FileExistsError:
        return False
    return True


def keep(path: Path, text: str) -> None:
    """Write a file of ours, in place of the one before; readable by its owner only."""
    with _draft(path, text) as draft:
        draft.replace(path)


@contextlib.contextmanager
def _draft(path: Path, text: str) -> Iterator[Path]:
    """The text in a file beside `path`, private from its first moment and whole, to be given that name."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
        draft = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            yield draft
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError:
        raise
    except OSError as error:
        raise QuickstartError(f"Cannot write {path}: {error.strerror}.") from error
