"""What came of a run of setup, for a person or a program."""

from __future__ import annotations

from collections.abc import Sequence

from receiver.cli import output
from receiver.cli.numbers import shown
from receiver.cli.numbers.proof import proof_json
from receiver.cli.setup import plan_shown
from receiver.cli.setup.proofs import Proofs
from receiver.providers.numbers import SubscribedNumber
from receiver.setup.plan import Configure, Step
from receiver.setup.run import Result

_ROWS_SHOWN = 40


def show(results: Sequence[Result], proofs: Sequence[Proofs], *, as_json: bool) -> None:
    """The numbers that were configured, and a verdict; or one JSON object, and the verdict on stderr."""
    pointed = [held for result in results for held in _held(result, result.pointed)]
    if as_json:
        output.json_out(_json(results, proofs))
    elif 0 < len(pointed) <= _ROWS_SHOWN:
        shown.show_numbers(pointed, several=len(results) > 1)
    output.say(_verdict(results))


def _held(result: Result, numbers: Sequence[SubscribedNumber]) -> list[shown.Held]:
    account = result.account
    return [shown.Held(account.provider, number, account.urls) for number in numbers]


def _verdict(results: Sequence[Result]) -> str:
    steps = sum(len(result.plan.steps) for result in results)
    failed = sum(result.failed for result in results)
    refusals = sum(len(result.plan.refusals) for result in results)
    ours = sum(len(result.ours) for result in results)
    dry_run = any(result.dry_run for result in results)
    if failed:
        return (
            f"Not done: {failed} of {steps} steps. Fix what is said above and run the"
            " same command again: it looks first, and continues from here."
        )
    if refusals:
        rest = f" The rest is done: {plan_shown.numbers(ours)} can receive." if ours and not dry_run else ""
        refused = "1 wish was" if refusals == 1 else f"{refusals} wishes were"
        return f"{refused} refused; the reason is above.{rest}"
    if not steps:
        return "Nothing to do: everything is as you want it already."
    if dry_run:
        return "Nothing was done: this was a dry run."
    return "Ready. `receiver events` shows what arrives."


def _json(results: Sequence[Result], proofs: Sequence[Proofs]) -> dict[str, object]:
    plans = [result.plan for result in results]
    steps = sum(len(plan.steps) for plan in plans)
    dry_run = any(result.dry_run for result in results)
    accounts = [_account_json(result) for result in results]
    # One amount, where there is one account.
    first = accounts[0] if len(accounts) == 1 else dict.fromkeys(("cost", "currency", "balance"))
    return {
        "fulfilled": all(result.fulfilled for result in results) and not (dry_run and steps),
        "dry_run": dry_run,
        "steps": [_step_json(step, result) for result in results for step in result.plan.steps],
        "refusals": [
            {"provider": result.account.provider.name, "subject": one.subject, "reason": one.reason}
            for result in results
            for one in result.plan.refusals
        ],
        "left_alone": [number.number for plan in plans for number in plan.left_alone],
        "cost": first["cost"],
        "currency": first["currency"],
        "balance": first["balance"],
        "accounts": accounts,
        "progress": [
            {
                "provider": result.account.provider.name,
                "step": plan_shown.name(one.step),
                "number": one.step.number,
                "outcome": one.outcome,
                "detail": one.detail,
            }
            for result in results
            for one in result.done
        ],
        "numbers": [shown.number_json(held) for result in results for held in _held(result, result.ours)],
        "unreachable": {
            door.name: proof.sentence for each in proofs for door, proof in each.reached if not proof.holds
        },
        "tests": [
            proof_json(result.account.provider, door, proof)
            for result, each in zip(results, proofs, strict=True)
            for door, proof in each.tested
        ],
    }


def _account_json(result: Result) -> dict[str, object]:
    plan = result.plan
    return {
        "provider": result.account.provider.name,
        "cost": plan.cost,
        "currency": plan.currency or None,
        "balance": plan.balance,
    }


def _step_json(step: Step, result: Result) -> dict[str, object]:
    provider = result.account.provider.name
    if isinstance(step, Configure):
        return {
            "provider": provider,
            "step": plan_shown.name(step),
            "number": step.number,
            "kinds": step.kinds,
            "mode": step.routes.mode,
            "changes": shown.changes(step, result.account.urls),
        }
    return {
        "provider": provider,
        "step": plan_shown.name(step),
        "number": step.number,
        "country": step.country,
        "state": step.state,
        "duration": step.duration,
        "price": step.price,
        "currency": step.currency,
    }
