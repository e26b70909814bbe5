"""`flask setup`: get numbers and point them at this service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import click
from flask.cli import with_appcontext

from receiver import current
from receiver.cli import output, words
from receiver.hoiio.client import Country, NumberClient
from receiver.hoiio.errors import masked
from receiver.hoiio.notifications import Kind
from receiver.offers import find_country, find_state
from receiver.setup import (
    CallbackUrls,
    Configure,
    Outcome,
    Plan,
    Progress,
    Step,
    Subscribe,
    Wish,
    apply,
    plan,
    survey,
    unreachable,
)


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


@click.command()
@click.option("--number", "numbers", multiple=True, type=words.NumberType(), help="This number. Repeatable.")
@click.option("--country", help="Any number of this country, by code or name.")
@click.option("--state", help="Of this state, where numbers are sold by state.")
@click.option(
    "--kind",
    "kinds",
    type=words.KindsType(),
    metavar="voice,sms",
    help="What to receive: voice or fax, sms; all it can unless told.",
)
@words.term_options
@click.option("--max-cost", type=AmountType(), help="Refuse to pay more than this, all in all.")
@click.option("--take-over", is_flag=True, help="Also re-point a --number that points elsewhere.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and stop.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_appcontext
@output.operation_errors()
def setup(
    *,
    numbers: tuple[str, ...],
    country: str | None,
    state: str | None,
    kinds: frozenset[Kind] | None,
    months: str | None,
    auto_extend: bool,
    max_cost: Decimal | None,
    take_over: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Point numbers at this service, buying those that are not held yet.

    Shows the steps and what they cost, asks, does them one by one and reads back. Run it again at any time:
    it goes on from where it stopped, buys nothing twice and gives up no number.
    """
    if bool(numbers) == bool(country):
        raise click.UsageError("Say what to set up: --number +6511111111 (repeatable), or --country SG.")
    if take_over and country:
        raise click.UsageError("--take-over needs --number: name the number to take over.")
    duration = words.duration(months, auto_extend)
    urls, client = words.our_urls(), current.number_client()
    _warn_of_address()
    with output.progress("Asking the provider …"):
        countries: Sequence[Country] = ()
        if country:
            countries = client.available_countries()
            wanted = [_any_of(countries, country, state, kinds or frozenset())]
        else:
            wanted = [Wish(kinds or frozenset(), number=number, state=state or "") for number in numbers]
        found = survey(client, wanted, urls, countries)
    decided = plan(
        wanted,
        found.active,
        urls=urls,
        offers=found.offers,
        duration=duration,
        balance=found.balance,
        take_over=take_over,
        max_cost=max_cost,
    )
    if not as_json:
        _show(decided, urls)
    if decided.purchases:
        output.say(_bill(decided))
    with output.progress("Trying the callback URLs …"):
        problems = unreachable(urls, _kinds(decided, urls))
    for problem in dict.fromkeys(problems.values()):
        kinds_with_it = " and ".join(kind for kind in problems if problems[kind] == problem)
        output.say(
            f"Warning: the callback URL for {kinds_with_it} does not work from this machine: {problem}. Check"
            " that the service runs and that PUBLIC_URL leads to it."
        )
    if dry_run or not decided.steps:
        done: list[Progress] = []
    elif output.confirmed(_question(decided), yes=yes):
        done = _apply(decided, client)
    else:
        output.say("Nothing was done.")
        raise SystemExit(1)
    _conclude(decided, done, urls, problems, dry_run=dry_run, as_json=as_json)


def _any_of(countries: Sequence[Country], country: str, state: str | None, kinds: frozenset[Kind]) -> Wish:
    place = find_country(countries, country)
    return Wish(kinds, country=place.code, state=find_state(place, state).code if state else "")


def _kinds(decided: Plan, urls: CallbackUrls) -> frozenset[Kind]:
    """The kinds that will be received here, once it is done."""
    used = {url for number in decided.ready for url in (number.forward_to, number.forward_sms_to)}
    planned = {kind for step in decided.steps if isinstance(step, Configure) for kind in step.kinds}
    return frozenset(planned | {kind for kind in Kind if urls.of(kind) in used})


def _warn_of_address() -> None:
    """Say what is odd about PUBLIC_URL, unless all this is a rehearsal on one machine."""
    public, api = (
        urlsplit(url or "") for url in (current.config().public_url, current.config().hoiio_api_url)
    )
    if _is_local(api.hostname):
        return
    if _is_local(public.hostname):
        output.say(
            f"Warning: the provider cannot reach {public.hostname}: PUBLIC_URL is not a public address."
        )
    elif public.scheme == "http":
        output.say("Warning: PUBLIC_URL is http, so messages and the callback key travel unencrypted.")


def _is_local(host: str | None) -> bool:
    try:
        return not ip_address(host or "").is_global
    except ValueError:
        return host is None or host == "localhost" or host.endswith((".localhost", ".local"))


def _show(decided: Plan, urls: CallbackUrls) -> None:
    rows = [_row(step, urls) for step in decided.steps]
    rows += [(number.number, "ready", "points here already", "") for number in decided.ready]
    rows += [
        (number.number, "left alone", "points elsewhere; to use it: --number … --take-over", "")
        for number in decided.left_alone
    ]
    rows += [(refusal.subject, "refused", refusal.reason, "") for refusal in decided.refusals]
    output.table(("number", "step", "what", "price"), rows)


def _row(step: Step, urls: CallbackUrls) -> tuple[str, str, str, str]:
    if isinstance(step, Configure):
        return step.number, "configure", words.changes(step, urls), ""
    where = words.place(step.country, step.state)
    price = f"{step.currency} {output.money(step.price)}"
    return step.number, "subscribe", f"{where}, {words.term(step.duration)}", price


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
    bought = len(decided.purchases)
    configured = len(decided.steps) - bought
    parts = [f"buy {_count(bought)} for {decided.currency} {output.money(decided.cost)}"] if bought else []
    parts += [f"configure {_count(configured)}"] if configured else []
    question = " and ".join(parts)
    return f"{question[:1].upper()}{question[1:]}?"


def _count(numbers: int) -> str:
    return "1 number" if numbers == 1 else f"{numbers} numbers"


def _apply(decided: Plan, client: NumberClient) -> list[Progress]:
    done: list[Progress] = []
    for progress in apply(decided, client):
        done.append(progress)
        detail = f" ({progress.detail})" if progress.detail else ""
        # Masked: unlike the tables, this ends up in the logs of whatever runs it unattended.
        output.say(f"{_name(progress.step)} {masked(progress.step.number)}: {progress.outcome}{detail}")
    return done


def _name(step: Step) -> str:
    return "subscribe" if isinstance(step, Subscribe) else "configure"


def _conclude(
    decided: Plan,
    done: Sequence[Progress],
    urls: CallbackUrls,
    problems: Mapping[Kind, str],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """The result, for a person or a program, and the exit code: 0 if all wishes are fulfilled."""
    pointed = [progress.number for progress in done if progress.number]
    ours = [*decided.ready, *pointed]
    failed = [progress for progress in done if progress.outcome in (Outcome.FAILED, Outcome.SKIPPED)]
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
                "unreachable": problems,
            }
        )
    elif pointed:
        output.table(words.NUMBER_COLUMNS, [words.number_row(number, urls) for number in ours])
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
        return f"Refused for {_count(len(decided.refusals))}; the reason is above.{rest}"
    if not decided.steps:
        return "Nothing to do: what was wished for points here already."
    if dry_run:
        return "Nothing was done: this was a dry run."
    return "Ready. What arrives is shown by `flask events list`."


def _step_json(step: Step, urls: CallbackUrls) -> dict[str, object]:
    if isinstance(step, Configure):
        return {
            "step": "configure",
            "number": step.number,
            "kinds": step.kinds,
            "mode": step.mode,
            "changes": words.changes(step, urls),
        }
    return {
        "step": "subscribe",
        "number": step.number,
        "country": step.country,
        "state": step.state,
        "duration": step.duration,
        "price": step.price,
        "currency": step.currency,
    }
