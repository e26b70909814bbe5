"""Where settings are: the checkout, its `.env`, and the demo that may be running in it."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from dotenv import dotenv_values

CHECKOUT = Path(__file__).resolve().parents[2]
DOTENV = CHECKOUT / ".env"
DEMO = CHECKOUT / "var" / "demo.env"
"""The settings of the demo of `make run`, which holds a lock on this file for as long as it runs."""
USING_DEMO = "Using the demo of `make run`, which is running here (var/demo.env)."
COMMAND, DEMO_COMMAND = "receiver", ".venv/bin/receiver -e var/demo.env"
"""How commands are called: elsewhere, and on the demo, from the checkout."""


class ConfigError(Exception):
    """Settings are missing or wrong. The message lists every problem, and never a secret."""


def read_env_file(path: Path) -> dict[str, str]:
    """The settings in a file of the form `NAME=value`; `ConfigError` if it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        text = "\x00"
    if "\x00" in text:  # UTF-16 without a mark is read as if it were UTF-8, and full of these
        raise ConfigError(f"cannot read {path}: it is not UTF-8 text; save it as UTF-8")
    values = dotenv_values(stream=StringIO(text))
    return {name: value for name, value in values.items() if value is not None}
