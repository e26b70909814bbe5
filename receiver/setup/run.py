"""A run of setup, apart from the talk: what it works on, what it decides, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from receiver.keys.urls import CallbackUrls, Target
from receiver.providers.base import Provider
from receiver.providers.market import Market
from receiver.providers.numbers import NumberClient, SubscribedNumber
from receiver.setup import wanted
from receiver.setup.apply import Progress, StepOutcome
from receiver.setup.catalogue import Shop
from receiver.setup.journal import Journal
from receiver.setup.plan import Configure, Plan, Refusal, Wish
from receiver.setup.planning import plan
from receiver.setup.request import SetupRequest
from receiver.setup.survey import survey
from receiver.vocabulary.kinds import Kind


@dataclass(frozen=True)
class Account:
    """The account with a provider that is worked on, and where its numbers are to point."""

    provider: Provider
    client: NumberClient
    shop: Shop
    journal: Journal
    urls: CallbackUrls


@dataclass(frozen=True)
class Decision:
    """What is to be done at an account, what is held there now, and what will be received once it is done."""

    account: Account
    plan: Plan
    active: tuple[SubscribedNumber, ...]
    kinds: frozenset[Kind]


@dataclass(frozen=True)
class Result:
    """What came of a decision; nothing is `done` after a dry run."""

    decision: Decision
    done: tuple[Progress, ...]
    dry_run: bool

    @property
    def account(self) -> Account:
        return self.decision.account

    @property
    def plan(self) -> Plan:
        return self.decision.plan

    @property
    def pointed(self) -> tuple[SubscribedNumber, ...]:
        """The numbers that were configured, as read back."""
        return tuple(progress.number for progress in self.done if progress.number)

    @property
    def ours(self) -> tuple[SubscribedNumber, ...]:
        """The wished-for numbers that are as they should be now."""
        return (*self.plan.ready, *self.pointed)

    @property
    def failed(self) -> int:
        """How many steps were not done."""
        return sum(progress.outcome in (StepOutcome.FAILED, StepOutcome.SKIPPED) for progress in self.done)

    @property
    def fulfilled(self) -> bool:
        """Whether nothing was refused and nothing failed."""
        return not self.failed and not self.plan.refusals


def decide(
    request: SetupRequest,
    wishes: Sequence[Wish],
    account: Account,
    *,
    say: Callable[[str], None] = lambda _: None,
) -> Decision:
    """Ask the provider what there is, and decide what to do for these wishes. Changes nothing there.

    Payments of earlier runs are settled first, which may take minutes; a dry run does not wait for them.
    """
    urls, market = account.urls, account.provider.market
    refused = {
        wish: reason for wish in wishes if (reason := impossible(wish, market, in_file=bool(request.file)))
    }
    wishes = [wish for wish in wishes if wish not in refused]
    if any(wish.country for wish in wishes):
        wishes = wanted.placed(wishes, account.shop.countries)
    found = survey(
        account.client, account.shop, account.journal, wishes, urls, wait=not request.dry_run, say=say
    )
    decided = plan(
        wishes,
        found.active,
        urls=urls,
        offers=found.offers,
        unsettled=found.unsettled,
        balance=found.balance,
        take_over=request.take_over,
        max_cost=request.max_cost,
        market=market,
    )
    refusals = (Refusal(wish.subject, reason) for wish, reason in refused.items())
    decided = replace(decided, refusals=(*refusals, *decided.refusals))
    return Decision(account, decided, found.active, _received(decided, urls))


def impossible(wish: Wish, market: Market, *, in_file: bool = False) -> str:
    """Why no number of this provider can be what is wished for; empty if one may be."""
    dashes = "" if in_file else "--"
    for kind in sorted(wish.kinds):
        if kind in market.refused:
            return market.refused[kind]
    if wish.duration not in (None, *market.terms):
        return f"leave out {dashes}months. {market.terms_sentence}"
    if wish.sort and "sort" not in market.narrows:
        return f"leave out {dashes}sort: the provider does not tell sorts of numbers apart"
    return ""


def _received(decided: Plan, urls: CallbackUrls) -> frozenset[Kind]:
    ready = {kind for number in decided.ready for kind in Kind if urls.leads(number, kind) is Target.HERE}
    planned = {kind for step in decided.steps if isinstance(step, Configure) for kind in step.kinds}
    return frozenset(planned | ready)
