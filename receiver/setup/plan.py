"""What is to be done for what is wished for, and what it costs. Pure: asks nobody, changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from receiver.keys.urls import CallbackUrls, Target, shown_url
from receiver.providers.numbers import Balance, Capability, Duration, Mode, SubscribedNumber
from receiver.setup.catalogue import Offer, Offers, area_of, can, country_of
from receiver.vocabulary.kinds import Kind


@dataclass(frozen=True)
class Wish:
    """Numbers that should point here: this very one, or so many of a country and state.

    No kinds means all that a number can do, voice rather than fax. A wish that does not `point` is to be
    held, wherever it leads. `duration` is for what has to be bought.
    """

    kinds: frozenset[Kind] = frozenset()
    number: str = ""
    country: str = ""
    state: str = ""
    count: int = 1
    duration: Duration = Duration.ONE_MONTH
    point: bool = True

    @property
    def subject(self) -> str:
        """What to call it."""
        if self.number:
            return self.number
        many = "a number of" if self.count == 1 else f"{self.count} numbers of"
        return " ".join(part for part in (many, self.country, self.state) if part)


@dataclass(frozen=True)
class Subscribe:
    """Buy a number. `price` is due at once."""

    number: str
    country: str
    state: str
    duration: Duration
    price: Decimal
    currency: str


@dataclass(frozen=True)
class Extend:
    """Pay for more time of a number that is held."""

    number: str
    country: str
    state: str
    duration: Duration
    price: Decimal
    currency: str
    was: SubscribedNumber


@dataclass(frozen=True)
class Configure:
    """Give a number these settings, all of them; the provider forgets what is not sent."""

    number: str
    forward_to: str
    forward_sms_to: str
    mode: str
    kinds: frozenset[Kind]
    """What is to point here. The other URL is kept as it was."""
    was: SubscribedNumber

    def holds(self, number: SubscribedNumber) -> bool:
        """Whether a number already has these settings. A mode that the provider does not tell agrees."""
        return (
            number.forward_to == self.forward_to
            and number.forward_sms_to == self.forward_sms_to
            and (not self.mode or number.mode in ("", self.mode))
        )


Payment = Subscribe | Extend
Step = Subscribe | Extend | Configure


@dataclass(frozen=True)
class Unsettled:
    """A payment that was sent, and of which nobody can tell yet whether it was made."""

    number: str
    country: str
    state: str
    reason: str


@dataclass(frozen=True)
class Refusal:
    """Something wished for that will not be done, and why."""

    subject: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """What is to be done, in order; what is already as wished; and what is refused."""

    steps: tuple[Step, ...]
    ready: tuple[SubscribedNumber, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    left_alone: tuple[SubscribedNumber, ...] = ()
    """Numbers held that would do instead of a purchase, but point elsewhere."""
    balance: Balance | None = None
    max_cost: Decimal | None = None

    @property
    def payments(self) -> tuple[Payment, ...]:
        return tuple(step for step in self.steps if not isinstance(step, Configure))

    @property
    def cost(self) -> Decimal:
        """What is due at once."""
        return sum((step.price for step in self.payments), Decimal(0))

    @property
    def currency(self) -> str:
        return next((step.currency for step in self.payments), "")


def plan(
    wanted: Sequence[Wish],
    active: Sequence[SubscribedNumber],
    *,
    urls: CallbackUrls,
    offers: Mapping[Wish, Offers] | None = None,
    unsettled: Sequence[Unsettled] = (),
    balance: Balance | None = None,
    take_over: bool = False,
    max_cost: Decimal | None = None,
) -> Plan:
    """What is to be done for these wishes.

    Never buys what is held, nor for a wish that an `unsettled` purchase may have fulfilled; never touches a
    number nobody wished for, and leaves a number that points elsewhere alone unless `take_over`.
    """
    steps: list[Step] = []
    ready: list[SubscribedNumber] = []
    refusals: list[Refusal] = []
    left_alone: dict[str, SubscribedNumber] = {}
    for wish, numbers in allotted(wanted, active, urls).items():
        for number in numbers:
            try:
                step = _configure(wish, number, urls, take_over=take_over) if wish.point else None
            except _ImpossibleError as impossible:
                refusals.append(Refusal(number.number, str(impossible)))
                continue
            if step is None or step.holds(number):
                ready.append(number)
            else:
                steps.append(step)
        missing = wish.count - len(numbers)
        if not missing:
            continue
        left_alone |= {other.number: other for other in active if _points_elsewhere(other, wish, urls)}
        if doubt := next((one for one in unsettled if may_fulfil(one, wish)), None):
            refusals.append(Refusal(wish.subject, doubt.reason))
            continue
        offered = (offers or {}).get(wish, Offers((), "it is not held, and nothing was offered"))
        for offer in offered.found[:missing]:
            try:
                bought, number = _purchase(wish, offer)
                steps.append(bought)
                if wish.point:
                    steps.append(_configure(wish, number, urls, take_over=False))
            except _ImpossibleError as impossible:
                refusals.append(Refusal(offer.number.number, str(impossible)))
        if len(offered.found) < missing:
            refusals.append(Refusal(wish.subject, offered.shortage))
    made = Plan(tuple(steps), tuple(ready), tuple(refusals), tuple(left_alone.values()), balance, max_cost)
    reason = _too_dear(made)
    return _without_purchases(made, reason) if reason else made


def allotted(
    wanted: Sequence[Wish], active: Sequence[SubscribedNumber], urls: CallbackUrls
) -> dict[Wish, list[SubscribedNumber]]:
    """The numbers held that fulfil each wish or will, once they are configured; each number for one wish.

    What is named goes first, and who is particular before who is not.
    """
    given: dict[Wish, list[SubscribedNumber]] = {wish: [] for wish in wanted}
    free = {number.number: number for number in active}
    for wish in sorted(given, key=lambda wish: (not wish.number, not wish.state, not wish.kinds)):
        for number in fitting(wish, list(free.values()), urls)[: wish.count]:
            given[wish].append(free.pop(number.number))
    return given


def fitting(wish: Wish, active: Collection[SubscribedNumber], urls: CallbackUrls) -> list[SubscribedNumber]:
    """The numbers held that a wish can be fulfilled with, the one with the least to change first.

    For a country those are the ones which can do what is wanted and which nobody uses for anything else.
    """
    if wish.number:
        return [number for number in active if number.number == wish.number]
    found: list[tuple[int, str, SubscribedNumber]] = []
    for number in active:
        if not lies_in(number, wish):
            continue
        try:
            kinds = _kinds(wish.kinds, number)
        except _ImpossibleError:
            if number.capabilities:
                continue
            kinds = frozenset()  # nothing is told about it: better to ask than to buy another one
        targets = [urls.target(present(number, kind)) for kind in kinds]
        if Target.ELSEWHERE in targets or not all(_serves(number, kind) for kind in kinds):
            continue
        found.append((sum(target is not Target.HERE for target in targets), number.number, number))
    return [number for _, _, number in sorted(found, key=lambda one: one[:2])]


def repointed(number: SubscribedNumber, urls: CallbackUrls) -> Configure | None:
    """The settings that bring what already leads to this service, by whatever key, to these URLs.

    Mode, and URLs that lead elsewhere, stay as they are. None if nothing of it leads here by another key.
    """
    stale = (Target.OLDER_KEY, Target.DEAD_KEY)
    calls, sms = (urls.target(url) in stale for url in (number.forward_to, number.forward_sms_to))
    if not calls and not sms:
        return None
    kind = _calls(number)
    return Configure(
        number.number,
        forward_to=urls.of(kind) if calls else number.forward_to,
        forward_sms_to=urls.sms if sms else number.forward_sms_to,
        mode=_known_mode(number.mode, number),
        kinds=frozenset(one for one, moved in ((kind, calls), (Kind.SMS, sms)) if moved),
        was=number,
    )


def may_fulfil(attempt: Unsettled, wish: Wish) -> bool:
    """Whether a purchase may have been made for a wish. In doubt it was."""
    if wish.number:
        return wish.number == attempt.number
    return attempt.country == wish.country and (
        not wish.state or not attempt.state or wish.state == attempt.state
    )


def lies_in(number: SubscribedNumber, wish: Wish) -> bool:
    """Whether a number belongs to the wish's country and state, by its digits if the provider is silent."""
    country = number.country or country_of(number.number)
    if country != wish.country:
        return False
    # A number whose state nobody can tell counts: better to ask too little than to buy a second one.
    area = number.state or area_of(number.number)
    return not wish.state or len(area) != 2 or area == wish.state


def able(capabilities: frozenset[str]) -> str:
    """What a number can do, as half a sentence."""
    calls = [word.lower() for word in (Capability.VOICE, Capability.FAX) if word in capabilities]
    words = [" or ".join(calls), "sms" if Capability.SMS in capabilities else ""]
    return f"it can receive {' and '.join(word for word in words if word) or 'nothing this service knows'}"


def present(number: SubscribedNumber, kind: Kind) -> str:
    """The URL a number has for a kind."""
    return number.forward_sms_to if kind is Kind.SMS else number.forward_to


class _ImpossibleError(Exception):
    """A wish that cannot be fulfilled; becomes a `Refusal`."""


def _purchase(wish: Wish, offer: Offer) -> tuple[Subscribe, SubscribedNumber]:
    """The purchase for a wish, and the number as it will be afterwards."""
    price = offer.rates.price(wish.duration)
    if price is None:
        terms = ", ".join(str(rate.months) for rate in offer.rates.entries) or "none"
        raise _ImpossibleError(f"the provider quotes no price for this term; it does for months: {terms}")
    number = SubscribedNumber(
        offer.number.number,
        country=offer.country,
        state=offer.state,
        capabilities=offer.number.capabilities,
    )
    if wish.point:
        _kinds(wish.kinds, number)  # before a price is even mentioned
    step = Subscribe(number.number, offer.country, offer.state, wish.duration, price, offer.rates.currency)
    return step, number


def _configure(wish: Wish, number: SubscribedNumber, urls: CallbackUrls, *, take_over: bool) -> Configure:
    """The settings that fulfil a wish, with everything else on the number as it is."""
    kinds = _kinds(wish.kinds, number)
    elsewhere = sorted(kind for kind in kinds if urls.target(present(number, kind)) is Target.ELSEWHERE)
    if elsewhere and not take_over:
        hosts = {kind: shown_url(present(number, kind)).partition("/")[0] for kind in elsewhere}
        uses = " and ".join(f"{kind} to {host}" for kind, host in hosts.items())
        raise _ImpossibleError(f"it sends {uses}, so it is left alone; --take-over points it here")
    forward_to, mode = number.forward_to, number.mode
    for kind, its_mode in ((Kind.VOICE, Mode.VOICE), (Kind.FAX, Mode.FAX)):
        if kind in kinds:
            forward_to, mode = urls.of(kind), its_mode
    return Configure(
        number.number,
        forward_to=forward_to,
        forward_sms_to=urls.sms if Kind.SMS in kinds else number.forward_sms_to,
        mode=_known_mode(mode, number),
        kinds=kinds,
        was=number,
    )


def _known_mode(mode: str, number: SubscribedNumber) -> str:
    """The mode as it can be sent: the provider shows one for numbers that have none, and then refuses it."""
    return "" if mode and number.capabilities and mode.upper() not in number.capabilities else mode


def _kinds(asked: frozenset[Kind], number: SubscribedNumber) -> frozenset[Kind]:
    """What is to point here, of what was asked for and what the number can do."""
    capabilities = number.capabilities
    if {Kind.VOICE, Kind.FAX} <= asked:
        raise _ImpossibleError("a number takes voice or fax, never both: choose one")
    if asked:
        # A number of which nothing is told may do it: the provider refuses what it cannot.
        if capabilities and not can(capabilities, asked):
            lacking = " and ".join(sorted(kind for kind in asked if not can(capabilities, (kind,))))
            raise _ImpossibleError(f"it cannot receive {lacking}; {able(capabilities)}")
        return asked
    if not capabilities and (number.forward_to or number.forward_sms_to):
        # Nothing is told about it, but somebody has set it up for something.
        return frozenset(kind for kind in (_calls(number), Kind.SMS) if present(number, kind))
    is_fax = number.mode == Mode.FAX and bool(number.forward_to)
    calls = Kind.FAX if is_fax or Capability.VOICE not in capabilities else Kind.VOICE
    kinds = frozenset(kind for kind in (calls, Kind.SMS) if can(capabilities, (kind,)))
    if not kinds:
        raise _ImpossibleError("the provider does not tell what it can do: name it with --number and --kind")
    return kinds


def _calls(number: SubscribedNumber) -> Kind:
    """What its incoming calls are taken for: by its mode, or by our URL where the mode is not told."""
    if number.mode:
        return Kind.FAX if number.mode == Mode.FAX else Kind.VOICE
    return Kind.FAX if number.forward_to.rpartition("/")[2] == Kind.FAX else Kind.VOICE


def _serves(number: SubscribedNumber, kind: Kind) -> bool:
    """Whether a number is free for this kind: not in use for fax if it is voice, or the other way round."""
    if kind is Kind.SMS or not number.forward_to:
        return True
    last = number.forward_to.rpartition("/")[2]
    return (number.mode or (last if last in (Kind.VOICE, Kind.FAX) else kind)) == kind


def _points_elsewhere(number: SubscribedNumber, wish: Wish, urls: CallbackUrls) -> bool:
    """Whether a number held is what a wish for a country looks for, but for where it points."""
    if wish.number or not lies_in(number, wish):
        return False
    try:
        kinds = _kinds(wish.kinds, number)
    except _ImpossibleError:
        return False
    return any(urls.target(present(number, kind)) is Target.ELSEWHERE for kind in kinds)


def _too_dear(made: Plan) -> str:
    """Why the purchases cannot be afforded, or nothing."""
    price = f"{made.currency} {made.cost:f}"
    if made.max_cost is not None and made.cost > made.max_cost:
        return f"all purchases together cost {price}, which is more than --max-cost {made.max_cost:f}"
    balance = made.balance
    if balance and balance.currency == made.currency and made.cost > balance.balance:
        has = f"{balance.currency} {balance.balance:f}"
        return f"all purchases together cost {price}, and the account has {has}: top it up first"
    return ""


def _without_purchases(made: Plan, reason: str) -> Plan:
    bought = [step.number for step in made.payments]
    subject = bought[0] if len(bought) == 1 else f"{len(bought)} numbers"
    return replace(
        made,
        steps=tuple(step for step in made.steps if step.number not in bought),
        refusals=(*made.refusals, Refusal(subject, reason)),
    )
