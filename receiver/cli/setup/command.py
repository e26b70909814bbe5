"""`receiver setup`: parses, asks, and shows what `receiver.setup` decides and does."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from receiver import current
from receiver.cli import options, output, progress
from receiver.cli.numbers import shown
from receiver.cli.operation import operation
from receiver.cli.setup import ask, plan_shown, result_shown
from receiver.cli.setup.proofs import Proofs, reached, tested
from receiver.keys.urls import CallbackUrls
from receiver.providers.numbers import NumberClient, SubscribedNumber
from receiver.setup import wanted
from receiver.setup.address import doubt
from receiver.setup.apply import Progress, StepOutcome, apply
from receiver.setup.by_hand import not_bought
from receiver.setup.catalogue import Shop
from receiver.setup.plan import Plan, Step, Wish
from receiver.setup.request import RequestError, SetupRequest
from receiver.setup.run import Account, Result, decide
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
    client = current.number_client(output.patient)
    if request.export:
        _export(client)
        return
    if request.not_bought:
        with progress.spinner("Asking the provider …"):
            not_bought(request.not_bought, client, current.journal(), say=output.say)
        output.say(f"Recorded: {masked_number(request.not_bought)} was not bought.")
        return
    account = Account(client, Shop(client), current.journal(), current.our_urls())
    _warn_of_address()
    wishes = _wishes(request, account.shop, asking=asking)
    try:
        with nullcontext() if request.dry_run else account.journal.lease(say=output.say):
            _run(request, wishes, account, yes=yes, as_json=as_json)
    except KeyboardInterrupt:
        output.say("\nStopped. Run the same command again: it looks first, and continues from here.")
        raise SystemExit(130) from None


def _wishes(request: SetupRequest, shop: Shop, *, asking: bool) -> Sequence[Wish]:
    if asking:
        return (ask.for_a_wish(shop, request),)
    with progress.spinner("Asking the provider …") if request.country else nullcontext():
        return request.wishes(shop)


def _run(
    request: SetupRequest, wishes: Sequence[Wish], account: Account, *, yes: bool, as_json: bool
) -> None:
    """Decide, show, ask, do it, and tell what came of it."""
    with progress.spinner("Asking the provider …"):
        decision = decide(request, wishes, account, say=output.say)
    decided, urls = decision.plan, account.urls
    if not as_json:
        plan_shown.show(decided, urls)
    if decided.payments:
        output.say(plan_shown.bill(decided))
    proofs = Proofs(reached(urls, decision.kinds))
    done: list[Progress] = []
    if decided.steps and not request.dry_run:
        if not output.confirmed(plan_shown.question(decided), yes=yes):
            output.say("Nothing was done.")
            raise SystemExit(1)
        done = _apply(decided, account)
    result = Result(decided, tuple(done), request.dry_run)
    if result.pointed:
        held = {number.number: number for number in (*decision.active, *result.pointed)}
        current.watch().remember([*held.values()])
        proofs = Proofs(proofs.reached, tested(urls, proofs.reached))
    result_shown.show(result, urls, proofs, as_json=as_json)
    if not result.fulfilled:
        raise SystemExit(1)


def _apply(decided: Plan, account: Account) -> list[Progress]:
    done: list[Progress] = []
    many = sys.stderr.isatty() and len(decided.steps) > _LINES_SHOWN
    with progress.bar(len(decided.steps)) if many else nullcontext() as step_on:

        def starting(step: Step) -> None:
            if step_on:
                step_on(f"{plan_shown.name(step)} {masked_number(step.number)}")

        for one in apply(decided, account.client, account.journal, starting=starting):
            done.append(one)
            if not many or one.outcome in (StepOutcome.FAILED, StepOutcome.SKIPPED):
                detail = f" ({one.detail})" if one.detail else ""
                # Masked: unlike the tables, this ends up in the logs of whatever runs it unattended.
                number = masked_number(one.step.number)
                output.say(f"{plan_shown.name(one.step)} {number}: {one.outcome}{detail}")
    return done


def _export(client: NumberClient) -> None:
    """Print the file that wishes for what is held."""
    with progress.spinner("Asking the provider …"):
        active = client.subscribed_numbers()
    urls = current.our_urls()
    click.echo(wanted.write(active, urls, lambda number: _described(number, urls)), nl=False)


def _described(number: SubscribedNumber, urls: CallbackUrls) -> str:
    place, can, calls, sms = shown.number_row(number, urls)[1:5]
    return printable(f"{place}, {can}; calls: {calls}, sms: {sms}; expires {number.expiry}")


def _warn_of_address() -> None:
    config = current.config()
    api_url, _ = current.provider().account(config)
    if sentence := doubt(config.public_url, api_url):
        output.say(f"Warning: {sentence}")
