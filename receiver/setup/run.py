"""A run of setup, apart from the talk: what it works on, what it decides, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from receiver.keys.urls import CallbackUrls, Target
from receiver.providers.numbers import NumberClient, SubscribedNumber
from receiver.setup import wanted
from receiver.setup.apply import Progress, StepOutcome
from receiver.setup.catalogue import Shop
from receiver.setup.journal import Journal
from receiver.setup.plan import Configure, Plan, Wish
from receiver.setup.planning import plan
from receiver.setup.request import SetupRequest
from receiver.setup.survey import survey
from receiver.vocabulary.kinds import Kind


@dataclass(frozen=True)
class Account:
    """The provider's account that is worked on, and where its numbers are to point."""

    client: NumberClient
    shop: Shop
    journal: Journal
    urls: CallbackUrls


@dataclass(frozen=True)
class Decision:
    """What is to be done, what is held now, and what will be received here once it is done."""

    plan: Plan
    active: tuple[SubscribedNumber, ...]
    kinds: frozenset[Kind]


@dataclass(frozen=True)
class Result:
    """What came of a plan; nothing is `done` after a dry run."""

    plan: Plan
    done: tuple[Progress, ...]
    dry_run: bool

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
    urls = account.urls
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
    )
    return Decision(decided, found.active, _received(decided, urls))


def _received(decided: Plan, urls: CallbackUrls) -> frozenset[Kind]:
    ready = {
        kind
        for number in decided.ready
        for kind, url in number.routes.urls.items()
        if urls.target(url, kind) is Target.HERE
    }
    planned = {kind for step in decided.steps if isinstance(step, Configure) for kind in step.kinds}
    return frozenset(planned | ready)
