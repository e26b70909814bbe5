"""What a person sets or settles by hand, for one number, where `plan` decides for many."""

from __future__ import annotations

from collections.abc import Callable

from receiver.providers.numbers import NumberClient, SubscribedNumber
from receiver.setup.catalogue import Shop, can
from receiver.setup.configuring import able
from receiver.setup.journal import Ending, Journal, SetupError
from receiver.setup.plan import Configure
from receiver.setup.survey import settle
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.mask import masked_number


def changed(held: SubscribedNumber, *, calls: str | None, sms: str | None, mode: str | None) -> Configure:
    """All settings of a number: the URLs and the mode that are given, the others as they are.

    An empty URL removes the one that is there. `SetupError` if the number cannot take what is asked.
    """
    if mode and held.capabilities and not can(held.capabilities, (Kind(mode),)):
        raise SetupError(f"{masked_number(held.number)} cannot take {mode}: {able(held.capabilities)}")
    if sms and held.capabilities and not can(held.capabilities, (Kind.SMS,)):
        raise SetupError(f"{masked_number(held.number)} cannot receive sms: {able(held.capabilities)}")
    return Configure(
        held.number,
        forward_to=held.forward_to if calls is None else calls,
        forward_sms_to=held.forward_sms_to if sms is None else sms,
        mode=mode or held.mode,
        kinds=frozenset(),
        was=held,
    )


def not_bought(
    number: str, client: NumberClient, journal: Journal, *, say: Callable[[str], None] = lambda _: None
) -> None:
    """Record that a purchase in doubt was not made, as somebody saw in the provider's portal.

    `SetupError` if the provider lists the number, or if no purchase of it is in doubt.
    """
    with journal.lease(say=say):
        active, _ = settle(client, Shop(client), journal, wait=False)
        if any(held.number == number for held in active):
            raise SetupError(f"{masked_number(number)} is held, so it was bought")
        found = [attempt for attempt in journal.unsettled() if attempt.number == number]
        for attempt in found:
            journal.end(attempt.id, Ending.NOT_DONE, "said so by hand")
    if not found:
        raise SetupError(f"no purchase of {masked_number(number)} is in doubt")
