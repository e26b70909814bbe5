"""Which account each wish is for, where there are accounts with several providers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from receiver.providers.base import WhichProvider
from receiver.providers.errors import ProviderError
from receiver.setup.journal import SetupError
from receiver.setup.plan import Wish
from receiver.setup.request import SetupRequest
from receiver.setup.run import Account, Decision, decide
from receiver.vocabulary.mask import masked_number


def decide_all(
    request: SetupRequest,
    wishes: Sequence[Wish],
    accounts: Sequence[Account],
    *,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[Decision, ...]:
    """Decide at each account for the wishes that are for it. `--max-cost` is for all of them together."""
    shares, decisions = shared(wishes, accounts), []
    spent, currency = Decimal(0), ""
    for account in accounts:
        if account.provider.name not in shares:
            continue
        left = None if request.max_cost is None else request.max_cost - spent
        asked = replace(request, max_cost=left)
        decision = decide(asked, shares[account.provider.name], account, say=say)
        decisions.append(decision)
        spent += decision.plan.cost
        if left is not None and currency and decision.plan.currency not in ("", currency):
            raise SetupError(
                f"--max-cost is one amount, and this would cost {currency} and {decision.plan.currency}:"
                " run it for one provider at a time"
            )
        currency = currency or decision.plan.currency
    return tuple(decisions)


def shared(wishes: Sequence[Wish], accounts: Sequence[Account]) -> dict[str, tuple[Wish, ...]]:
    """The wishes by provider. Who has a number, or may have bought it, is asked for it.

    `WhichProvider` if nobody said whom to buy it from, and several would do; a `ProviderError` if one that
    may have a number could not be asked.
    """
    names = [account.provider.name for account in accounts]
    given: dict[str, list[Wish]] = {name: [] for name in names}
    unsaid = {wish.number for wish in wishes if wish.number and not wish.provider}
    held, silent = _held(accounts) if unsaid and len(accounts) > 1 else ({}, None)
    for wish in wishes:
        name = wish.provider or (names[0] if len(names) == 1 else held.get(wish.number, ""))
        if not name:
            raise silent or WhichProvider(names)
        if name not in given:
            subject = masked_number(wish.number) or wish.subject
            raise SetupError(f"{subject} is to come from {name}, of which there are no credentials")
        given[name].append(wish)
    return {name: tuple(theirs) for name, theirs in given.items() if theirs or len(names) == 1}


def _held(accounts: Sequence[Account]) -> tuple[dict[str, str], ProviderError | None]:
    """The provider of each number that is held, or whose purchase is not settled; and why one could not be
    asked, which is no matter for numbers that another has."""
    found: dict[str, str] = {}
    silent: ProviderError | None = None
    for account in accounts:
        name = account.provider.name
        found |= {attempt.number: name for attempt in account.journal.unsettled()}
        try:
            found |= {number.number: name for number in account.client.subscribed_numbers()}
        except ProviderError as error:
            silent = error
    return found, silent
