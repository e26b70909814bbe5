"""The account as the text of its state file: JSON that a person can read."""

import json
from dataclasses import asdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from receiver.simulator.statefile import reading

from .account import Account, Entry, Fax, Subscription

_FORMAT = 1


def dump(account: Account) -> str:
    """An account as text."""
    state = asdict(account) | {"ahead": account.ahead.total_seconds(), "format": _FORMAT}
    return json.dumps(state, indent=1, default=str) + "\n"


def restore(text: str, origin: object) -> Account:
    """The account that a text holds; the error names the origin if it holds none."""
    with reading(text, origin, _FORMAT) as state:
        return Account(
            currency=str(state["currency"]),
            balance=Decimal(state["balance"]),
            subscriptions={number: _subscription(s) for number, s in state["subscriptions"].items()},
            ledger=[_entry(entry) for entry in state["ledger"]],
            faxes={name: Fax(**fax) for name, fax in state["faxes"].items()},
            references=int(state["references"]),
            ahead=timedelta(seconds=state["ahead"]),
        )


def _subscription(state: dict[str, Any]) -> Subscription:
    read = {"expiry": date.fromisoformat(state["expiry"]), "capabilities": tuple(state["capabilities"])}
    return Subscription(**(state | read))


def _entry(state: dict[str, Any]) -> Entry:
    read = {"debit": Decimal(state["debit"]), "balance": Decimal(state["balance"])}
    return Entry(**(state | read))
