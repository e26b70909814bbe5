"""What a call does next: a pure function. It asks no database, no provider and no clock.

A call always ends. Flows lead forward but for counted loops (`receiver.answering.paths`), a menu is repeated
so many times, and a rule's failure step is taken once. Each happening about the current instruction uses up
one of these; any other changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from receiver.answering.conditions import Circumstances
from receiver.answering.rules import (
    HANG_UP,
    CallRule,
    DialStep,
    EndStep,
    GatherStep,
    GoStep,
    RecordStep,
    Rules,
    SayStep,
    Target,
)
from receiver.answering.state import State
from receiver.answering.tried import first_that_holds
from receiver.answering.why import Cause, RuleTried, Why
from receiver.vocabulary.answering import (
    CallerHungUp,
    DialEnded,
    DialOutcome,
    HangUp,
    Happening,
    Instruction,
    NoInput,
    Pressed,
    Rang,
    Recorded,
    StepDone,
)

_OUTCOMES: Mapping[DialOutcome, Cause] = {
    DialOutcome.ANSWERED: Cause.ANSWERED,
    DialOutcome.BUSY: Cause.BUSY,
    DialOutcome.NO_ANSWER: Cause.NO_ANSWER,
    DialOutcome.FAILED: Cause.FAILURE,
}


@dataclass(frozen=True, slots=True)
class Move:
    """What follows from a happening."""

    instruction: Instruction | None
    """What to do now; None to do nothing."""
    state: State | None
    """Where the call is then; None if no rule is for it."""
    why: tuple[Why, ...]


def begin(rules: Rules, rang: Rang) -> Move:
    """Take a call that has come in. Without a rule for it nothing is done, and it has no state."""
    rule, tried = _rule_for(rules, rang)
    if rule is None:
        return Move(None, None, (Why(Cause.NO_RULE, tried=tried),))
    state = State(rules.version, rule.failure, rule.flow)
    return _Going(rules, state).to(rule.flow, Why(Cause.RULE, tried=tried))


def recover(rules: Rules, rang: Rang) -> Move:
    """Take up a call that was under way, nobody knows where: by the failure step of its rule."""
    rule, tried = _rule_for(rules, rang)
    if rule is None:
        return Move(None, None, (Why(Cause.NO_RULE, tried=tried),))
    state = State(rules.version, rule.failure, rule.flow, failed=True)
    return _Going(rules, state).to(rule.failure, Why(Cause.LOST, tried=tried))


def _rule_for(rules: Rules, rang: Rang) -> tuple[CallRule | None, tuple[RuleTried, ...]]:
    number = rules.numbers.get(rang.number)
    if number is None:
        return None, ()
    now = Circumstances(rang.caller, number.local(rang.at), number.calendar, rang.switches)
    return first_that_holds(number.calls, now)


def proceed(rules: Rules, state: State, happening: Happening) -> Move:
    """Go on with a call. `rules` must be of the version with which it began."""
    if rules.version != state.version:
        raise ValueError("a call goes on with the version of the rules with which it began")
    going = _Going(rules, state)
    if state.over or isinstance(happening, Rang):
        return going.stays(Cause.LATE)
    if isinstance(happening, CallerHungUp):
        return Move(None, replace(state, over=True), (going.reason(Cause.HUNG_UP),))
    if happening.step != state.asked:
        return going.stays(Cause.LATE)
    step = rules.flows[state.flow][state.step]
    match step, happening:
        case GatherStep(), Pressed(digits=digits) if digits:
            return going.pressed(step, digits)
        case GatherStep(), NoInput() | Pressed() | StepDone():
            return going.again(step, step.no_input, Cause.NO_INPUT)
        case DialStep(), DialEnded(outcome=DialOutcome.ANSWERED):
            return going.to(HANG_UP, going.reason(Cause.ANSWERED, going.dialled(step)))
        case DialStep(), DialEnded(outcome=outcome):
            return going.not_reached(step, outcome)
        case DialStep(), _:
            return going.not_reached(step, DialOutcome.FAILED)
        case SayStep(), StepDone() | Pressed() | NoInput():
            return going.on(going.reason(Cause.DONE))
        case RecordStep(), Recorded() | StepDone() | Pressed() | NoInput():
            return going.on(going.reason(Cause.RECORDED))
        case ((SayStep() | GatherStep() | RecordStep()), _):
            return going.failed(step.failure)
    return Move(None, replace(state, over=True), (going.reason(Cause.FAILURE),))


def given_up(state: State) -> Move:
    """End a call whose rules nobody knows any more."""
    why = Why(Cause.FAILURE, state.flow, state.step + 1)
    return Move(HangUp(), replace(state, asked=state.asked + 1, over=True), (why,))


def awaited(rules: Rules, state: State) -> Instruction:
    """The instruction that a call waits for."""
    step = rules.flows[state.flow][state.step]
    if isinstance(step, DialStep):
        return step.instructions[state.turn]
    return HangUp() if isinstance(step, GoStep) else step.instruction


class _Going:
    """A call on its way from one instruction to the next."""

    def __init__(self, rules: Rules, state: State) -> None:
        self._rules, self._state = rules, state

    def reason(self, cause: Cause, detail: str = "") -> Why:
        return Why(cause, self._state.flow, self._state.step + 1, detail)

    def stays(self, cause: Cause) -> Move:
        return Move(None, self._state, (self.reason(cause),))

    def dialled(self, step: DialStep) -> str:
        return step.instructions[self._state.turn].number

    def pressed(self, step: GatherStep, digits: str) -> Move:
        target = step.keys.get(digits)
        if target is None:
            return self.again(step, step.wrong_input, Cause.WRONG_INPUT, digits)
        return self.to(target, self.reason(Cause.PRESSED, digits))

    def again(self, step: GatherStep, otherwise: Target, cause: Cause, detail: str = "") -> Move:
        """Repeat a menu while there are repeats left."""
        why = self.reason(cause, detail)
        if self._state.turn >= step.repeats:
            return self.to(otherwise, why)
        return self._ask(step.instruction, replace(self._state, turn=self._state.turn + 1), (why,))

    def not_reached(self, step: DialStep, outcome: DialOutcome) -> Move:
        """Dial the next number; after the last one, what is to happen then."""
        why = self.reason(_OUTCOMES[outcome], self.dialled(step))
        turn = self._state.turn + 1
        if turn < len(step.instructions):
            return self._ask(step.instructions[turn], replace(self._state, turn=turn), (why,))
        targets = {DialOutcome.BUSY: step.busy, DialOutcome.NO_ANSWER: step.no_answer}
        target = targets.get(outcome, step.failure)
        return self.on(why) if target is None else self.to(target, why)

    def failed(self, target: Target | None) -> Move:
        """Take the failure step: that of the step, or once that of the rule."""
        why = self.reason(Cause.FAILURE)
        if target is not None:
            return self.to(target, why)
        first = not self._state.failed
        self._state = replace(self._state, failed=True)
        return self.to(self._state.failure if first else HANG_UP, why)

    def on(self, why: Why) -> Move:
        """To the next step of the same flow."""
        return self._enter(replace(self._state, step=self._state.step + 1, turn=0), [why])

    def to(self, target: Target, why: Why) -> Move:
        """To the first step of a flow, or to the end."""
        if target == HANG_UP:
            return self._ask(HangUp(), replace(self._state, over=True), (why,))
        return self._enter(replace(self._state, flow=target, step=0, turn=0), [why])

    def _enter(self, state: State, why: list[Why]) -> Move:
        """To the first step from here that is an instruction."""
        step = self._rules.flows[state.flow][state.step]
        while isinstance(step, GoStep):
            state, reason = _gone(state, step)
            why.append(reason)
            if state.flow == HANG_UP:
                # Where it was stays in the state: there is no flow of this name to be in.
                last = replace(state, flow=reason.flow, step=reason.step - 1, over=True)
                return self._ask(HangUp(), last, tuple(why))
            step = self._rules.flows[state.flow][state.step]
        over = isinstance(step, EndStep)
        return self._ask(_instruction(step), replace(state, over=over), tuple(why))

    @staticmethod
    def _ask(instruction: Instruction, state: State, why: tuple[Why, ...]) -> Move:
        return Move(instruction, replace(state, asked=state.asked + 1), why)


def _gone(state: State, step: GoStep) -> tuple[State, Why]:
    """Through a `go`, counted if it is."""
    target, cause, rounds = step.flow, Cause.GO, state.rounds
    if step.times is not None and step.then is not None:
        here = f"{state.flow}/{state.step}"
        gone = rounds.get(here, 0)
        if gone < step.times:
            rounds = {**rounds, here: gone + 1}
        else:
            target, cause = step.then, Cause.COUNTED
    why = Why(cause, state.flow, state.step + 1, target)
    return replace(state, flow=target, step=0, turn=0, rounds=rounds), why


def _instruction(step: SayStep | GatherStep | DialStep | RecordStep | EndStep) -> Instruction:
    return step.instructions[0] if isinstance(step, DialStep) else step.instruction
