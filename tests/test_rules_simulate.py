"""`receiver rules try --simulate`: the real thing, with both simulators."""

from __future__ import annotations

import json

import databases
import pytest
from answered import CALLER, EXAMPLES, service
from attended import office
from conftest import make_config, started
from flask import Flask
from receiving import Receiving

from config import LIVE_API_URL
from receiver.cli.rules import simulating
from receiver.providers import stand_in
from receiver.simulator.hoiio.server import SimulatorServer as HoiioServer
from receiver.simulator.hoiio.settings import Settings as HoiioSettings
from receiver.simulator.twilio.server import SimulatorServer as TwilioServer

SHOP = (EXAMPLES / "shop.toml").read_text(encoding="utf-8")


def tried(app: Flask, *words: str, exit_code: int = 0):
    result = app.test_cli_runner().invoke(args=("rules", "try", "--simulate", *words))
    assert result.exit_code == exit_code, result.output
    return result


def test_a_call_of_twilios_simulator_is_answered_and_shown(tmp_path):
    with TwilioServer() as twilio:
        number = twilio.buy()
        database = databases.new_file(tmp_path / "receiver.db")
        with service(twilio, tmp_path, database, SHOP.replace("+6561234567", number)) as shop:
            shop.take(number)
            shop.at("2026-11-26 10:00")
            words = ("--from", CALLER, "--to", number, "--dialled", "busy")
            said = tried(shop.app, *words).stdout
            told = json.loads(tried(shop.app, *words, "--json").stdout)
            (held,) = twilio.account["numbers"]
            resource = f"IncomingPhoneNumbers/{held['sid']}.json"
            elsewhere = {"VoiceUrl": "http://127.0.0.1:9/", "VoiceFallbackUrl": held["voice_url"]}
            twilio.request("POST", resource, **elsewhere)
            fallen_back = tried(shop.app, *words).stdout
            twilio.request("POST", resource, VoiceFallbackUrl="")
            refused = tried(shop.app, *words, exit_code=1).stderr
            twilio.request("POST", resource, VoiceUrl="")
            nobody = tried(shop.app, *words, exit_code=1).stderr
    assert said.startswith("call CA")
    assert f"from {CALLER} to {number}" in said
    assert '│   → voicemail 1: record up to 120 s: say "Please leave a message' in said
    assert told["outcome"] == "voicemail"
    assert [one["does"] for one in told["decisions"]][1:3] == [
        "dial +6591110001",
        "dial +6591110002",
    ]
    assert "→ voicemail 1" in fallen_back
    assert "the call was not taken: connection refused." in refused
    assert "has no voice_url" in nobody


def test_a_call_of_hoiios_simulator_is_answered_and_shown(tmp_path):
    """Also when the keys are wrong, and when nobody says who calls."""
    text = (EXAMPLES / "support.toml").read_text(encoding="utf-8")
    numbers = ("+498912345678", "+498912345679")
    with (
        HoiioServer(HoiioSettings(rate_limit=0, resolve_hosts=False, pace=0.002)) as hoiio,
        office(text, tmp_path, numbers, hoiio) as desk,
    ):
        desk.at = desk.at.replace(year=2026, month=7, day=1, hour=10)
        to = ("--to", desk.numbers[numbers[0]])
        told = json.loads(
            tried(desk.app, *to, "--press", "2", "--press", "1", "--dialled", "no answer", "--json").stdout
        )
        silent = tried(desk.app, *to).stdout
    assert told["outcome"] == "voicemail"
    assert told["digits"] == ["2", "1"]
    assert [one["does"] for one in told["decisions"]].count("dial +498912345611") == 1
    assert "The caller pressed nothing." in silent


def test_a_service_without_rules_decides_nothing(tmp_path, monkeypatch):
    """The caller does not wait for ten minutes."""
    monkeypatch.setattr(stand_in, "RINGS_FOR", 0.1)
    monkeypatch.setattr(simulating, "NOTED_WITHIN", 0.1)
    with (
        HoiioServer(HoiioSettings(rate_limit=0, resolve_hosts=False)) as hoiio,
        office(SHOP, tmp_path, ("+6561234567",), hoiio) as desk,
    ):
        desk.parts.rules._path = desk.parts.rules._rules = None
        said = tried(desk.app, "--to", desk.numbers["+6561234567"], exit_code=1).stderr
        assert "came in, and the service decided nothing: does it run with RULES=" in said


def test_only_a_simulator_is_ever_asked_for_a_call(tmp_path):
    """The provider itself is not even asked what it is."""
    number, url = "+6561234567", databases.new_file(tmp_path / "receiver.db")
    rules = tmp_path / "rules.toml"
    rules.write_text(SHOP)
    for live in (LIVE_API_URL, LIVE_API_URL.replace("secure", "SECURE").replace(".com/", ".com:443/")):
        for app in started(make_config(url, tmp_path, rules=rules, hoiio_api_url=live)):
            assert "is Hoiio's own address" in tried(app, "--to", number, exit_code=1).stderr
    with Receiving(lambda got: (200, {"Content-Type": "application/json"}, b"{}")) as stranger:
        other = f"http://127.0.0.1:{stranger.port}/open/"
        for app in started(make_config(url, tmp_path, rules=rules, hoiio_api_url=other)):
            said = tried(app, "--to", number, exit_code=1).stderr
            assert "no simulator answers at" in said
            assert "python -m receiver.simulator" in said
            late = tried(app, "--to", number, "--at", "2026-12-25 10:00", exit_code=2).stderr
            assert "comes in now" in late
        assert [got.path for got in stranger.got] == [f"/control/{stand_in._KNOWN_BY}"]


@pytest.mark.parametrize("setting", [{}, {"hoiio_app_id": None}])
def test_nobody_answers(tmp_path, setting):
    rules = tmp_path / "rules.toml"
    rules.write_text(SHOP)
    url = databases.new_file(tmp_path / "receiver.db")
    for app in started(
        make_config(url, tmp_path, rules=rules, hoiio_api_url="http://127.0.0.1:9/", **setting)
    ):
        said = tried(app, "--to", "+6561234567", exit_code=1).stderr
        assert ("no simulator answers" if not setting else "no provider's credentials") in said
