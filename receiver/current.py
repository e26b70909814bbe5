"""Typed access to what the running application was built with."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from flask import current_app
from sqlalchemy import Engine

from config import Config
from receiver.access.browsers import Browsers
from receiver.access.sign_ins import SignIns
from receiver.access.tokens import Tokens
from receiver.access.users import Users
from receiver.answering.in_force import RulesInForce
from receiver.answering.service import Answering
from receiver.archive.store import Store
from receiver.background.integrity import Integrity
from receiver.background.schedule import Schedule
from receiver.background.watch import Watch
from receiver.contacts.book import Book
from receiver.db.schema import require_schema
from receiver.duty.duty import Duty
from receiver.intake.admission import Admission
from receiver.intake.readiness import Readiness
from receiver.intake.recorder import Recorder
from receiver.intake.refusals import Refusals
from receiver.intake.spool import Spool
from receiver.intake.writer import EventWriter
from receiver.keys.ring import KeyRing
from receiver.keys.urls import CallbackUrls
from receiver.providers.base import NotConfigured, Provider, Reception, WhichProvider
from receiver.providers.numbers import NumberClient
from receiver.providers.registry import PROVIDERS, configured
from receiver.search.calls import CallLog
from receiver.search.conversations import ConversationLog
from receiver.search.counts import Counts
from receiver.search.events import EventLog
from receiver.search.in_use import several_in_use
from receiver.setup.journal import Journal, account_of

if TYPE_CHECKING:
    from receiver.relay.deliveries import Deliveries
    from receiver.relay.replay import Replays
    from receiver.relay.sender import Surroundings
    from receiver.relay.targets import Targets
    from receiver.setup.run import Account

EXTENSION = "receiver"


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything `create_app` put together."""

    config: Config
    engine: Engine
    spool: Spool
    writer: EventWriter
    recorder: Recorder
    admission: Admission
    readiness: Readiness
    refusals: Refusals
    integrity: Integrity
    rules: RulesInForce
    answering: Answering
    log: EventLog
    schedule: Schedule
    keys: KeyRing
    receptions: Mapping[str, Reception]
    """How the callbacks of each provider are taken."""
    watch: Watch
    tokens: Tokens
    archive_store: Callable[[], Store]


def parts() -> Parts:
    return cast(Parts, current_app.extensions[EXTENSION])


def config() -> Config:
    return parts().config


def engine() -> Engine:
    return parts().engine


def recorder() -> Recorder:
    return parts().recorder


def admission() -> Admission:
    return parts().admission


def spool() -> Spool:
    return parts().spool


def writer() -> EventWriter:
    return parts().writer


def keys() -> KeyRing:
    return parts().keys


def rules() -> RulesInForce:
    return parts().rules


def watch() -> Watch:
    return parts().watch


# What sends is loaded only by those who send: most commands do not, and start sooner.


def surroundings() -> Surroundings:
    """What senders work with."""
    from receiver.outbound.allow import AllowList  # noqa: PLC0415
    from receiver.outbound.guard import Guard  # noqa: PLC0415
    from receiver.relay.archived import Archive  # noqa: PLC0415
    from receiver.relay.sender import Surroundings  # noqa: PLC0415

    guard = Guard(AllowList(config().outbound_allow))
    return Surroundings(config(), engine(), guard, Archive(engine(), parts().archive_store))


def targets() -> Targets:
    from receiver.relay.targets import Targets  # noqa: PLC0415

    return Targets(surroundings())


def deliveries() -> Deliveries:
    from receiver.relay.deliveries import Deliveries  # noqa: PLC0415

    return Deliveries(engine())


def replays() -> Replays:
    from receiver.relay.replay import Replays  # noqa: PLC0415

    return Replays(engine())


def event_log() -> EventLog:
    return parts().log


def archive_store() -> Store:
    """Where the bytes of documents are."""
    return parts().archive_store()


def calls() -> CallLog:
    return CallLog(engine())


def conversations() -> ConversationLog:
    return ConversationLog(engine())


def counts() -> Counts:
    return Counts(engine())


def several_providers() -> bool:
    """Whether tables say which provider a row is of: several are configured, or in the log."""
    return several_in_use(config(), engine())


def contacts() -> Book:
    return Book(engine())


def duty() -> Duty:
    return Duty(engine())


def users() -> Users:
    return Users(engine())


def sign_ins() -> SignIns:
    return SignIns(engine())


def browsers() -> Browsers:
    return Browsers(engine())


def tokens() -> Tokens:
    return parts().tokens


def providers() -> tuple[Provider, ...]:
    """The providers whose numbers are looked after; `NotConfigured` if there are credentials of none."""
    found = configured(config())
    if not found:
        wanted = ", or ".join(" and ".join(each.credentials) for each in PROVIDERS.values())
        raise NotConfigured(f"set {wanted}: no provider's API can be used without them")
    return found


def expected() -> tuple[Provider, ...]:
    """The providers whose callbacks are to be expected: those with credentials, or any."""
    return configured(config()) or tuple(PROVIDERS.values())


def provider(name: str | None = None) -> Provider:
    """The provider of this name, or the only one that there are credentials of.

    `NotConfigured` without its credentials, `WhichProvider` if several would do.
    """
    if name is not None:
        found = PROVIDERS[name]
        if not found.configured(config()):
            wanted = " and ".join(found.credentials)
            raise NotConfigured(f"set {wanted}: the API of {found.title} cannot be used without them")
        return found
    some = providers()
    if len(some) > 1:
        raise WhichProvider([each.name for each in some])
    return some[0]


def number_client(of: Provider, sleep: Callable[[float], None] = time.sleep) -> NumberClient:
    """A client for a provider's API that waits by `sleep`."""
    return of.client(config(), sleep)


def journal(of: Provider) -> Journal:
    """The journal of what is paid and changed at a provider's account; `SchemaError` without its tables."""
    require_schema(engine())
    return Journal(engine(), account_of(*of.account(config())), provider=of.name)


def account(of: Provider, sleep: Callable[[float], None] = time.sleep) -> Account:
    """All that setup works with at a provider's account. `NotConfigured` without PUBLIC_URL."""
    from receiver.setup.catalogue import Shop  # noqa: PLC0415  # most commands set nothing up
    from receiver.setup.run import Account  # noqa: PLC0415

    client = number_client(of, sleep)
    return Account(of, client, Shop(client, of.market), journal(of), our_urls(of))


def secret(of: Provider) -> str:
    """What a provider signs callbacks with, or `NotConfigured`."""
    found = of.secret(config())
    if found is None:
        raise NotConfigured(f"set {' and '.join(of.credentials)}: callbacks are signed with them")
    return found


def our_urls(of: Provider) -> CallbackUrls:
    """This service's callback URLs for a provider, with the current key and with the older ones."""
    keys().refresh()  # another process may have rotated the key since this one began
    return urls_with(of, keys().current)


def our_urls_if_known(of: Provider) -> CallbackUrls | None:
    """The same, or None while PUBLIC_URL is not set."""
    return our_urls(of) if config().public_url else None


def urls_with(of: Provider, key: str) -> CallbackUrls:
    """The same as if this key were the current one."""
    urls = keys().urls(config(), of, key)
    if urls is None:
        raise NotConfigured("set PUBLIC_URL: the address at which the provider reaches this service")
    return urls
