"""`receiver setup`: parses, asks, and shows what `receiver.setup` decides and does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import click

from receiver import current
from receiver.cli import options, output, progress
from receiver.cli.numbers import shown
from receiver.cli.numbers.held import asked_for
from receiver.cli.numbers.several import Several
from receiver.cli.operation import operation
from receiver.cli.setup import ask, plan_shown, result_shown
from receiver.cli.setup.proofs import Proofs, reached, tested
from receiver.keys.urls import CallbackUrls
from receiver.providers.base import Provider
from receiver.providers.numbers import SubscribedNumber
from receiver.setup import wanted
from receiver.setup.address import doubts
from receiver.setup.apply import Progress, StepOutcome, apply
from receiver.setup.by_hand import not_bought
from receiver.setup.matching import fitting
from receiver.setup.plan import Step, Wish
from receiver.setup.request import RequestError, SetupRequest
from receiver.setup.run import Account, Decision, Result
from receiver.setup.sharing import decide_all
from receiver.vocabulary.mask import masked_number
from receiver.vocabulary.printable import printable

_LINES_SHOWN = 8
"""Steps up to which each gets a line; more get a bar on a terminal."""


@click.command()
@click.option(
    "--number", "numbers", multiple=True, type=options.NumberType(), help="This number. Repeatable."
)
@click.option("--country", metavar="COUNTRY", help="Any number of this country, by code or name.")
@click.option("--state", metavar="STATE", help="Only of this state, where numbers are sold by state.")
@click.option(
    "--count",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="How many numbers of the country; 1 by default.",
)
@click.option("--any", "any_number", is_flag=True, help="Take any number: do not ask which.")
@click.option(
    "--kind",
    "kinds",
    type=options.KindsType(),
    metavar="voice,sms",
    help="What to receive: voice or fax, and sms. By default everything the number can.",
)
@options.narrowed
@options.term
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A TOML file with all the numbers you want; see docs/setup.md.",
)
@click.option("--export", is_flag=True, help="Print such a file for the numbers you hold, and stop.")
@click.option("--max-cost", type=options.AmountType(), help="Refuse to pay more than this in total.")
@click.option("--take-over", is_flag=True, help="Also re-point numbers that point elsewhere.")
@options.DRY_RUN
@click.option(
    "--not-bought",
    type=options.NumberType(),
    help="Record that this number was not bought, if a purchase is in doubt.",
)
@options.PROVIDER
@options.YES
@options.AS_JSON
@operation
def setup(*, yes: bool, as_json: bool, **asked: Any) -> None:
    """Get numbers and point them at this service.

    Shows the steps and what they cost, asks, does them one by one, and reads the settings back. You can run
    it again at any time: it continues where it stopped, never buys twice and never gives a number up. On a
    terminal it asks for what you did not say.
    """
    request = SetupRequest(**asked)
    asking = request.is_open and sys.stdin.isatty() and not (yes or as_json or request.dry_run)
    try:
        request.check(asking=asking)
    except RequestError as error:
        raise click.UsageError(str(error)) from None
    if request.export:
        _export(asked_for(request.provider))
        return
    if request.not_bought:
        _not_bought(request.not_bought, asked_for(request.provider))
        return
    given = () if asking else request.wishes
    providers = _providers(request, given)
    if asking and len(providers) > 1:
        providers = (ask.for_a_provider(providers),)
    accounts = [current.account(of, output.patient) for of in providers]
    _warn_of_address(providers)
    wishes = (ask.for_a_wish(accounts[0], request),) if asking else given
    try:
        with ExitStack() as leases:
            for account in () if request.dry_run else accounts:
                leases.enter_context(account.journal.lease(say=output.say))
            _run(request, wishes, accounts, yes=yes, as_json=as_json)
    except KeyboardInterrupt:
        output.say("\nStopped. Run the same command again: it looks first, and continues from here.")
        raise SystemExit(130) from None


def _providers(request: SetupRequest, wishes: Sequence[Wish]) -> tuple[Provider, ...]:
    """Those that may be needed: the ones that are named, or all if a wish names none."""
    named = sorted({wish.provider for wish in wishes} or {request.provider or ""})
    return tuple(map(current.provider, named)) if all(named) else current.providers()


def _run(
    request: SetupRequest, wishes: Sequence[Wish], accounts: Sequence[Account], *, yes: bool, as_json: bool
) -> None:
    """Decide, show, ask, do it, and tell what came of it."""
    with progress.spinner("Asking the provider …"):
        decisions = decide_all(request, wishes, accounts, say=output.say)
    if not as_json:
        plan_shown.show(decisions)
    for sentence in plan_shown.conditions(decisions):
        output.say(sentence)
    for decision in decisions:
        if decision.plan.payments:
            output.say(plan_shown.bill(decision, several=len(decisions) > 1))
    proofs = [Proofs(reached(each.account.urls, each.kinds)) for each in decisions]
    steps = [step for decision in decisions for step in decision.plan.steps]
    done: list[list[Progress]] = [[] for _ in decisions]
    if steps and not request.dry_run:
        if not output.confirmed(plan_shown.question(decisions), yes=yes):
            output.say("Nothing was done.")
            raise SystemExit(1)
        many = sys.stderr.isatty() and len(steps) > _LINES_SHOWN
        with progress.bar(len(steps)) if many else nullcontext() as step_on:
            done = [_apply(decision, step_on) for decision in decisions]
    results = [
        Result(decision, tuple(each), request.dry_run) for decision, each in zip(decisions, done, strict=True)
    ]
    proofs = [_proved(result, known) for result, known in zip(results, proofs, strict=True)]
    result_shown.show(results, proofs, as_json=as_json)
    if request.country and results[0].plan.ready and not (steps or results[0].plan.refusals):
        output.say(f"To have one more: --count {_fitting(request.wishes, results[0]) + 1}.")
    if not all(result.fulfilled for result in results):
        raise SystemExit(1)


def _fitting(wishes: Sequence[Wish], result: Result) -> int:
    """How many of the numbers held a wish for a country can be fulfilled with."""
    (wish,) = wanted.placed(wishes, result.account.shop.countries)
    return len(fitting(wish, result.decision.active, result.account.urls))


def _proved(result: Result, known: Proofs) -> Proofs:
    """Remember what was configured, and let a test arrive at it."""
    if not result.pointed:
        return known
    account = result.account
    held = {number.number: number for number in (*result.decision.active, *result.pointed)}
    current.watch().remember(account.provider.name, [*held.values()])
    return Proofs(known.reached, tested(account, known.reached))


def _apply(decision: Decision, step_on: Callable[[str], None] | None) -> list[Progress]:
    done: list[Progress] = []

    def starting(step: Step) -> None:
        if step_on:
            step_on(f"{plan_shown.name(step)} {masked_number(step.number)}")

    account = decision.account
    market = account.provider.market
    doing = apply(
        decision.plan, account.client, account.journal, market, sleep=output.patient, starting=starting
    )
    for one in doing:
        done.append(one)
        if not step_on or one.outcome in (StepOutcome.FAILED, StepOutcome.SKIPPED):
            detail = f" ({one.detail})" if one.detail else ""
            # Masked: unlike the tables, this ends up in the logs of whatever runs it unattended.
            number = masked_number(one.step.number)
            output.say(f"{plan_shown.name(one.step)} {number}: {one.outcome}{detail}")
    return done


def _not_bought(number: str, asked: Sequence[Provider]) -> None:
    """Record it at the account where the purchase is in doubt."""
    journals = {of.name: current.journal(of) for of in asked}
    doubted = (of for of in asked if any(one.number == number for one in journals[of.name].unsettled()))
    of = next(doubted, asked[0])
    with progress.spinner("Asking the provider …"):
        not_bought(number, current.number_client(of, output.patient), journals[of.name], say=output.say)
    output.say(f"Recorded: {masked_number(number)} was not bought.")


def _export(asked: Sequence[Provider]) -> None:
    """Print the file that wishes for what is held."""
    several = Several(asked)
    click.echo(wanted.HEADING, nl=False)
    for of in several.asked:
        with several.one(of):
            with progress.spinner("Asking the provider …"):
                active = current.number_client(of, output.patient).subscribed_numbers()
            urls, name = current.our_urls(of), of.name if several.many else ""
            describe = partial(_described, of, urls)
            click.echo(wanted.write(active, urls, describe, market=of.market, provider=name), nl=False)
    several.end(found=True)


def _described(of: Provider, urls: CallbackUrls, number: SubscribedNumber) -> str:
    place, can, calls, sms = shown.number_row(shown.Held(of, number, urls))[1:5]
    until = f"; expires {number.expiry}" if number.expiry else ""
    return printable(f"{place}, {can}; calls: {calls}, sms: {sms}{until}")


def _warn_of_address(providers: Sequence[Provider]) -> None:
    for doubt in doubts(current.config(), providers):
        output.say(f"Warning: {doubt.sentence[:1].lower()}{doubt.sentence[1:]}")
