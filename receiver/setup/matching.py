"""Which numbers fulfil a wish: those held, and those that an earlier run may have bought."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from receiver.keys.urls import CallbackUrls, Target
from receiver.providers.digits import area_of, countries_of
from receiver.providers.numbers import SubscribedNumber
from receiver.setup.catalogue import in_narrow
from receiver.setup.configuring import Impossible, kinds_for
from receiver.setup.plan import Unsettled, Wish
from receiver.vocabulary.kinds import Kind


def allotted(
    wanted: Sequence[Wish], active: Sequence[SubscribedNumber], urls: CallbackUrls
) -> dict[Wish, list[SubscribedNumber]]:
    """The numbers held that fulfil each wish or will, once they are configured; each number for one wish.

    Named numbers go first, then the more particular wishes before the less particular.
    """
    given: dict[Wish, list[SubscribedNumber]] = {wish: [] for wish in wanted}
    free = {number.number: number for number in active}
    for wish in sorted(given, key=lambda wish: (not wish.number, not wish.state, not wish.kinds)):
        for number in fitting(wish, list(free.values()), urls)[: wish.count]:
            given[wish].append(free.pop(number.number))
    return given


def fitting(wish: Wish, active: Collection[SubscribedNumber], urls: CallbackUrls) -> list[SubscribedNumber]:
    """The numbers held that a wish can be fulfilled with, the one with the least to change first.

    For a country, those are the numbers that can do what is wanted and are not in use for anything else.
    """
    if wish.number:
        return [number for number in active if number.number == wish.number]
    found: list[tuple[int, str, SubscribedNumber]] = []
    for number in active:
        if not lies_in(number, wish):
            continue
        try:
            kinds = kinds_for(wish.kinds, number)
        except Impossible:
            if number.capabilities:
                continue
            kinds = frozenset()  # its capabilities are unknown: better to ask than to buy another one
        targets = [urls.target(number.routes.of(kind), kind) for kind in kinds]
        overruled = any(kind in number.overruled for kind in kinds)
        if Target.ELSEWHERE in targets or overruled or not all(_serves(number, kind) for kind in kinds):
            continue
        found.append((sum(target is not Target.HERE for target in targets), number.number, number))
    return [number for _, _, number in sorted(found, key=lambda one: one[:2])]


def may_fulfil(attempt: Unsettled, wish: Wish) -> bool:
    """Whether a purchase may have been made for a wish. In doubt, yes."""
    if wish.number:
        return wish.number == attempt.number
    return attempt.country == wish.country and (
        not wish.state or not attempt.state or wish.state == attempt.state
    )


def lies_in(number: SubscribedNumber, wish: Wish) -> bool:
    """Whether a number belongs to the wish's country and state, or may, by its digits if nothing else says.

    In doubt it does: better to ask for too little than to buy a second one.
    """
    countries = (number.country,) if number.country else countries_of(number.number)
    if wish.country not in countries or (wish.sort and number.sort not in (None, wish.sort)):
        return False
    if not in_narrow(number.number, wish.narrowed):
        return False
    if not wish.state:
        return True
    area = number.state or area_of(number.number)
    return len(area) != 2 or area == wish.state


def points_elsewhere(number: SubscribedNumber, wish: Wish, urls: CallbackUrls) -> bool:
    """Whether a number held would fulfil a wish for a country if it did not point elsewhere."""
    if wish.number or not lies_in(number, wish):
        return False
    try:
        kinds = kinds_for(wish.kinds, number)
    except Impossible:
        return False
    return any(
        kind in number.overruled or urls.target(number.routes.of(kind), kind) is Target.ELSEWHERE
        for kind in kinds
    )


def _serves(number: SubscribedNumber, kind: Kind) -> bool:
    """Whether a number is free for this kind: not in use for fax if it is voice, or the other way round."""
    in_use = number.routes.of(Kind.VOICE) or number.routes.of(Kind.FAX)
    return kind is Kind.SMS or not in_use or number.routes.calls is kind
