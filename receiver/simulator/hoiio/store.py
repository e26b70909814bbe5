"""The account on disk: one JSON file that a person can read, replaced atomically."""

import contextlib
import json
import os
from dataclasses import asdict
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from .account import Account, Entry, Fax, Subscription

_FORMAT = 1


class StateError(Exception):
    """The state file cannot be read or written. The message is one sentence for a person."""


def load(path: Path) -> str | None:
    """The text of a state file; None if there is no file yet."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise StateError(f"The state file {path} cannot be read: {_reason(error)}.") from error


def save(path: Path, text: str) -> None:
    """Replace the file's content. After a crash there is the old file or the new one, never a part."""
    temporary = path.with_name(path.name + ".new")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise StateError(f"The state file {path} cannot be written: {_reason(error)}.") from error


def dump(account: Account) -> str:
    """An account as text."""
    state = asdict(account) | {"ahead": account.ahead.total_seconds(), "format": _FORMAT}
    return json.dumps(state, indent=1, default=str) + "\n"


def restore(text: str, origin: object) -> Account:
    """The account that a text holds; the error names the origin if it holds none."""
    try:
        state = json.loads(text)
        if state["format"] != _FORMAT:
            raise ValueError("its format is not one this version knows")
        return Account(
            currency=str(state["currency"]),
            balance=Decimal(state["balance"]),
            subscriptions={number: _subscription(s) for number, s in state["subscriptions"].items()},
            ledger=[_entry(entry) for entry in state["ledger"]],
            faxes={name: Fax(**fax) for name, fax in state["faxes"].items()},
            references=int(state["references"]),
            ahead=timedelta(seconds=state["ahead"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError, InvalidOperation) as error:
        raise StateError(
            f"The state file {origin} is not one of the simulator's, or is damaged ({_reason(error)}); "
            "move it away to begin anew."
        ) from error


def _subscription(state: dict[str, Any]) -> Subscription:
    read = {"expiry": date.fromisoformat(state["expiry"]), "capabilities": tuple(state["capabilities"])}
    return Subscription(**(state | read))


def _entry(state: dict[str, Any]) -> Entry:
    read = {"debit": Decimal(state["debit"]), "balance": Decimal(state["balance"])}
    return Entry(**(state | read))


def _sync_folder(folder: Path) -> None:
    # The rename is durable only once the directory is synced.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, KeyError):
        return f"{error} is missing"
    return str(error) or type(error).__name__
