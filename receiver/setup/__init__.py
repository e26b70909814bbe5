"""Getting numbers and pointing them at this service: decide first, act second.

`survey` asks the provider what is, and settles what earlier runs left open; `plan`, a pure function, decides
what is to be done and what it costs; `apply` does it step by step, each written into the `Journal` first, and
reads back. So a run that was stopped anywhere is continued by the next one, and nothing is bought twice or
given up.
"""

from receiver.setup.applying import Outcome, Progress, apply, configure, pay, repoint
from receiver.setup.journal import Action, Attempt, Ending, Journal, SetupError, account_of
from receiver.setup.planning import (
    Configure,
    Extend,
    Payment,
    Plan,
    Refusal,
    Step,
    Subscribe,
    Unsettled,
    Wish,
    able,
    plan,
    repointed,
)
from receiver.setup.surveying import Survey, balance_if_told, settle, survey
from receiver.setup.urls import CallbackUrls, Target, masked_url, shown_url

__all__ = [
    "Action",
    "Attempt",
    "CallbackUrls",
    "Configure",
    "Ending",
    "Extend",
    "Journal",
    "Outcome",
    "Payment",
    "Plan",
    "Progress",
    "Refusal",
    "SetupError",
    "Step",
    "Subscribe",
    "Survey",
    "Target",
    "Unsettled",
    "Wish",
    "able",
    "account_of",
    "apply",
    "balance_if_told",
    "configure",
    "masked_url",
    "pay",
    "plan",
    "repoint",
    "repointed",
    "settle",
    "shown_url",
    "survey",
]
