"""The account as the text of its state file: JSON that a person can read."""

import json
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

from receiver.simulator.statefile import reading

from .account import RECORDS, Account
from .records import Entry

_FORMAT = "twilio-1"


def dump(account: Account) -> str:
    """An account as text."""
    kept: dict[str, Any] = {
        "format": _FORMAT,
        "currency": account.currency,
        "balance": str(account.balance),
        "ahead": account.ahead.total_seconds(),
        "ledger": [asdict(entry) for entry in account.ledger],
    }
    for name in RECORDS:
        kept[name] = [asdict(record) for record in getattr(account, name).values()]
    return json.dumps(kept, indent=1) + "\n"


def restore(text: str, origin: object) -> Account:
    """The account that a text holds; the error names the origin if it holds none."""
    with reading(text, origin, _FORMAT) as kept:
        account = Account(currency=str(kept["currency"]), balance=Decimal(kept["balance"]))
        account.ahead = timedelta(seconds=kept["ahead"])
        account.ledger = [Entry(**entry) for entry in kept["ledger"]]
        for name, record in RECORDS.items():
            setattr(account, name, {one["sid"]: record(**one) for one in kept.get(name, ())})
    return account
