"""What traffic costs, and how the provider says so in a notification."""

from datetime import datetime
from decimal import Decimal

from .account import Account
from .clock import written

CALL_RATE = Decimal("0.020")
"""For each begun minute of a call."""

FAX_RATE = Decimal("0.050")
"""For each minute of a fax."""

SMS_RATE = Decimal("0.013")
"""For each message, or part of a long one."""


def charge(
    account: Account, kind: str, number: str, debit: Decimal, now: datetime, *, detail: str = ""
) -> dict[str, str]:
    """Charge what arrived; the parameters that report it."""
    account.charge(kind, number, debit, now, detail)
    return {"date": written(now), "currency": account.currency, "debit": f"{debit:.3f}"}
