"""Doing what was planned: each step is written into the journal before it is sent, and again when its outcome
is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from receiver.keys.urls import CallbackUrls
from receiver.providers.errors import OutcomeUnknown, ProviderError, Refused, TryLater
from receiver.providers.exchange import LONGEST_PAUSE
from receiver.providers.market import Market
from receiver.providers.numbers import NumberClient, Routes, SubscribedNumber, Subscription
from receiver.setup.configuring import repointed
from receiver.setup.journal import Ending, Journal, term_of
from receiver.setup.plan import Configure, Extend, Payment, Plan, Step, Subscribe

_LOOKS = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Pauses in seconds before looking again for something the provider may take a moment to show."""
_RATE_LIMIT_PAUSES = (2.0, 4.0, 8.0, 16.0, 32.0)

Sleep = Callable[[float], None]


class StepOutcome(StrEnum):
    """What became of a step."""

    DONE = "done"
    FOUND = "found done"
    """Nothing was sent, or its answer was lost, and looking showed that it is as wanted."""
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Progress:
    """A step with its outcome; a sentence says what was paid or what went wrong."""

    step: Step
    outcome: StepOutcome
    detail: str = ""
    number: SubscribedNumber | None = None
    """The number as read back, after a successful Configure."""


def apply(
    decided: Plan,
    client: NumberClient,
    journal: Journal,
    market: Market = Market(),  # noqa: B008  # a value that never changes
    *,
    sleep: Sleep = time.sleep,
    starting: Callable[[Step], None] = lambda _: None,
) -> Iterator[Progress]:
    """Do the steps one by one, saying what became of each. Needs the journal's lease.

    Numbers that were configured are read back together at the end, so their outcomes come last. A refusal
    concerns one number only, and the others go on; so does a number that was changed since it was decided on,
    as a question may have stayed open for long. After any other failure the rest is skipped: it would fail as
    well, or its outcome could not be known. `starting` is called with each step before anything is sent.
    """
    try:
        ours = {number.number: number for number in client.subscribed_numbers()} if decided.steps else {}
    except ProviderError as error:
        yield from _skipped(decided.steps, str(error))
        return
    # What keeps a number from being configured.
    not_ready = {
        one.number: "the number was not bought" for one in decided.payments if one.number not in ours
    }
    not_ready |= dict.fromkeys(_changed(decided, ours), "somebody else changed it meanwhile: run this again")
    with_settings: dict[str, Routes | None] = {}
    sent: list[Configure] = []
    spent = Decimal(0)
    for at, step in enumerate(decided.steps):
        if isinstance(step, Configure) and step.number in not_ready:
            yield Progress(step, StepOutcome.SKIPPED, not_ready[step.number])
            continue
        starting(step)
        try:
            if isinstance(step, Configure):
                bought_so = with_settings.get(step.number) == step.routes
                if found := None if bought_so else _sent(step, client, journal, sleep):
                    yield found
                else:
                    sent.append(step)
                continue
            if step.number in ours and not isinstance(step, Extend):
                yield Progress(step, StepOutcome.FOUND, "already held, so nothing was paid")
                continue
            if decided.max_cost is not None and spent + step.price > decided.max_cost:
                # The provider charged more than it quoted.
                yield Progress(
                    step, StepOutcome.FAILED, f"{spent:f} were paid, so it would exceed --max-cost"
                )
                continue
            done = pay(step, client, journal, market, sleep=sleep)
        except ProviderError as error:
            yield Progress(step, StepOutcome.FAILED, error.reason)
            if not isinstance(error, Refused):
                yield from _read_back(sent, client, journal, sleep)
                yield from _skipped(decided.steps[at + 1 :], "not tried after the failure above")
                return
        else:
            not_ready.pop(step.number, None)
            spent += step.price if done.debit is None else done.debit
            if done.answered:
                with_settings[step.number] = _settings(step)
            yield Progress(step, *_receipt(step, done))
    yield from _read_back(sent, client, journal, sleep)


def pay(
    step: Payment,
    client: NumberClient,
    journal: Journal,
    market: Market = Market(),  # noqa: B008  # a value that never changes
    *,
    sleep: Sleep = time.sleep,
) -> Subscription:
    """Subscribe or extend a number; sent once, unless the provider says that it was too busy to listen.

    Where the answer will not tell what was paid, the price is read once more first: `Refused` if it is not
    the one that was agreed to any more.

    If the answer gets lost, looks whether the number is now held, or was extended, and returns that as not
    `answered`. Raises `OutcomeUnknown` if that does not show: the journal keeps it open, and nothing is ever
    sent again to find out.
    """
    if isinstance(step, Subscribe) and not market.tells_debit:
        _check_price(step, client)
    for pause in _RATE_LIMIT_PAUSES:
        try:
            return _paid(step, client, journal, sleep)
        except TryLater as error:
            # The one failure that is sure to pass soon, and in which surely nothing was done.
            if not error.rate_limited or error.retry_after > LONGEST_PAUSE:
                raise
            sleep(max(pause, error.retry_after))
    return _paid(step, client, journal, sleep)


def repoint(
    numbers: Iterable[SubscribedNumber],
    urls: CallbackUrls,
    client: NumberClient,
    journal: Journal,
    *,
    sleep: Sleep = time.sleep,
) -> Iterator[Progress]:
    """Bring what leads to this service by another key to these URLs, and read it back.

    Modes, and URLs that lead elsewhere, stay. Needs the journal's lease.
    """
    steps = tuple(step for number in numbers if (step := repointed(number, urls)))
    yield from apply(Plan(steps), client, journal, sleep=sleep)


def configure(
    step: Configure, client: NumberClient, journal: Journal, *, sleep: Sleep = time.sleep
) -> Progress:
    """Give one number its settings and read it back. Needs the journal's lease."""
    (done,) = apply(Plan((step,)), client, journal, sleep=sleep)
    return done


def _check_price(step: Subscribe, client: NumberClient) -> None:
    rates = client.rate(step.country)
    now = rates.price(step.duration, step.sort)
    if (now, rates.currency) != (step.price, step.currency):
        costs = "has no price" if now is None else f"costs {rates.currency} {now:f}"
        agreed = f"{step.currency} {step.price:f}"
        reason = f"it {costs} now, not {agreed} as agreed to, so it was not bought. Run this again."
        raise Refused("subscribe", reason, number=step.number)


def _paid(step: Payment, client: NumberClient, journal: Journal, sleep: Sleep) -> Subscription:
    client.wait_to_subscribe()  # before it is written down: stopping here leaves nothing in doubt
    attempt = journal.begin(step)
    try:
        done = client.subscribe(step.number, step.duration, _settings(step))
    except OutcomeUnknown as error:
        with suppress(ProviderError):  # if looking fails as well, that says nothing about the money
            for now in _looking(client, step.number, sleep):
                if not isinstance(step, Extend) or term_of(now) != term_of(step.was):
                    journal.end(attempt, Ending.HELD, f"{error.reason} The provider lists it")
                    return Subscription(step.number, "", None, now.expiry, answered=False)
        raise
    except ProviderError as error:
        journal.end(attempt, Ending.NOT_DONE, error.reason)
        raise
    ending = Ending.DONE if isinstance(step, Extend) else Ending.BOUGHT
    paid = "the price" if done.debit is None else f"{done.currency} {done.debit}"
    journal.end(attempt, ending, f"{paid} paid, until {done.expiry or 'it is released'}")
    return done


def _settings(step: Payment) -> Routes | None:
    return step.routes if isinstance(step, Subscribe) else None


def _changed(decided: Plan, held: Mapping[str, SubscribedNumber]) -> list[str]:
    """The numbers to configure that somebody else has set up since the plan was made."""
    bought = {step.number for step in decided.payments}

    def changed(step: Configure, now: SubscribedNumber) -> bool:
        if step.number not in bought:
            return now.routes != step.was.routes
        # Somebody else bought it, so its settings may be theirs.
        return bool(now.overruled) or now.routes.urls not in ({}, step.routes.urls)

    configured = (step for step in decided.steps if isinstance(step, Configure))
    return [step.number for step in configured if step.number in held and changed(step, held[step.number])]


def _sent(step: Configure, client: NumberClient, journal: Journal, sleep: Sleep) -> Progress | None:
    """Configure; None if the provider took it. If the answer gets lost, look, and send once more at most."""
    lost = ""
    for _ in range(2):
        attempt = journal.begin(step)
        try:
            client.route(step.number, step.routes, step.was.routes)
        except OutcomeUnknown as error:
            lost = error.reason
        except ProviderError as error:
            journal.end(attempt, Ending.NOT_DONE, error.reason)
            raise
        else:
            journal.end(attempt, Ending.DONE)
            return None
        with suppress(ProviderError):
            for number in _looking(client, step.number, sleep):
                if step.holds(number):
                    journal.end(attempt, Ending.DONE, "the answer was lost, but it reads back as wanted")
                    detail = "the answer was lost, but it reads back as wanted"
                    return Progress(step, StepOutcome.FOUND, detail, number)
        journal.end(attempt, Ending.NOT_DONE, lost)
    return Progress(step, StepOutcome.FAILED, lost)


def _read_back(
    sent: Sequence[Configure], client: NumberClient, journal: Journal, sleep: Sleep
) -> Iterator[Progress]:
    """Compare what was sent with what the provider shows: one request, if it shows all of it at once."""
    waiting = {step.number: step for step in sent}
    problem = "accepted, but it does not read back so: look with `receiver numbers list`"
    for pause in _LOOKS if waiting else ():
        sleep(pause)
        try:
            active = client.subscribed_numbers()
        except ProviderError as error:
            problem = f"accepted, but it could not be read back: {error.reason}"
            break
        journal.seen([number.number for number in active])
        for number in active:
            if number.number in waiting and waiting[number.number].holds(number):
                yield Progress(waiting.pop(number.number), StepOutcome.DONE, number=number)
        if not waiting:
            return
    for step in waiting.values():
        yield Progress(step, StepOutcome.FAILED, problem)


def _skipped(steps: Sequence[Step], reason: str) -> Iterator[Progress]:
    for step in steps:
        yield Progress(step, StepOutcome.SKIPPED, reason)


def _receipt(step: Payment, done: Subscription) -> tuple[StepOutcome, str]:
    if not done.answered:
        return StepOutcome.FOUND, "the answer was lost, but the number is held now: it was bought"
    if done.debit is None:
        return StepOutcome.DONE, f"{step.currency} {step.price:f} a month, as quoted"
    paid = f"{done.currency} {done.debit:f} paid"
    return StepOutcome.DONE, paid if done.debit == step.price else f"{paid}, not {step.price:f} as quoted"


def _looking(client: NumberClient, number: str, sleep: Sleep) -> Iterator[SubscribedNumber]:
    """A number as the provider shows it, again and again for a while; nothing while it is not held."""
    for pause in _LOOKS:
        sleep(pause)
        yield from (entry for entry in client.subscribed_numbers() if entry.number == number)
