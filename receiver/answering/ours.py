"""What a rules file asks of numbers: that they are ours, and that their providers can do it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Engine

from receiver.answering.paths import targets
from receiver.answering.problems import Place, Problem, meant
from receiver.answering.rules import DialStep, EndStep, GatherStep, Number, RecordStep, Rules, SayStep, Step
from receiver.numbers import known as known_numbers
from receiver.providers.base import Provider
from receiver.providers.registry import PROVIDERS
from receiver.vocabulary.answering import Ability, Prompt, Reject, Sound, Speech


def check(rules: Rules, ours: Mapping[str, Provider] | None) -> tuple[Problem, ...]:
    """What is wrong for these numbers of ours; None if nobody knows which they are."""
    if ours is None:
        place = min((number.place for number in rules.numbers.values()), default=Place(1, 1))
        sentence = "nobody knows yet which numbers are ours, so these could not be compared with them"
        return (Problem(place, sentence, warning=True),)
    found = {problem for number in rules.numbers.values() for problem in of_number(rules, number, ours)}
    return tuple(sorted(found))


def unheard(rules: Rules) -> tuple[Problem, ...]:
    """What is wrong while PUBLIC_URL is not set: the first number each of whose calls would go on nowhere."""
    answered = sorted(number.place for number in rules.numbers.values() if number.calls)
    sentence = (
        "PUBLIC_URL is not set, so providers cannot be told where a call goes on: calls are not answered"
    )
    return tuple(Problem(place, sentence, warning=True) for place in answered[:1])


def known(engine: Engine) -> Mapping[str, Provider] | None:
    """The numbers that are known to be ours, with their providers; None if that is not known."""
    numbers = known_numbers.read(engine).numbers
    return {number.number: PROVIDERS[number.provider] for number in numbers} or None


def of_number(rules: Rules, number: Number, ours: Mapping[str, Provider]) -> tuple[Problem, ...]:
    """What is wrong for one number."""
    provider = ours.get(number.number)
    if provider is None:
        sentence = f"{number.number} is not a number of ours{meant(number.number, ours)}"
        return (Problem(number.place, sentence),)
    return tuple(sorted(set(_beyond(rules, number, provider))))


def _beyond(rules: Rules, number: Number, provider: Provider) -> Iterator[Problem]:
    whose = f"{number.number} is a number of {provider.title}"
    for step in _reached(rules, number):
        for ability in sorted(_asked(step) - provider.can):
            yield Problem(
                step.place,
                f"{whose}, which cannot do {str(ability)!r} here",
            )
        prompt = _prompt(step)
        if isinstance(prompt, Speech) and not provider.speaks(prompt.language):
            sentence = f"{whose}, which may not speak {prompt.language!r}: add its country, as in zh-HK"
            yield Problem(step.place, sentence, warning=True)
    for rule in number.sms:
        if rule.reply is not None:
            yield from _reply(rule.place, rule.reply, whose, provider)


def _reply(place: Place, text: str, whose: str, provider: Provider) -> Iterator[Problem]:
    if Ability.REPLY not in provider.can:
        yield Problem(place, f"{whose}, which cannot do 'reply' here")
        return
    parts = provider.sent_as(text)
    if parts is None:
        yield Problem(place, f"{whose}, which sends no reply as long as this one")
    elif parts > 1:
        yield Problem(place, f"this reply is sent as {parts} SMS, and each is paid for", warning=True)


def _reached(rules: Rules, number: Number) -> Iterator[Step]:
    """The steps that a call of this number may come to."""
    waiting = [target for rule in number.calls for target in (rule.flow, rule.failure)]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in rules.flows:
            continue
        seen.add(name)
        for step in rules.flows[name]:
            yield step
            waiting += [target for _, target in targets(step)]


def _asked(step: Step) -> set[Ability]:
    return _done(step) | _voice(_prompt(step))


def _done(step: Step) -> set[Ability]:
    match step:
        case GatherStep():
            return {Ability.GATHER}
        case DialStep():
            return {Ability.DIAL} | (set() if step.instructions[0].ring is None else {Ability.RING})
        case RecordStep():
            return {Ability.RECORD} | (set() if step.instruction.beep is None else {Ability.BEEP})
        case EndStep() if isinstance(step.instruction, Reject):
            return {Ability.REJECT}
    return set()


def _prompt(step: Step) -> Prompt | None:
    match step:
        case SayStep() | GatherStep() | RecordStep():
            return step.instruction.prompt
        case DialStep():
            return step.instructions[0].prompt
    return None


def _voice(prompt: Prompt | None) -> set[Ability]:
    if prompt is None:
        return set()
    return {Ability.PLAY if isinstance(prompt, Sound) else Ability.SAY}
