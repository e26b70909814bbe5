"""Twilio as a provider: what the rest of the house asks of it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, tzinfo
from functools import partial

from config import Config
from receiver.outbound.sign_in import SignIn
from receiver.providers import gsm
from receiver.providers.base import NotConfigured, Reception
from receiver.providers.caution import Caution
from receiver.providers.here import Here, Way
from receiver.providers.host import host_of
from receiver.providers.numbers import NumberClient
from receiver.providers.twilio import signature
from receiver.providers.twilio.answers import TwilioAnswers
from receiver.providers.twilio.foreign import another_account
from receiver.providers.twilio.market import MARKET
from receiver.providers.twilio.notifications import read_notification
from receiver.providers.twilio.parameters import MEASURES, PARAMETERS, SORTS
from receiver.providers.twilio.phone import TwilioPhone
from receiver.providers.twilio.same import TOKEN, same
from receiver.providers.twilio.ways import PATIENCE, way
from receiver.providers.twilio.words import ENDINGS, PARTIES, PATHS, STATES, STEPS
from receiver.vocabulary.answering import Ability
from receiver.vocabulary.distrust import ANOTHER_ACCOUNT, SIGNATURE_INVALID
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.notification import Notification, Parameters

_LONGEST_TEXT = 1600
"""Characters of a message."""


class Twilio:
    """It signs URL and form, reads the answer, and tries again if the URL asks it to."""

    name = "twilio"
    title = "Twilio"
    zone: tzinfo = UTC
    pages = ("docs/providers/twilio.md",)

    paths = PATHS
    kept_headers = (signature.HEADER, signature.SETTINGS, TOKEN)
    doubts: Mapping[str, str] = {
        SIGNATURE_INVALID: (
            "TWILIO_AUTH_TOKEN is not the account's, PUBLIC_URL is not where it posts to, or the key"
            " that it signs with is not in TWILIO_SIGNING_KEYS"
        ),
        ANOTHER_ACCOUNT: "TWILIO_ACCOUNT_SID is not your account",
    }
    # Senders of messages beyond SMS, parties behind SIP and clients are no numbers that it lists.
    vouches = True
    parameters = PARAMETERS
    sorts = SORTS
    can = frozenset(Ability)
    measures = MEASURES
    steps = STEPS
    tells_afterwards = True
    states = STATES
    endings = ENDINGS
    parties = PARTIES
    credentials = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN")
    market = MARKET

    def secret(self, config: Config) -> str | None:
        """The account's token."""
        token = config.twilio_auth_token
        return None if token is None else token.get_secret_value()

    def verifies(self, config: Config) -> bool:
        """An account may sign with keys of its own instead."""
        return config.twilio_auth_token is not None or bool(config.twilio_signing_keys)

    def reception(self, config: Config) -> Reception:
        addresses = [url for url in (config.public_url, config.public_url_fallback) if url]
        keys = [key.get_secret_value() for key in config.twilio_signing_keys]
        verifier = signature.Verifier(addresses, self.secret(config), keys)
        stranger = partial(another_account, config.twilio_account_sid)
        answers = TwilioAnswers(config.twilio_voice_answer)
        return Reception(verifier, answers, stranger, TwilioPhone(), PATIENCE)

    def cautions(self, config: Config) -> Iterable[Caution]:
        from receiver.providers.twilio.cautions import cautions  # noqa: PLC0415  # most commands do not look

        return cautions(config)

    def sign(self, url: str, body: bytes, secret: str) -> dict[str, str]:
        return {signature.HEADER: signature.sign(url, body, secret)}

    def read(self, kind: Kind, parameters: Parameters) -> Notification:
        return read_notification(kind, parameters)

    def same(self, said: Notification, parameters: Parameters, header: Callable[[str], str]) -> str | None:
        return same(said, parameters, header)

    def sign_in(self, config: Config) -> SignIn | None:
        """Pictures are behind the account's credentials; recordings are if the account says so."""
        credentials = _credentials(config)
        if credentials is None:
            return None
        basic = b64encode(":".join(credentials).encode()).decode()
        return SignIn(config.twilio_api_url, f"Basic {basic}")

    def speaks(self, language: str) -> bool:
        from receiver.providers.twilio.twiml import is_spoken  # noqa: PLC0415  # most commands do not ask

        return is_spoken(language)

    def sent_as(self, text: str) -> int | None:
        return gsm.parts(text) if len(text) <= _LONGEST_TEXT else None

    def filled(self, text: str) -> frozenset[int]:
        """Long messages arrive as one."""
        return frozenset()

    def order(self, txn_ref: str) -> tuple[str, int]:
        """Its references tell nothing of when they were given."""
        return "", 0

    def configured(self, config: Config) -> bool:
        secret = config.twilio_auth_token or config.twilio_api_secret
        return config.twilio_account_sid is not None and secret is not None

    def client(self, config: Config, sleep: Callable[[float], None]) -> NumberClient:
        from receiver.providers.twilio.client import TwilioClient  # noqa: PLC0415  # most commands ask nothing of it

        credentials = _credentials(config)
        if config.twilio_account_sid is None or credentials is None:
            raise NotConfigured(
                f"set {' and '.join(self.credentials)}: the provider's API cannot be used without them"
            )
        return TwilioClient(config.twilio_account_sid, credentials, config.twilio_api_url, sleep=sleep)

    def account(self, config: Config) -> tuple[str, str]:
        return config.twilio_api_url, config.twilio_account_sid or ""

    def live(self, config: Config) -> bool:
        """Each of its regions has hosts of its own."""
        return host_of(config.twilio_api_url).endswith(".twilio.com")

    def way(self, here: Here, kind: Kind) -> Way | None:
        return way(here, kind)


def _credentials(config: Config) -> tuple[str, str] | None:
    """Name and password for its API: those of a key, or else the account's own."""
    name, password = config.twilio_api_key, config.twilio_api_secret
    if name is None or password is None:
        name, password = config.twilio_account_sid, config.twilio_auth_token
    return None if name is None or password is None else (name, password.get_secret_value())


TWILIO = Twilio()
