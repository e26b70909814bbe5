"""Two busy days of a small firm, and a browser to look at them: for the browser tests and the screenshots."""

import hmac
import os
import random
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import time_machine
from conftest import KEY, make_config, signed
from databases import new_file
from test_serve import Service

from receiver.access.scopes import Scope
from receiver.access.users import Users
from receiver.app import create_app
from receiver.db.engine import connect
from receiver.search.index import LogIndex
from receiver.simulator.hoiio.server import SimulatorServer
from receiver.simulator.hoiio.settings import Settings

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run", "--disable-dev-shm-usage"),
)
USER, ADMIN, PASSWORD = "mei", "ada", "seventeen paper cranes"
SECRET = "a secret for the console's tests"

CALLER, PATIENT, STRANGER = "+6591234567", "+6582345678", "+6598765432"
LONG = (
    "Good morning, this is Mei Ling from Tan & Partners. The signed contract for the Jurong unit was faxed "
    "to you at eleven; please confirm that all nine pages arrived and that the stamp on page four is "
    "readable. If not we will bring the original over this afternoon, any time between two and four would "
    "suit us. Thank you!"
)
HOSTILE = (
    "<script>alert('x')</script> <b>bold</b> invoice \u202efdp.exe\u202c \x1b[31mred\x00 "
    '=HYPERLINK("http://x") \U0001f600'
)

_TEXTS = (
    "Is the appointment at 3pm still on?",
    "OK thanks, see you then",
    "Running 10 minutes late, sorry!",
    "Your order #48213 is at the counter, collect by 6pm.",
    "Can I change my booking to Friday?",
    "Selamat pagi, buka jam berapa esok?",
    "Terima kasih! Jumpa esok",
    "The gate code is 4417#",
    "Please call me back about the quotation.",
    "STOP",
)
_SENDERS = ("+6591112233", "+6597654321", "+6581230987", "+6596543210", "+447700900123", "+60123456789")


class Demo:
    """The service with its simulated provider, numbers, a user, and a log that tells a story."""

    def __init__(self, directory: Path, history_hours: int = 0) -> None:
        self._stack = ExitStack()
        self._directory = directory
        try:
            self._begin(history_hours)
        except BaseException:
            self.close()
            raise

    def _begin(self, history_hours: int) -> None:
        directory = self._directory
        self.provider = self._stack.enter_context(SimulatorServer(Settings(resolve_hosts=False)))
        self.database_url = new_file(directory / "demo.db")
        settings = {
            "HOIIO_ACCESS_TOKEN": "sim-token",
            "HOIIO_API_URL": self.provider.open_url,
            "SECRET_KEY": SECRET,
            "NO_PROXY": "*",
            "OUTBOUND_ALLOW": "127.0.0.0/8",
        }
        self.service = Service(self.database_url, directory, **settings)
        self.service.start()
        self._stack.callback(self.service.kill)
        self.url = self.service.url
        self.service.flask("setup", "--country", "US", "--state", "CA", "--kind", "voice,sms", "--yes")
        self.service.flask("setup", "--country", "SG", "--kind", "fax", "--yes")
        held = self.provider.request("number/get_active")["entries"]
        self.numbers = {entry["country"]: entry["number"] for entry in held}
        self.voice, self.fax = self.numbers["US"], self.numbers["SG"]
        self.add_user(USER, PASSWORD, "operate")
        self.add_user(ADMIN, PASSWORD, "admin")
        if history_hours:
            self._write_history(history_hours)

    def close(self) -> None:
        self._stack.close()

    def add_user(self, name: str, password: str, role: str) -> None:
        engine = connect(self.database_url)
        Users(engine).add(name, password, Scope[role.upper()], by="root")
        engine.dispose()

    def point_elsewhere(self) -> None:
        """Somebody points the fax number at another address in the portal, and the service notices."""
        there = {"forward_to": "https://fax.example.com/in", "mode": "fax"}
        self.provider.request("number/update_forwarding", number=self.fax, **there)
        self.service.flask("doctor", check=False)

    def _write_history(self, hours: int) -> None:
        """Signed callbacks, each at its time in the past, through the receive path."""
        config = make_config(
            self.database_url,
            self._directory,
            hoiio_access_token="sim-token",
            spool_dir=self._directory / "history-spool",
        )
        app = create_app(config)
        client = app.test_client()
        parts = app.extensions["receiver"]
        for moment, kind, fields in sorted(story(self.voice, self.fax, hours), key=lambda item: item[0]):
            body = urlencode(fields).encode()
            headers = signed_with("sim-token", body)
            if fields.get("tag") == "forged":
                headers["X-Hoiio-Signature"] = "0" * 64
            with time_machine.travel(moment, tick=False):
                answer = client.post(f"/callbacks/{KEY}/{kind}", data=body, headers=headers)
            assert answer.status_code == 200
        LogIndex(parts.engine).run()
        parts.recorder.close(5)
        parts.engine.dispose()


def signed_with(token: str, body: bytes) -> dict[str, str]:
    return signed(body) | {"X-Hoiio-Signature": hmac.digest(token.encode(), body, "sha256").hex()}


def story(voice: str, fax: str, hours: int) -> list[tuple[datetime, str, dict[str, str]]]:
    """What came in, the same at every run but for its dates."""
    chance = random.Random(7)
    now = datetime.now(UTC)
    told: list[tuple[datetime, str, dict[str, str]]] = []
    for hour in range(hours, 0, -1):
        begins = now - timedelta(hours=hour)
        busy = _busy((begins + timedelta(hours=8)).hour)
        for _ in range(round(busy * chance.uniform(0.6, 1.3))):
            at = begins + timedelta(seconds=chance.uniform(60, 3500))
            roll = chance.random()
            if roll < 0.62:
                told.append(sms(at, chance.choice(_SENDERS), voice, chance.choice(_TEXTS)))
            elif roll < 0.92:
                told += call(at, chance.choice(_SENDERS), voice, chance)
            else:
                told.append(fax_in(at, chance.choice(_SENDERS), fax, "" if chance.random() < 0.8 else "busy"))
    soon = now - timedelta(minutes=52)
    told += [
        sms(soon, CALLER, voice, "Good morning! Did our fax from eleven come through?"),
        *parts(soon + timedelta(minutes=9), CALLER, voice, LONG),
        sms(soon + timedelta(minutes=21), CALLER, voice, "Page 4 is the one with the stamp"),
        *busy_call(soon + timedelta(minutes=26), PATIENT, voice),
        sms(
            soon + timedelta(minutes=40),
            STRANGER,
            voice,
            "You have won! Send your PIN to claim.",
            tag="forged",
        ),
        sms(soon + timedelta(minutes=43), STRANGER, voice, "Final notice: account locked", tag="forged"),
        fax_in(soon + timedelta(minutes=46), CALLER, fax, "busy"),
    ]
    return [item for item in told if item[0] < now]


def _busy(hour: int) -> float:
    """Events an hour, by the clock of Singapore."""
    return {9: 9, 10: 15, 11: 17, 12: 9, 13: 8, 14: 14, 15: 13, 16: 11, 17: 9, 18: 5}.get(hour, 1.4)


def _ref(kind: str, at: datetime) -> str:
    return f"AA-{kind}-{int(at.timestamp() * 1000) % 10_000_000_000}"


def _date(at: datetime) -> str:
    return f"{at + timedelta(hours=8):%Y-%m-%d %H:%M:%S}"


def sms(at: datetime, sender: str, number: str, text: str, **more: str):
    fields = {"txn_ref": _ref("SI", at), "msg": text, "from": sender, "to": number, "date": _date(at)}
    return at, "sms", fields | {"currency": "SGD", "debit": "0.013"} | more


def parts(at: datetime, sender: str, number: str, text: str):
    pieces = [text[start : start + 152] for start in range(0, len(text), 152)]
    return [
        sms(at + timedelta(milliseconds=300 * place), sender, number, piece)
        for place, piece in enumerate(pieces)
    ]


def fax_in(at: datetime, sender: str, number: str, error: str):
    fields = {"txn_ref": _ref("F", at), "from": sender, "to": number, "date": _date(at)}
    result = (
        {"fax_status": "failed", "fax_error_code": error, "duration": "0"}
        if error
        else {
            "fax_status": "answered",
            "duration": "2",
            "fax_url": f"https://files.example.com/fax/{_ref('F', at)}.pdf?Expires=1795&Signature=x",
        }
    )
    return at, "fax", fields | result | {"currency": "SGD", "debit": "0.000" if error else "0.100"}


def _voice(at: datetime, base: dict[str, str], block: str, state: str, **more: str):
    return at, "voice", base | {"ivr_block": block, "call_state": state} | more


def _bill(at: datetime, minutes: int) -> dict[str, str]:
    cost = f"{minutes * 0.02:.3f}"
    return {"date": _date(at), "duration": str(minutes), "currency": "SGD", "rate": "0.020", "debit": cost}


def call(at: datetime, sender: str, number: str, chance: random.Random):
    base = {
        "session": _ref("S", at).replace("AA-S-", "S"),
        "txn_ref": _ref("C", at),
        "from": sender,
        "to": number,
    }
    told = [_voice(at, base, "answer", "ringing")]
    if chance.random() < 0.3:
        end = at + timedelta(seconds=chance.uniform(8, 25))
        return [*told, _voice(end, base, "answer", "ended", **_bill(end, 0))]
    keyed = at + timedelta(seconds=chance.uniform(9, 20))
    end = keyed + timedelta(seconds=chance.uniform(40, 400))
    told.append(_voice(keyed, base, "gather", "ongoing", digits=chance.choice("123")))
    minutes = int((end - at).total_seconds() // 60) + 1
    return [*told, _voice(end, base, "transfer", "ended", transfer_status="answered", **_bill(end, minutes))]


def busy_call(at: datetime, sender: str, number: str):
    """Through a menu to a busy extension, then a voice mail, recorded as a whole."""
    base = {"session": "S20481", "txn_ref": "AA-C-20481", "from": sender, "to": number}
    end = at + timedelta(seconds=131)
    return [
        _voice(at, base, "answer", "ringing"),
        _voice(at + timedelta(seconds=14), base, "gather", "ongoing", digits="2"),
        _voice(at + timedelta(seconds=29), base, "gather", "ongoing", digits="4417#"),
        _voice(at + timedelta(seconds=52), base, "transfer", "ongoing", transfer_status="busy"),
        _voice(
            at + timedelta(seconds=104),
            base,
            "record",
            "ongoing",
            record_url="https://files.example.com/rec/20481.mp3",
        ),
        _voice(end, base, "hangup", "ended", **_bill(end, 3)),
        _voice(
            end + timedelta(seconds=6),
            base,
            "monitor",
            "ended",
            monitor_url="https://files.example.com/mon/20481.mp3",
            **_bill(end, 3),
        ),
    ]
