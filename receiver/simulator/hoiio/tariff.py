"""What traffic costs, and how a notification reports it."""

from datetime import datetime
from decimal import Decimal

from .account import Account
from .clock import written

CALL_RATE = Decimal("0.020")
"""Per minute of a call, or part of one."""

FAX_RATE = Decimal("0.050")
"""Per minute of a fax."""

SMS_RATE = Decimal("0.013")
"""Per message, or part of a long one."""


def charge(
    account: Account, kind: str, number: str, debit: Decimal, now: datetime, *, detail: str = ""
) -> dict[str, str]:
    """Charge for what arrived, and return the parameters that report it."""
    account.charge(kind, number, debit, now, detail)
    return {"date": written(now), "currency": account.currency, "debit": f"{debit:.3f}"}
