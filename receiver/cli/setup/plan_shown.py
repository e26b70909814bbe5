"""A plan as the person sees it who is asked to agree: steps, prices, the question."""

from __future__ import annotations

from receiver.cli import output, tables
from receiver.cli.numbers import shown
from receiver.keys.urls import CallbackUrls
from receiver.setup.plan import Configure, Plan, Step

_ROWS_SHOWN = 40
_READY_SHOWN = 10


def show(decided: Plan, urls: CallbackUrls) -> None:
    """The steps as a table, with what is ready, left alone and refused."""
    rows = [_row(step, urls) for step in decided.steps]
    if len(decided.ready) > _READY_SHOWN:
        rows.append((numbers(len(decided.ready)), "ready", "as wished for already", ""))
    else:
        rows += [(number.number, "ready", "as wished for already", "") for number in decided.ready]
    rows += [
        (number.number, "left alone", "points elsewhere; to use it: --number … --take-over", "")
        for number in decided.left_alone
    ]
    refused = [(refusal.subject, "refused", refusal.reason, "") for refusal in decided.refusals]
    more = len(rows) - _ROWS_SHOWN
    tables.show(("number", "step", "what", "price"), [*rows[:_ROWS_SHOWN], *refused])
    if more > 0:
        output.say(f"… and {more} more; --dry-run --json shows them all.")


def _row(step: Step, urls: CallbackUrls) -> tuple[str, str, str, str]:
    if isinstance(step, Configure):
        return step.number, name(step), shown.changes(step, urls), ""
    where = shown.place(step.country, step.state)
    price = f"{step.currency} {tables.money(step.price)}"
    return step.number, name(step), f"{where}, {shown.term(step.duration)}", price


def bill(decided: Plan) -> str:
    """What is to pay now, and what is left of the balance."""
    price = f"To pay now: {decided.currency} {tables.money(decided.cost)}."
    balance = decided.balance
    if balance is None:
        return f"{price} The provider does not tell the balance."
    has = f"{price} Balance: {balance.currency} {tables.money(balance.balance)}"
    if balance.currency != decided.currency:
        return f"{has}."
    return f"{has}, afterwards {tables.money(balance.balance - decided.cost)}."


def question(decided: Plan) -> str:
    """What the person is asked to agree to."""
    bought = len(decided.payments)
    configured = len(decided.steps) - bought
    parts = [f"buy {numbers(bought)} for {decided.currency} {tables.money(decided.cost)}"] if bought else []
    parts += [f"configure {numbers(configured)}"] if configured else []
    asked = " and ".join(parts)
    return f"{asked[:1].upper()}{asked[1:]}?"


def numbers(count: int) -> str:
    """`1 number`, `2 numbers`."""
    return "1 number" if count == 1 else f"{count} numbers"


def name(step: Step) -> str:
    """What a step does, in one word."""
    return type(step).__name__.lower()
