"""What a person sets or settles by hand, for one number, where `plan` decides for many."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from receiver.keys.rewritten import others_with, others_without
from receiver.keys.urls import CallbackUrls, Target
from receiver.providers.numbers import NumberClient, SubscribedNumber
from receiver.setup.catalogue import Shop, can
from receiver.setup.configuring import able
from receiver.setup.journal import Ending, Journal, SetupError
from receiver.setup.plan import Configure
from receiver.setup.survey import settle
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.mask import masked_number


def changed(held: SubscribedNumber, urls: Mapping[Kind, str], ours: CallbackUrls | None = None) -> Configure:
    """All settings of a number: the URLs that are given, the others as they are.

    An empty URL removes the one that is there. What stands beside a URL of `ours` comes and goes with it.
    `SetupError` if the number cannot take what is asked.
    """
    for kind, url in urls.items():
        taken = url or kind is not Kind.SMS
        if taken and held.capabilities and not can(held.capabilities, (kind,)):
            raise SetupError(f"{masked_number(held.number)} cannot receive {kind}: {able(held.capabilities)}")
    others: dict[str, str] = {}
    if ours is not None:
        here = {kind for kind, url in urls.items() if ours.target(url, kind) is Target.HERE}
        # First what goes: one setting may belong to several kinds.
        others = others_without(held.routes, urls.keys() - here, ours)
        others |= others_with(held.routes, here, ours, take_over=False)
    return Configure(held.number, held.routes.leading(urls, others), kinds=frozenset(), was=held)


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
