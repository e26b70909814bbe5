"""`flask setup`: get numbers and point them at this service."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from flask.cli import with_appcontext

from receiver import current
from receiver.cli import ask, output, words
from receiver.cli.proof import proof_json, prove_urls
from receiver.keys.hops import Proof
from receiver.keys.proof import reach
from receiver.keys.urls import CallbackUrls
from receiver.outbound.address import network_of
from receiver.providers.numbers import NumberClient, SubscribedNumber
from receiver.setup import wanted
from receiver.setup.apply import Progress, StepOutcome, apply
from receiver.setup.catalogue import Shop, find_country, find_state
from receiver.setup.journal import Ending, Journal, SetupError
from receiver.setup.plan import Configure, Plan, Step, Wish
from receiver.setup.planning import plan
from receiver.setup.survey import settle, survey
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.mask import masked_number

_ROWS_SHOWN = 40
_READY_SHOWN = 10
_LINES_SHOWN = 8
"""Steps up to which each gets a line; more get a bar on a terminal."""


class AmountType(click.ParamType[Decimal]):
    """An amount of money."""

    name = "AMOUNT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            amount = Decimal(value)
        except ArithmeticError:
            amount = Decimal("NaN")
        if not amount.is_finite() or amount < 0:
            self.fail(f"{value!r} is not an amount of money such as 10.00.")
        return amount


@click.command(short_help="Point numbers at this service, bought if need be.")
@click.option("--number", "numbers", multiple=True, type=words.NumberType(), help="This number. Repeatable.")
@click.option("--country", help="Any number of this country, by code or name.")
@click.option("--state", help="Of this state, where numbers are sold by state.")
@click.option("--count", type=click.IntRange(1, 1000), help="So many numbers of the country.")
@click.option("--any", "any_number", is_flag=True, help="Whichever number: do not ask which.")
@click.option(
    "--kind",
    "kinds",
    type=words.KindsType(),
    metavar="voice,sms",
    help="What to receive: voice or fax, sms; all it can unless told.",
)
@words.term_options
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What is wished for, as TOML; see docs/setup.md.",
)
@click.option("--export", is_flag=True, help="Print such a file for the numbers held, and stop.")
@click.option("--max-cost", type=AmountType(), help="Refuse to pay more than this, all in all.")
@click.option("--take-over", is_flag=True, help="Also re-point a number that points elsewhere.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and stop.")
@click.option("--not-bought", type=words.NumberType(), help="Settle: this number was not bought after all.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_appcontext
@output.operation_errors()
def setup(
    *,
    numbers: tuple[str, ...],
    country: str | None,
    state: str | None,
    count: int | None,
    any_number: bool,
    kinds: frozenset[Kind] | None,
    months: str | None,
    auto_extend: bool,
    file: Path | None,
    export: bool,
    max_cost: Decimal | None,
    take_over: bool,
    dry_run: bool,
    not_bought: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Point numbers at this service, buying those that are not held yet.

    Shows the steps and what they cost, asks, does them one by one and reads back. Run it again at any time:
    it goes on from where it stopped, buys nothing twice and gives up no number. On a terminal it asks for
    what it is not told.
    """
    known = ask.Known(country, state, any_number, kinds, words.duration_if_told(months, auto_extend))
    subjects = [bool(numbers), bool(country), bool(file), export, bool(not_bought)]
    asking = (
        sys.stdin.isatty() and not (yes or as_json or dry_run or count) and sum(subjects) == bool(country)
    )
    _check_options(subjects, asking=asking, take_over=take_over, count=count, file=file, known=known)
    client = current.number_client(output.patient)
    if export:
        _export(client)
        return
    journal = current.journal()
    if not_bought:
        _settle_by_hand(client, journal, not_bought)
        return
    urls, shop = words.our_urls(), Shop(client)
    _warn_of_address()
    if file:
        wishes = _wishes_of(file)
    elif asking:
        wishes = (ask.for_a_wish(shop, known),)
    elif country:
        wishes = (_any_of(shop, known, count or 1),)
    else:
        duration = words.duration(months, auto_extend)
        wishes = tuple(
            Wish(kinds or frozenset(), number=number, state=state or "", duration=duration)
            for number in numbers
        )
    try:
        with nullcontext() if dry_run else journal.lease(say=output.say):
            _plan_and_apply(
                wishes,
                client,
                shop,
                journal,
                urls,
                max_cost=max_cost,
                take_over=take_over,
                dry_run=dry_run,
                yes=yes,
                as_json=as_json,
            )
    except KeyboardInterrupt:
        output.say("\nStopped. Run the same command again: it looks first, and goes on from here.")
        raise SystemExit(130) from None


def _check_options(
    subjects: Sequence[bool],
    *,
    asking: bool,
    take_over: bool,
    count: int | None,
    file: Path | None,
    known: ask.Known,
) -> None:
    if sum(subjects) > 1 or (not any(subjects) and not asking):
        raise click.UsageError(
            "Say what to set up: --number +6511111111 (repeatable), --country SG, or --file numbers.toml."
        )
    if take_over and known.country:
        raise click.UsageError("--take-over needs --number or --file: name the number to take over.")
    if count and not known.country:
        raise click.UsageError("--count needs --country: a number is there once.")
    if file and (known.state or known.kinds or known.duration or known.any_number):
        raise click.UsageError("With --file, kinds, state and term stand in the file.")


def _plan_and_apply(
    wishes: Sequence[Wish],
    client: NumberClient,
    shop: Shop,
    journal: Journal,
    urls: CallbackUrls,
    *,
    max_cost: Decimal | None,
    take_over: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    with output.progress("Asking the provider …"):
        if any(wish.country for wish in wishes):
            wishes = wanted.placed(wishes, shop.countries)
        found = survey(client, shop, journal, wishes, urls, wait=not dry_run, say=output.say)
    decided = plan(
        wishes,
        found.active,
        urls=urls,
        offers=found.offers,
        unsettled=found.unsettled,
        balance=found.balance,
        take_over=take_over,
        max_cost=max_cost,
    )
    if not as_json:
        _show(decided, urls)
    if decided.payments:
        output.say(_bill(decided))
    proofs = _reached(urls, _kinds(decided, urls))
    if dry_run or not decided.steps:
        done: list[Progress] = []
    elif output.confirmed(_question(decided), yes=yes):
        done = _apply(decided, client, journal)
    else:
        output.say("Nothing was done.")
        raise SystemExit(1)
    tests: dict[Kind, Proof] = {}
    if pointed := [progress.number for progress in done if progress.number]:
        held = {number.number: number for number in (*found.active, *pointed)}
        current.watch().remember([*held.values()])
        tests = _proved(urls, [kind for kind, proof in proofs.items() if proof.holds])
    _conclude(decided, done, urls, proofs, tests, dry_run=dry_run, as_json=as_json)


def _export(client: NumberClient) -> None:
    """Print the file that wishes for what is held."""
    with output.progress("Asking the provider …"):
        active = client.subscribed_numbers()
    urls = words.our_urls()
    click.echo(wanted.write(active, urls, lambda number: _described(number, urls)), nl=False)


def _described(number: SubscribedNumber, urls: CallbackUrls) -> str:
    place, can, calls, sms = words.number_row(number, urls)[1:5]
    return output.printable(f"{place}, {can}; calls: {calls}, sms: {sms}; expires {number.expiry}")


def _settle_by_hand(client: NumberClient, journal: Journal, number: str) -> None:
    with journal.lease(say=output.say):
        with output.progress("Asking the provider …"):
            active, _ = settle(client, Shop(client), journal, wait=False)
        if any(held.number == number for held in active):
            raise click.ClickException(f"{masked_number(number)} is held, so it was bought")
        found = [attempt for attempt in journal.unsettled() if attempt.number == number]
        for attempt in found:
            journal.end(attempt.id, Ending.NOT_DONE, "said so by hand")
    if not found:
        raise click.ClickException(f"no purchase of {masked_number(number)} is in doubt")
    output.say(f"Taken down: {masked_number(number)} was not bought.")


def _wishes_of(file: Path) -> tuple[Wish, ...]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SetupError(f"{file.name} cannot be read: {reason}.") from None
    return wanted.read(text, file.name, words.telephone)


def _any_of(shop: Shop, known: ask.Known, count: int) -> Wish:
    with output.progress("Asking the provider …"):
        place = find_country(shop.countries, known.country or "")
    state = find_state(place, known.state).code if known.state else ""
    wish = Wish(known.kinds or frozenset(), country=place.code, state=state, count=count)
    return wish if known.duration is None else replace(wish, duration=known.duration)


def _kinds(decided: Plan, urls: CallbackUrls) -> frozenset[Kind]:
    """The kinds that will be received here, once it is done."""
    used = {url for number in decided.ready for url in (number.forward_to, number.forward_sms_to)}
    planned = {kind for step in decided.steps if isinstance(step, Configure) for kind in step.kinds}
    return frozenset(planned | {kind for kind in Kind if urls.of(kind) in used})


def _reached(urls: CallbackUrls, kinds: frozenset[Kind]) -> dict[Kind, Proof]:
    """Try the callback URLs before anything is paid, and warn of those that do not answer."""
    with output.progress("Trying the callback URLs …"):
        proofs = {kind: reach(urls.of(kind)) for kind in sorted(kinds)}
    _warn_of(proofs)
    return proofs


def _proved(urls: CallbackUrls, kinds: Sequence[Kind]) -> dict[Kind, Proof]:
    """Let a test arrive at those that answered, and warn of what becomes of it."""
    proofs = prove_urls({kind: urls.of(kind) for kind in kinds})
    if arrived := [kind for kind, proof in proofs.items() if proof.holds]:
        output.say(f"Proved: a test for {' and '.join(arrived)} arrived in the log.")
    _warn_of(proofs)
    return proofs


def _warn_of(proofs: Mapping[Kind, Proof]) -> None:
    for problem in dict.fromkeys(
        (proof.sentence, proof.mend) for proof in proofs.values() if not proof.holds
    ):
        with_it = [kind for kind, proof in proofs.items() if (proof.sentence, proof.mend) == problem]
        output.say(
            f"Warning: the callback URL for {' and '.join(with_it)} does not work from this machine:"
            f" {' '.join(problem)}"
        )


def _warn_of_address() -> None:
    """Say what is odd about PUBLIC_URL, unless all this is a rehearsal on one machine."""
    public, api = (
        urlsplit(url or "") for url in (current.config().public_url, current.config().hoiio_api_url)
    )
    if network_of(api.hostname or "").local:
        return
    if network_of(public.hostname or "").local:
        output.say(
            f"Warning: the provider cannot reach {public.hostname}: PUBLIC_URL is not a public address."
        )
    elif public.scheme == "http":
        output.say("Warning: PUBLIC_URL is http, so messages and the callback key travel unencrypted.")


def _show(decided: Plan, urls: CallbackUrls) -> None:
    rows = [_row(step, urls) for step in decided.steps]
    if len(decided.ready) > _READY_SHOWN:
        rows.append((_count(len(decided.ready)), "ready", "as wished for already", ""))
    else:
        rows += [(number.number, "ready", "as wished for already", "") for number in decided.ready]
    rows += [
        (number.number, "left alone", "points elsewhere; to use it: --number … --take-over", "")
        for number in decided.left_alone
    ]
    refused = [(refusal.subject, "refused", refusal.reason, "") for refusal in decided.refusals]
    more = len(rows) - _ROWS_SHOWN
    output.table(("number", "step", "what", "price"), [*rows[:_ROWS_SHOWN], *refused])
    if more > 0:
        output.say(f"… and {more} more; --dry-run --json shows them all.")


def _row(step: Step, urls: CallbackUrls) -> tuple[str, str, str, str]:
    if isinstance(step, Configure):
        return step.number, _name(step), words.changes(step, urls), ""
    where = words.place(step.country, step.state)
    price = f"{step.currency} {output.money(step.price)}"
    return step.number, _name(step), f"{where}, {words.term(step.duration)}", price


def _bill(decided: Plan) -> str:
    price = f"To pay now: {decided.currency} {output.money(decided.cost)}."
    balance = decided.balance
    if balance is None:
        return f"{price} The provider does not tell the balance."
    has = f"{price} Balance: {balance.currency} {output.money(balance.balance)}"
    if balance.currency != decided.currency:
        return f"{has}."
    return f"{has}, afterwards {output.money(balance.balance - decided.cost)}."


def _question(decided: Plan) -> str:
    bought = len(decided.payments)
    configured = len(decided.steps) - bought
    parts = [f"buy {_count(bought)} for {decided.currency} {output.money(decided.cost)}"] if bought else []
    parts += [f"configure {_count(configured)}"] if configured else []
    question = " and ".join(parts)
    return f"{question[:1].upper()}{question[1:]}?"


def _count(numbers: int) -> str:
    return "1 number" if numbers == 1 else f"{numbers} numbers"


def _apply(decided: Plan, client: NumberClient, journal: Journal) -> list[Progress]:
    done: list[Progress] = []
    many = sys.stderr.isatty() and len(decided.steps) > _LINES_SHOWN
    with output.bar(len(decided.steps)) if many else nullcontext() as step_on:

        def starting(step: Step) -> None:
            if step_on:
                step_on(f"{_name(step)} {masked_number(step.number)}")

        for progress in apply(decided, client, journal, starting=starting):
            done.append(progress)
            if not many or progress.outcome in (StepOutcome.FAILED, StepOutcome.SKIPPED):
                detail = f" ({progress.detail})" if progress.detail else ""
                # Masked: unlike the tables, this ends up in the logs of whatever runs it unattended.
                number = masked_number(progress.step.number)
                output.say(f"{_name(progress.step)} {number}: {progress.outcome}{detail}")
    return done


def _name(step: Step) -> str:
    return type(step).__name__.lower()


def _conclude(
    decided: Plan,
    done: Sequence[Progress],
    urls: CallbackUrls,
    proofs: Mapping[Kind, Proof],
    tests: Mapping[Kind, Proof],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """The result, for a person or a program, and the exit code: 0 if all wishes are fulfilled."""
    pointed = [progress.number for progress in done if progress.number]
    ours = [*decided.ready, *pointed]
    failed = [progress for progress in done if progress.outcome in (StepOutcome.FAILED, StepOutcome.SKIPPED)]
    fulfilled = not failed and not decided.refusals
    if as_json:
        output.json_out(
            {
                "fulfilled": fulfilled and (not dry_run or not decided.steps),
                "dry_run": dry_run,
                "steps": [_step_json(step, urls) for step in decided.steps],
                "refusals": decided.refusals,
                "left_alone": [number.number for number in decided.left_alone],
                "cost": decided.cost,
                "currency": decided.currency or None,
                "balance": decided.balance,
                "progress": [
                    {
                        "step": _name(progress.step),
                        "number": progress.step.number,
                        "outcome": progress.outcome,
                        "detail": progress.detail,
                    }
                    for progress in done
                ],
                "numbers": [words.number_json(number, urls) for number in ours],
                "unreachable": {kind: proof.sentence for kind, proof in proofs.items() if not proof.holds},
                "tests": [proof_json(kind, proof) for kind, proof in tests.items()],
            }
        )
    elif 0 < len(pointed) <= _ROWS_SHOWN:
        output.table(words.NUMBER_COLUMNS, [words.number_row(number, urls) for number in pointed])
    output.say(_verdict(decided, len(ours), len(failed), dry_run=dry_run))
    if not fulfilled:
        raise SystemExit(1)


def _verdict(decided: Plan, ours: int, failed: int, *, dry_run: bool) -> str:
    if failed:
        return (
            f"Not done: {failed} of {len(decided.steps)} steps. Put right what is said above and run the same"
            " command again: it looks first, and goes on from here."
        )
    if decided.refusals:
        rest = "" if dry_run or not ours else f" The rest is done: {_count(ours)} can receive."
        refused = "1 wish was" if len(decided.refusals) == 1 else f"{len(decided.refusals)} wishes were"
        return f"{refused} refused; the reason is above.{rest}"
    if not decided.steps:
        return "Nothing to do: all is as wished for already."
    if dry_run:
        return "Nothing was done: this was a dry run."
    return "Ready. What arrives is shown by `flask events list`."


def _step_json(step: Step, urls: CallbackUrls) -> dict[str, object]:
    if isinstance(step, Configure):
        return {
            "step": _name(step),
            "number": step.number,
            "kinds": step.kinds,
            "mode": step.mode,
            "changes": words.changes(step, urls),
        }
    return {
        "step": _name(step),
        "number": step.number,
        "country": step.country,
        "state": step.state,
        "duration": step.duration,
        "price": step.price,
        "currency": step.currency,
    }
