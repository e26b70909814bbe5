"""What came of a run of setup, for a person or a program."""

from __future__ import annotations

from receiver.cli import output, tables
from receiver.cli.numbers import shown
from receiver.cli.numbers.proof import proof_json
from receiver.cli.setup import plan_shown
from receiver.cli.setup.proofs import Proofs
from receiver.keys.urls import CallbackUrls
from receiver.setup.plan import Configure, Step
from receiver.setup.run import Result

_ROWS_SHOWN = 40


def show(result: Result, urls: CallbackUrls, proofs: Proofs, *, as_json: bool) -> None:
    """The numbers that were configured, and a verdict; or one JSON object, and the verdict on stderr."""
    if as_json:
        output.json_out(_json(result, urls, proofs))
    elif 0 < len(result.pointed) <= _ROWS_SHOWN:
        tables.show(shown.NUMBER_COLUMNS, [shown.number_row(number, urls) for number in result.pointed])
    output.say(_verdict(result))


def _verdict(result: Result) -> str:
    decided = result.plan
    if result.failed:
        return (
            f"Not done: {result.failed} of {len(decided.steps)} steps. Fix what is said above and run the"
            " same command again: it looks first, and continues from here."
        )
    if decided.refusals:
        done = not result.dry_run and result.ours
        rest = f" The rest is done: {plan_shown.numbers(len(result.ours))} can receive." if done else ""
        refused = "1 wish was" if len(decided.refusals) == 1 else f"{len(decided.refusals)} wishes were"
        return f"{refused} refused; the reason is above.{rest}"
    if not decided.steps:
        return "Nothing to do: everything is as you want it already."
    if result.dry_run:
        return "Nothing was done: this was a dry run."
    return "Ready. `receiver events` shows what arrives."


def _json(result: Result, urls: CallbackUrls, proofs: Proofs) -> dict[str, object]:
    decided = result.plan
    return {
        "fulfilled": result.fulfilled and not (result.dry_run and decided.steps),
        "dry_run": result.dry_run,
        "steps": [_step_json(step, urls) for step in decided.steps],
        "refusals": decided.refusals,
        "left_alone": [number.number for number in decided.left_alone],
        "cost": decided.cost,
        "currency": decided.currency or None,
        "balance": decided.balance,
        "progress": [
            {
                "step": plan_shown.name(one.step),
                "number": one.step.number,
                "outcome": one.outcome,
                "detail": one.detail,
            }
            for one in result.done
        ],
        "numbers": [shown.number_json(number, urls) for number in result.ours],
        "unreachable": {kind: proof.sentence for kind, proof in proofs.reached.items() if not proof.holds},
        "tests": [proof_json(kind, proof) for kind, proof in proofs.tested.items()],
    }


def _step_json(step: Step, urls: CallbackUrls) -> dict[str, object]:
    if isinstance(step, Configure):
        return {
            "step": plan_shown.name(step),
            "number": step.number,
            "kinds": step.kinds,
            "mode": step.routes.mode,
            "changes": shown.changes(step, urls),
        }
    return {
        "step": plan_shown.name(step),
        "number": step.number,
        "country": step.country,
        "state": step.state,
        "duration": step.duration,
        "price": step.price,
        "currency": step.currency,
    }
