"""The providers as a newcomer meets them: for real, or in the demo, with settings, numbers, what arrives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config import ACCOUNTS, Config
from receiver.settings.files import CHECKOUT

ANSWER = Path("var/demo-answer.xml")
# What follows the # asks Twilio to try again for as long as it may. Without, a restart loses the callback.
_VOICEMAIL = """<?xml version="1.0" encoding="UTF-8"?>
<Response>
  <Say>Nobody is here at the moment. Please leave a message after the tone.</Say>
  <Record maxLength="30"
    recordingStatusCallback="recording#rc=4&amp;rp=ct,rt,5xx&amp;ct=2000&amp;rt=5000&amp;tt=14000"/>
</Response>
"""


@dataclass(frozen=True)
class Arrival:
    """Something that comes in: an order to the simulator, at a path below `/control/`."""

    path: str
    purpose: str
    """Which of the tour's numbers it comes to."""
    order: Mapping[str, Any]


@dataclass(frozen=True)
class Tour:
    """A provider, and the demo with it. What that keeps is in files that begin with `state`."""

    provider: str
    title: str
    """The provider, as people write it."""
    callbacks: str
    """The last words of its callback URLs."""
    state: str
    account: Sequence[str]
    """The simulator's options for the account."""
    settings: Callable[[str], Mapping[str, str]]
    """The service's, by the address of the simulator."""
    sender: str
    purposes: Mapping[str, str]
    """What each number is for: the kinds that setup is asked for."""
    purchases: Mapping[str, Sequence[str]]
    """How each number is bought."""
    arrivals: Sequence[Arrival]
    documents: int
    """How many documents the archive keeps of them."""
    certain: int
    """How many of these there are whatever rules answer a call."""
    numbers: str
    came: str
    kept: str
    """Sentences about what was done."""


def _hoiio(simulator: str) -> Mapping[str, str]:
    return {
        "HOIIO_APP_ID": "sim-app",
        "HOIIO_ACCESS_TOKEN": "sim-token",
        "HOIIO_API_URL": f"http://{simulator}/open/",
    }


def _twilio(simulator: str) -> Mapping[str, str]:
    (CHECKOUT / ANSWER).write_text(_VOICEMAIL, encoding="utf-8")
    return {
        "TWILIO_ACCOUNT_SID": _SID,
        "TWILIO_AUTH_TOKEN": _TOKEN,
        "TWILIO_API_URL": f"http://{simulator}/",
        "TWILIO_VOICE_ANSWER": str(ANSWER),
    }


_SID, _TOKEN = f"AC{'0' * 31}1", "sim-token"

TOURS: Mapping[str, Tour] = {
    tour.provider: tour
    for tour in (
        Tour(
            provider="hoiio",
            title="Hoiio",
            callbacks="voice, fax, sms",
            state="demo",
            account=("--app-id", "sim-app", "--access-token", "sim-token"),
            settings=_hoiio,
            sender="+6591234567",
            purposes={"voice": "voice,sms", "fax": "fax"},
            purchases={
                "voice": ("--country", "US", "--state", "CA", "--months", "1"),
                "fax": ("--country", "SG", "--months", "1"),
            },
            arrivals=(
                Arrival("calls", "voice", {}),
                Arrival("faxes", "fax", {}),
                Arrival("sms", "voice", {"text": "Hello from the simulator"}),
            ),
            documents=1,
            certain=1,
            numbers="Numbers point here: {voice} (voice, SMS) and {fax} (fax)",
            came="A call, a fax and an SMS came in",
            kept="The fax is archived, the SMS is delivered",
        ),
        Tour(
            provider="twilio",
            title="Twilio",
            callbacks="voice, sms, status, recording",
            state="demo-twilio",
            account=("--account-sid", _SID, "--auth-token", _TOKEN),
            settings=_twilio,
            sender="+14155550123",
            purposes={"voice": "voice,sms"},
            purchases={"voice": ("--country", "US", "--sort", "local")},
            arrivals=(
                Arrival("calls", "voice", {"record_seconds": 4}),
                Arrival("sms", "voice", {"text": "Hello from the simulator", "media": ["image/png"]}),
            ),
            documents=2,
            certain=1,
            numbers="A number points here: {voice} (voice, SMS)",
            came="A call and a picture came in",
            kept="What came with them is archived, the message is delivered",
        ),
    )
}
DEFAULT = "hoiio"


def titles(providers: Sequence[Tour]) -> str:
    """The providers, as a sentence names them."""
    return " and ".join(one.title for one in providers)


def with_credentials(config: Config) -> list[Tour]:
    """The providers at which the settings name an account. A setting's name begins with its provider's."""
    named = [names[0] for names in ACCOUNTS if all(getattr(config, name) is not None for name in names)]
    return [tour for tour in TOURS.values() if any(name.startswith(f"{tour.provider}_") for name in named)]
