"""Each provider as a run of setup meets it, simulated: for tests that must hold for all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from receiver.keys.urls import CallbackUrls
from receiver.providers.base import Provider
from receiver.providers.hoiio.client import HoiioClient
from receiver.providers.hoiio.provider import HOIIO
from receiver.providers.market import NumberSort
from receiver.providers.numbers import NumberClient
from receiver.providers.twilio.client import TwilioClient
from receiver.providers.twilio.provider import TWILIO
from receiver.setup.plan import Wish
from receiver.simulator.hoiio.server import SimulatorServer as HoiioServer
from receiver.simulator.hoiio.settings import Settings as HoiioSettings
from receiver.simulator.twilio.server import SimulatorServer as TwilioServer
from receiver.vocabulary.kinds import Kind

Sleep = Callable[[float], None]


@dataclass(frozen=True)
class Rehearsed:
    """A provider, its simulator, and two numbers to get from it."""

    provider: Provider
    server: Callable[[], Any]
    client: Callable[[Any, Sleep], NumberClient]
    settings: Callable[[Any], dict[str, str]]
    held: Callable[[Any], list[dict[str, Any]]]
    """The numbers that it holds, and where they lead."""
    wishes: tuple[Wish, Wish]
    options: tuple[str, ...]

    @property
    def urls(self) -> CallbackUrls:
        return CallbackUrls.made_with("https://receiver.example.com/", "current-key", self.provider)


def _hoiio_client(simulator: HoiioServer, sleep: Sleep) -> NumberClient:
    return HoiioClient("sim-app", "sim-token", simulator.open_url, sleep=sleep, timeout=(2, 1))


def _twilio_client(simulator: TwilioServer, sleep: Sleep) -> NumberClient:
    sid, token = simulator.settings.account_sid, simulator.settings.auth_token
    return TwilioClient(sid, (sid, token), simulator.url, sleep=sleep, timeout=(2, 1))


def _of_twilio(simulator: TwilioServer) -> list[dict[str, Any]]:
    leads = ("phone_number", "voice_url", "sms_url", "status_callback")
    numbers = [{name: number[name] for name in leads} for number in simulator.account["numbers"]]
    return sorted(numbers, key=lambda number: number["phone_number"])


REHEARSED = (
    Rehearsed(
        HOIIO,
        server=lambda: HoiioServer(HoiioSettings(rate_limit=0, resolve_hosts=False)),
        client=_hoiio_client,
        settings=lambda simulator: {
            "HOIIO_APP_ID": "sim-app",
            "HOIIO_ACCESS_TOKEN": "sim-token",
            "HOIIO_API_URL": simulator.open_url,
        },
        held=lambda simulator: simulator.account["numbers"],
        wishes=(Wish(country="US", state="CA"), Wish(frozenset({Kind.FAX}), country="SG")),
        options=("--country", "SG", "--kind", "fax"),
    ),
    Rehearsed(
        TWILIO,
        server=TwilioServer,
        client=_twilio_client,
        settings=lambda simulator: {
            "TWILIO_ACCOUNT_SID": simulator.settings.account_sid,
            "TWILIO_AUTH_TOKEN": simulator.settings.auth_token,
            "TWILIO_API_URL": simulator.url,
        },
        held=_of_twilio,
        # Digits do not tell of which country a toll-free number is.
        wishes=(Wish(country="US", area_code="415"), Wish(country="CA", sort=NumberSort.TOLL_FREE)),
        options=("--country", "US"),
    ),
)
