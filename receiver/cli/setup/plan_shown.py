"""A plan as the person sees it who is asked to agree: steps, prices, the question."""

from __future__ import annotations

from collections.abc import Sequence

from receiver.cli import output, tables
from receiver.cli.numbers import shown
from receiver.keys.urls import CallbackUrls
from receiver.providers.numbers import SubscribedNumber, only_in_console
from receiver.setup.plan import Configure, Step
from receiver.setup.run import Decision

_Row = tuple[str, str, str, str, str]
_ROWS_SHOWN = 40
_READY_SHOWN = 10
_READY = "as you want it already"


def show(decisions: Sequence[Decision]) -> None:
    """The steps as a table, with what is ready, left alone and refused."""
    rows: list[_Row] = []
    refused: list[_Row] = []
    for decision in decisions:
        name = decision.account.provider.name
        rows += [(name, *row) for row in _rows(decision)]
        refused += [(name, one.subject, "refused", one.reason, "") for one in decision.plan.refusals]
    more = len(rows) - _ROWS_SHOWN
    rows = [*rows[:_ROWS_SHOWN], *refused]
    if len(decisions) > 1:
        columns = ("number", "provider", "step", "what", "price")
        tables.show(columns, [(number, name, *rest) for name, number, *rest in rows])
    else:
        tables.show(("number", "step", "what", "price"), [row[1:] for row in rows])
    if more > 0:
        output.say(f"… and {more} more; --dry-run --json shows them all.")


def _rows(decision: Decision) -> list[tuple[str, str, str, str]]:
    decided = decision.plan
    rows = [_row(step, decision) for step in decided.steps]
    if len(decided.ready) > _READY_SHOWN:
        rows.append((numbers(len(decided.ready)), "ready", _READY, ""))
    else:
        rows += [(number.number, "ready", _READY, "") for number in decided.ready]
    rows += [
        (number.number, "left alone", _left(number, decision.account.urls), "")
        for number in decided.left_alone
    ]
    return rows


def _left(number: SubscribedNumber, urls: CallbackUrls) -> str:
    if beyond := only_in_console(urls.taken(number), number.routes):
        by = " and ".join(sorted(instead.name for instead in beyond.values()))
        return f"{by} uses it, which only the provider's console can end"
    return "points elsewhere; to use it: --number … --take-over"


def _row(step: Step, decision: Decision) -> tuple[str, str, str, str]:
    if isinstance(step, Configure):
        return step.number, name(step), shown.changes(step, decision.account.urls), ""
    where = shown.place(step.country, step.state)
    price = f"{step.currency} {tables.money(step.price)}"
    return step.number, name(step), f"{where}, {shown.term(step.duration)}", price


def conditions(decisions: Sequence[Decision]) -> list[str]:
    """What somebody should know before paying: how numbers go on."""
    buying = (decision for decision in decisions if decision.plan.payments)
    said = (decision.account.provider.market.terms_sentence for decision in buying)
    return list(dict.fromkeys(filter(None, said)))


def bill(decision: Decision, *, several: bool = False) -> str:
    """What is to pay now, and what is left of the balance."""
    decided = decision.plan
    to = f" to {decision.account.provider.title}" if several else ""
    price = f"To pay now{to}: {decided.currency} {tables.money(decided.cost)}."
    balance = decided.balance
    if balance is None:
        return f"{price} The provider does not tell the balance."
    has = f"{price} Balance: {balance.currency} {tables.money(balance.balance)}"
    if balance.currency != decided.currency:
        return f"{has}."
    return f"{has}, afterwards {tables.money(balance.balance - decided.cost)}."


def question(decisions: Sequence[Decision]) -> str:
    """What the person is asked to agree to."""
    plans = [decision.plan for decision in decisions]
    configured = sum(len(plan.steps) - len(plan.payments) for plan in plans)
    parts = [
        f"buy {numbers(len(plan.payments))} for {plan.currency} {tables.money(plan.cost)}"
        for plan in plans
        if plan.payments
    ]
    parts += [f"configure {numbers(configured)}"] if configured else []
    asked = " and ".join(parts)
    return f"{asked[:1].upper()}{asked[1:]}?"


def numbers(count: int) -> str:
    """`1 number`, `2 numbers`."""
    return "1 number" if count == 1 else f"{count} numbers"


def name(step: Step) -> str:
    """What a step does, in one word."""
    return type(step).__name__.lower()
