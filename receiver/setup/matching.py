"""Which numbers fulfil a wish: those held, and those that an earlier run may have bought."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from receiver.keys.urls import CallbackUrls, Target
from receiver.providers.digits import area_of, countries_of
from receiver.providers.numbers import SubscribedNumber
from receiver.setup.catalogue import can, in_narrow
from receiver.setup.configuring import Impossible, kinds_for, settings_for
from receiver.setup.plan import Unsettled, Wish
from receiver.vocabulary.kinds import Kind


def allotted(
    wanted: Sequence[Wish], active: Sequence[SubscribedNumber], urls: CallbackUrls
) -> dict[Wish, list[SubscribedNumber]]:
    """The numbers held that fulfil each wish or will, once they are configured; each number for one wish.

    Named numbers go first, then what is to point here. Where a wish leaves another one without, numbers
    change hands, so that none is bought that need not be. Numbers that are as wished for already go to whom
    they serve so: once a plan is carried out, there is nothing left to change.
    """
    held = {number.number: number for number in active}.values()
    seekers = [_seeker(wish, held, urls) for wish in dict.fromkeys(wanted)]
    most = {seeker: seeker.wish.count for seeker in sorted(seekers, key=lambda one: _turn(one.wish))}
    owners: dict[str, _Seeker] = {}
    _share_out(most, owners)
    # Now it is known how many each can have, but not which ones are best.
    most = {seeker: _owned(seeker, owners) for seeker in most}
    owners = {}
    _share_out(most, owners, ready=True)
    _share_out(most, owners)
    return {
        seeker.wish: [number for number in seeker.fit if owners.get(number.number) is seeker]
        for seeker in seekers
    }


@dataclass(eq=False)  # looked up so often that comparing wishes would take seconds
class _Seeker:
    """A wish, and the numbers that it could have."""

    wish: Wish
    fit: Sequence[SubscribedNumber]
    ready: Sequence[SubscribedNumber]
    """Those of them that need no change."""


def _seeker(wish: Wish, active: Collection[SubscribedNumber], urls: CallbackUrls) -> _Seeker:
    graded = _graded(wish, active, urls)
    ready = [number for changes, number in graded if not changes]
    return _Seeker(wish, [number for _, number in graded], ready)


def _turn(wish: Wish) -> tuple[bool, ...]:
    return not wish.number, not wish.point, not wish.state, not wish.kinds


def _share_out(most: Mapping[_Seeker, int], owners: dict[str, _Seeker], *, ready: bool = False) -> None:
    """Give each wish numbers until it has so many, if it can; with `ready`, those that need no change."""
    for seeker, count in most.items():
        missing = count - _owned(seeker, owners)
        while missing and _gets_one(seeker, owners, ready=ready):
            missing -= 1


def _owned(seeker: _Seeker, owners: Mapping[str, _Seeker]) -> int:
    return sum(owner is seeker for owner in owners.values())


def _gets_one(first: _Seeker, owners: dict[str, _Seeker], *, ready: bool) -> bool:
    """Let a wish have one number more; if need be, one whose owner takes another one instead, and so on."""
    gives_up: dict[_Seeker, tuple[str, _Seeker]] = {}
    asked = [first]
    for seeker in asked:  # it grows meanwhile
        for number in seeker.ready if ready else seeker.fit:
            owner = owners.get(number.number)
            if owner is None:
                handed: tuple[str, _Seeker] | None = (number.number, seeker)
                while handed:
                    owners[handed[0]] = handed[1]
                    handed = gives_up.get(handed[1])
                return True
            if owner is not first and owner not in gives_up:
                gives_up[owner] = (number.number, seeker)
                asked.append(owner)
    return False


def fitting(wish: Wish, active: Collection[SubscribedNumber], urls: CallbackUrls) -> list[SubscribedNumber]:
    """The numbers held that a wish can be fulfilled with, the one with the least to change first.

    For a country, those are the numbers that can do what is wanted and, if they are to point here, are not in
    use for anything else.
    """
    return [number for _, number in _graded(wish, active, urls)]


def _graded(
    wish: Wish, active: Collection[SubscribedNumber], urls: CallbackUrls
) -> list[tuple[int, SubscribedNumber]]:
    """The same, each with how much there is to change. One that is named is for nobody else."""
    if wish.number:
        return [(0, number) for number in active if number.number == wish.number]
    found = [(_changes(wish, number, urls), number) for number in active if lies_in(number, wish)]
    able = [(changes, number) for changes, number in found if changes is not None]
    return sorted(able, key=lambda one: (one[0], one[1].number))


def _changes(wish: Wish, number: SubscribedNumber, urls: CallbackUrls) -> int | None:
    """How many URLs of a number have to change to fulfil a wish, at least one if anything has to.

    None if it cannot or must not.
    """
    if not wish.point:
        return 0 if not number.capabilities or can(number.capabilities, wish.kinds) else None
    try:
        kinds = kinds_for(wish.kinds, number)
    except Impossible:
        return None if number.capabilities else 1  # they are unknown: better to ask than to buy another one
    targets = [urls.leads(number, kind) for kind in kinds]
    if Target.ELSEWHERE in targets or not all(_serves(number, kind) for kind in kinds):
        return None
    with suppress(Impossible):
        if settings_for(wish, number, urls, take_over=False).holds(number):
            return 0
    return max(1, sum(target is not Target.HERE for target in targets))


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
    if wish.number or not wish.point or not lies_in(number, wish):
        return False
    try:
        kinds = kinds_for(wish.kinds, number)
    except Impossible:
        return False
    return any(urls.leads(number, kind) is Target.ELSEWHERE for kind in kinds)


def _serves(number: SubscribedNumber, kind: Kind) -> bool:
    """Whether a number is free for this kind: not in use for fax if it is voice, or the other way round."""
    in_use = number.routes.of(Kind.VOICE) or number.routes.of(Kind.FAX)
    return kind is Kind.SMS or not in_use or number.routes.calls is kind
