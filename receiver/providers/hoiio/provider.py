"""Hoiio as a provider: what the rest of the house asks of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import tzinfo
from typing import TYPE_CHECKING

from config import LIVE_API_URL, Config
from receiver.outbound.sign_in import SignIn
from receiver.providers.base import NotConfigured, Reception
from receiver.providers.caution import Caution
from receiver.providers.here import Here, Way
from receiver.providers.hoiio import signature
from receiver.providers.hoiio.notifications import (
    MEASURES,
    PARAMETERS,
    PARTIES,
    STATES,
    STEPS,
    read_notification,
)
from receiver.providers.hoiio.parts import filled, sent_as
from receiver.providers.hoiio.phone import HoiioPhone
from receiver.providers.hoiio.zone import ZONE
from receiver.providers.host import host_of
from receiver.providers.market import Market
from receiver.providers.numbers import NumberClient
from receiver.vocabulary.answering import Ability
from receiver.vocabulary.distrust import SIGNATURE_INVALID
from receiver.vocabulary.fields import Sort
from receiver.vocabulary.kinds import CallOutcome, Kind
from receiver.vocabulary.notification import Notification, Parameters

if TYPE_CHECKING:
    from receiver.providers.hoiio.ivr import HoiioCalls

_COUNTED = re.compile(r"(.*?)([0-9]{1,18})$")


class Hoiio:
    """It sends each callback once, reads only the status of the answer, and signs the body."""

    name = "hoiio"
    title = "Hoiio"
    zone: tzinfo = ZONE
    pages = ("docs/providers/hoiio.md",)

    paths: Mapping[str, Kind] = {kind.value: kind for kind in Kind}
    kept_headers = (signature.HEADER,)
    doubts: Mapping[str, str] = {SIGNATURE_INVALID: "HOIIO_ACCESS_TOKEN is not the account's"}
    vouches = False
    parameters: Mapping[str, str] = PARAMETERS
    sorts: Mapping[str, Sort] = {}
    # Nothing in its API rejects a call, says how long a number rings, or speaks of a beep.
    can = frozenset(Ability) - {Ability.REJECT, Ability.RING, Ability.BEEP}
    measures = MEASURES
    steps = STEPS
    tells_afterwards = False
    states = STATES
    endings: Mapping[str, CallOutcome] = {}
    parties = PARTIES
    credentials = ("HOIIO_APP_ID", "HOIIO_ACCESS_TOKEN")
    market = Market()

    def secret(self, config: Config) -> str | None:
        """The access token."""
        token = config.hoiio_access_token
        return None if token is None else token.get_secret_value()

    def verifies(self, config: Config) -> bool:
        return config.hoiio_access_token is not None

    def reception(self, config: Config) -> Reception:
        secret = self.secret(config)
        return Reception(lambda request: signature.verify(request, secret), phone=self._phone(config))

    def cautions(self, config: Config) -> Iterable[Caution]:
        return ()

    def sign(self, url: str, body: bytes, secret: str) -> dict[str, str]:
        """It signs bodies only, wherever they go."""
        return {signature.HEADER: signature.sign(body, secret)}

    def read(self, kind: Kind, parameters: Parameters) -> Notification:
        return read_notification(kind, parameters)

    def same(self, said: Notification, parameters: Parameters, header: Callable[[str], str]) -> str | None:
        """Not only block and state: two menus of one call differ in nothing but the digits."""
        return None

    def sign_in(self, config: Config) -> SignIn | None:
        """Whoever has a link of its may fetch what it leads to."""
        return None

    def speaks(self, language: str) -> bool:
        """Its pages do not say which languages it speaks."""
        return True

    def sent_as(self, text: str) -> int | None:
        return sent_as(text)

    def filled(self, text: str) -> frozenset[int]:
        return filled(text)

    def order(self, txn_ref: str) -> tuple[str, int]:
        """Its references end in a number that counts up."""
        counted = _COUNTED.match(txn_ref)
        return (counted[1], int(counted[2])) if counted else ("", 0)

    def configured(self, config: Config) -> bool:
        return config.hoiio_app_id is not None and config.hoiio_access_token is not None

    def way(self, here: Here, kind: Kind) -> Way:
        """A URL, and nothing beside it."""
        return Way(here.callback(self.name, kind))

    def client(self, config: Config, sleep: Callable[[float], None]) -> NumberClient:
        from receiver.providers.hoiio.client import HoiioClient  # noqa: PLC0415  # most commands ask nothing of it

        if config.hoiio_app_id is None or config.hoiio_access_token is None:
            raise NotConfigured(
                f"set {' and '.join(self.credentials)}: the provider's API cannot be used without them"
            )
        token = config.hoiio_access_token.get_secret_value()
        return HoiioClient(config.hoiio_app_id, token, config.hoiio_api_url, sleep=sleep)

    def _phone(self, config: Config) -> HoiioPhone | None:
        if config.hoiio_app_id is None or config.hoiio_access_token is None:
            return None
        app_id, token = config.hoiio_app_id, config.hoiio_access_token.get_secret_value()

        def calls() -> HoiioCalls:
            from receiver.providers.hoiio.ivr import HoiioCalls  # noqa: PLC0415  # as above

            return HoiioCalls(app_id, token, config.hoiio_api_url)

        return HoiioPhone(calls)

    def account(self, config: Config) -> tuple[str, str]:
        return config.hoiio_api_url, config.hoiio_app_id or ""

    def live(self, config: Config) -> bool:
        return host_of(config.hoiio_api_url) == host_of(LIVE_API_URL)


HOIIO = Hoiio()
