"""What can go wrong with a provider, told apart by what the caller does next.

    ProviderError
    ├── WrongConfiguration   fix the settings or the account; nothing works until then
    ├── TryLater             nothing was done; the same call may work in a while
    ├── Refused              the provider says no to this one; tell the user why
    ├── UnexpectedAnswer     an answer this version does not understand; report a bug
    └── OutcomeUnknown       the answer to a spending or changing call was lost; look before acting again

A message says what was tried, with which number (masked), what happened and what to do. It never holds a
credential, a full telephone number or text of the transport's own errors, which quote URLs and bodies.
"""

from __future__ import annotations

from receiver.vocabulary.errors import OperatorError
from receiver.vocabulary.mask import masked_number

ADVICE_TO_LOOK = "It may or may not have been done: look at the numbers held before trying again."


class ProviderError(OperatorError):
    """A call to the provider that did not do what was asked."""

    def __init__(self, what: str, reason: str, *, number: str = "", status: str = "") -> None:
        self.number = masked_number(number)
        self.status = status
        self.reason = reason
        super().__init__(f"{what} {self.number}: {reason}" if number else f"{what}: {reason}")


class WrongConfiguration(ProviderError):
    """A setting or the account is wrong; this kind of call will not work until that is put right."""


class TryLater(ProviderError):
    """Nothing was done, and the cause should pass."""

    rate_limited: bool = False
    retry_after: float = 0.0
    """Seconds the provider asked us to wait, if it did."""


class Refused(ProviderError):
    """The provider understood, and says no. Nothing was done."""


class UnexpectedAnswer(ProviderError):
    """The provider said something that this version does not understand."""


class OutcomeUnknown(ProviderError):
    """A call that spends or changes was sent, and its answer was lost."""
