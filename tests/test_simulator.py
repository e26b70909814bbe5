"""The simulated provider, over real HTTP. What is expected comes from its documents, not from our client."""

import ast
import hashlib
import hmac
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import phonenumbers
import pytest
import requests
from click.testing import CliRunner
from ports import free_port
from trickle import trickling

from receiver.simulator import __main__ as command_line
from receiver.simulator import statefile
from receiver.simulator.announced import Announced, announce, announced
from receiver.simulator.hoiio.server import SimulatorServer
from receiver.simulator.hoiio.settings import Settings

CREDENTIALS = {"app_id": "sim-app", "access_token": "sim-token"}
CALLER = "+6591234567"
ROOT = Path(__file__).parent.parent


class Request:
    """A notification as it reached us."""

    def __init__(self, handler, body):
        self.path, _, self.query_string = handler.path.partition("?")
        self.query = dict(parse_qsl(self.query_string, keep_blank_values=True))
        self.headers = handler.headers
        self.body = body
        self.form = dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict"))
        self.at = time.monotonic()


class Receiving:
    """A receiving end that keeps what it is sent, and answers it with a status."""

    def __init__(self):
        self.requests, self.status, self.arrived = [], 200, threading.Condition()
        receiving = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with receiving.arrived:
                    receiving.requests.append(Request(self, body))
                    receiving.arrived.notify_all()
                self.send_response(receiving.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def forms(self):
        return [request.form for request in self.requests]

    def wait_for(self, count):
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.requests) >= count, timeout=5), self.forms()
        return self.forms()


@pytest.fixture
def there():
    receiving = Receiving()
    threading.Thread(target=receiving.server.serve_forever, args=(0.02,), daemon=True).start()
    yield receiving
    receiving.server.shutdown()
    receiving.server.server_close()


@pytest.fixture
def sim():
    with SimulatorServer() as server:
        yield server


def first_number(sim, country="SG", **state):
    return sim.request("number/get_choices", country=country, **state)["entries"][0]["number"]


# --- General conventions


def test_it_takes_get_and_post_alike(sim):
    by_get = requests.get(sim.open_url + "user/get_balance", params=CREDENTIALS, timeout=5)
    by_post = requests.post(sim.open_url + "user/get_balance", data=CREDENTIALS, timeout=5)
    assert by_get.json() == by_post.json()
    assert by_get.json()["status"] == "success_ok"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, "error_app_id_param_missing"),
        ({"app_id": "", "access_token": "sim-token"}, "error_app_id_param_missing"),
        ({"app_id": "wrong"}, "error_access_token_param_missing"),
        ({"app_id": "wrong", "access_token": "wrong"}, "error_invalid_app_id"),
        ({"app_id": "sim-app", "access_token": "wrong"}, "error_invalid_access_token"),
        (CREDENTIALS, "error_country_param_missing"),
    ],
)
def test_it_checks_credentials_before_anything_else_and_answers_errors_with_http_200(sim, sent, status):
    response = requests.post(sim.open_url + "number/get_rates", data=sent, timeout=5)
    assert (response.status_code, response.json()) == (200, {"status": status})


def test_it_refuses_other_methods(sim):
    response = requests.put(sim.open_url + "user/get_balance", data=CREDENTIALS, timeout=5)
    assert response.json() == {"status": "error_invalid_http_method"}


@pytest.mark.parametrize("body", [b"app_id=%ff&access_token=x", b"app_id=\xff&access_token=x"])
def test_it_reports_unreadable_bytes(sim, body):
    response = requests.post(sim.open_url + "user/get_balance", data=body, timeout=5)
    assert response.json() == {"status": "error_malformed_params"}


def test_it_does_not_know_other_endpoints(sim):
    unknown = requests.get(sim.open_url + "number/unsubscribe", params=CREDENTIALS, timeout=5)
    assert (unknown.status_code, unknown.json()["status"]) == (404, "error_service_not_available")
    for name in ("voice/call", "fax/send", "sms/get_history"):
        assert sim.request(name) == {"status": "error_service_not_available"}
        assert sim.request(name, access_token="x") == {"status": "error_invalid_access_token"}


def test_it_limits_each_endpoint_to_60_requests_a_minute(sim):
    statuses = [sim.request("user/get_balance")["status"] for _ in range(61)]
    assert statuses == ["success_ok"] * 60 + ["error_rate_limit_exceeded"]
    assert sim.request("user/get_info")["status"] == "success_ok"


def test_a_minute_of_the_accounts_time_is_enough_for_the_limit():
    with SimulatorServer(Settings(rate_limit=1)) as sim:
        assert sim.request("number/get_rates", country="SG")["status"] == "success_ok"
        assert sim.request("number/get_rates", country="SG")["status"] == "error_rate_limit_exceeded"
        sim.control.advance(61 / 86_400)
        assert sim.request("number/get_rates", country="SG")["status"] == "success_ok"


def test_it_counts_requests_whatever_becomes_of_them(sim):
    sim.control.fault("number/get_rates", "error-500")
    requests.post(f"{sim.open_url}number/get_rates", data=CREDENTIALS, timeout=5)
    sim.request("number/get_rates", access_token="wrong")
    assert sim.account["requests"] == {"number/get_rates": 2}


def test_it_can_take_its_time_to_show_a_number_that_was_bought():
    with SimulatorServer(Settings(listing_delay=60)) as sim:
        number = sim.subscribe("SG")
        assert sim.request("number/get_active")["entries"] == []
        free = [entry["number"] for entry in sim.request("number/get_choices", country="SG")["entries"]]
        assert number not in free
        sim.control.advance(61 / 86_400)
        assert [entry["number"] for entry in sim.request("number/get_active")["entries"]] == [number]


def test_it_can_be_told_another_limit_or_none():
    with SimulatorServer(Settings(rate_limit=2)) as sim:
        statuses = [sim.request("user/get_balance")["status"] for _ in range(3)]
        assert statuses == ["success_ok", "success_ok", "error_rate_limit_exceeded"]
    with SimulatorServer(Settings(rate_limit=0)) as sim:
        assert {sim.request("user/get_balance")["status"] for _ in range(70)} == {"success_ok"}


def test_it_shows_the_balance_and_the_owner(sim):
    assert sim.request("user/get_balance") == {
        "status": "success_ok",
        "currency": "SGD",
        "balance": "100.00",
        "points": "100.00",
        "bonus": "0.00",
    }
    info = sim.request("user/get_info")
    assert (info["prefix"], info["currency"], info["time_zone"]) == ("+65", "SGD", "GMT+0800SG")


# --- Number API: what is for sale


def test_it_lists_the_countries_with_their_states(sim):
    answer = sim.request("number/get_countries")
    countries = {country["code"]: country for country in answer["entries"]}
    assert set(countries) == {"US", "SG", "HK", "MY", "VN", "AU", "NZ"}
    assert answer["entries_count"] == "7"
    assert (countries["US"]["name"], countries["US"]["prefix"]) == ("USA", "1")
    assert {"code": "AL", "name": "Alabama", "capability": ["VOICE", "FAX", "SMS"]} in countries["US"][
        "states"
    ]
    assert countries["SG"]["states"] == []


def test_it_pages_through_the_numbers_20_at_a_time(sim):
    pages = [
        sim.request("number/get_choices", country="US", state="CA", page=str(page)) for page in range(1, 9)
    ]
    assert [page["entries_count"] for page in pages] == ["20"] * 6 + ["5", "0"]
    assert {page["total_entries_count"] for page in pages} == {"125"}
    numbers = [entry["number"] for page in pages for entry in page["entries"]]
    assert len(set(numbers)) == 125
    assert pages[0]["entries"][0].keys() == {"number", "capability"}
    assert pages[0] == sim.request("number/get_choices", country="US", state="CA")


def test_it_sells_numbers_that_are_valid_in_their_country():
    with SimulatorServer(Settings(rate_limit=0)) as sim:
        seen = set()
        for country in sim.request("number/get_countries")["entries"]:
            for state in country["states"] or [None]:
                region = {"country": country["code"]} | ({"state": state["code"]} if state else {})
                for page in ("1", "2", "3"):
                    for entry in sim.request("number/get_choices", **region, page=page)["entries"]:
                        parsed = phonenumbers.parse(entry["number"])
                        assert phonenumbers.is_valid_number(parsed), entry
                        assert phonenumbers.region_code_for_number(parsed) == country["code"], entry
                        assert entry["number"] not in seen
                        seen.add(entry["number"])
        assert len(seen) > 1000


@pytest.mark.parametrize(
    ("country", "state", "capability"),
    [
        ("US", "NY", ["VOICE", "SMS"]),
        ("SG", None, ["VOICE", "FAX"]),
        ("HK", None, ["VOICE", "FAX"]),
        ("MY", None, ["FAX"]),
        ("VN", None, ["VOICE"]),
        ("AU", None, ["VOICE"]),
        ("NZ", None, ["VOICE"]),
    ],
)
def test_it_says_what_a_number_can_do(sim, country, state, capability):
    region = {"country": country} | ({"state": state} if state else {})
    assert sim.request("number/get_choices", **region)["entries"][0]["capability"] == capability


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({}, "error_country_param_missing"),
        ({"country": "US"}, "error_state_param_missing"),
        ({"country": "US", "state": "ZZ"}, "error_no_number_available"),
        ({"country": "FR"}, "error_service_not_available"),
        ({"country": "SG", "page": "0"}, "error_page_invalid"),
        ({"country": "SG", "page": "one"}, "error_page_invalid"),
    ],
)
def test_it_refuses_an_impossible_choice(sim, parameters, status):
    assert sim.request("number/get_choices", **parameters) == {"status": status}


def test_it_quotes_the_whole_period_in_the_currency_of_the_account():
    with SimulatorServer(Settings(currency="HKD")) as sim:
        assert sim.request("number/get_rates", country="US") == {
            "status": "success_ok",
            "currency": "HKD",
            "entries_count": "3",
            "entries": [
                {"duration": "1", "rate": "4.00"},
                {"duration": "3", "rate": "12.00"},
                {"duration": "12", "rate": "40.00"},
            ],
        }


# --- Number API: buying


def today():
    return datetime.now(timezone(timedelta(hours=8))).date()


def test_it_sells_a_number_once_for_the_quoted_amount(sim):
    number = first_number(sim, "US", state="CA")
    answer = sim.request("number/subscribe", number=number, duration="12")
    assert (answer["status"], answer["currency"], answer["debit"]) == ("success_ok", "SGD", "40.00")
    assert 365 <= (date.fromisoformat(answer["expiry"]) - today()).days <= 366
    assert sim.request("user/get_balance")["balance"] == "60.00"
    assert [(entry["number"], entry["debit"]) for entry in sim.purchases] == [(number, "40.00")]
    assert number != first_number(sim, "US", state="CA")
    assert sim.request("number/get_choices", country="US", state="CA")["total_entries_count"] == "124"


def test_it_shows_a_new_number_as_active_with_everything_unset_empty(sim):
    number = first_number(sim)
    expiry = sim.request("number/subscribe", number=number, duration="1")["expiry"]
    assert sim.request("number/get_active") == {
        "status": "success_ok",
        "total_entries_count": "1",
        "entries_count": "1",
        "entries": [
            {
                "number": number,
                "forward_to": "",
                "forward_sms_to": "",
                "mode": "voice",
                "expiry": expiry,
                "auto_extend_status": "disabled",
                "country": "SG",
                "state": "",
                "capabilities": ["VOICE", "FAX"],
            }
        ],
    }


def test_it_extends_a_number_already_held_from_its_present_expiry(sim):
    number = first_number(sim)
    first = sim.request("number/subscribe", number=number, duration="1")
    second = sim.request("number/subscribe", number=number, duration="3")
    assert second["debit"] == "24.00"
    days = (date.fromisoformat(second["expiry"]) - date.fromisoformat(first["expiry"])).days
    assert 89 <= days <= 92
    assert [entry["kind"] for entry in sim.purchases] == ["subscribe", "extend"]
    assert sim.request("number/get_active")["entries_count"] == "1"


def test_it_sells_by_the_month_with_auto_extend(sim):
    number = first_number(sim)
    assert sim.request("number/subscribe", number=number, duration="auto_extend")["debit"] == "8.00"
    assert sim.request("number/get_active")["entries"][0]["auto_extend_status"] == "enabled"


def test_it_turns_auto_extend_on_for_a_number_already_held_without_charging(sim):
    number = first_number(sim)
    expiry = sim.request("number/subscribe", number=number, duration="1")["expiry"]
    answer = sim.request("number/subscribe", number=number, duration="auto_extend")
    assert (answer["debit"], answer["expiry"]) == ("0.00", expiry)
    assert sim.request("number/get_active")["entries"][0]["auto_extend_status"] == "enabled"
    assert len(sim.purchases) == 1


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"duration": "1"}, "error_number_param_missing"),
        ({"number": "+6565311237"}, "error_duration_param_missing"),
        ({"number": "+6565311237", "duration": "2"}, "error_invalid_duration"),
        ({"number": "6565311237", "duration": "1"}, "error_number_invalid"),
        ({"number": " 6565311237", "duration": "1"}, "error_number_invalid"),  # a + that was not encoded
        ({"number": "+6565310000", "duration": "1"}, "error_number_not_available"),
        ({"number": "+6565319999", "duration": "1"}, "error_number_not_available"),  # taken meanwhile
        ({"number": "+6565319998", "duration": "auto_extend"}, "error_auto_extend_not_available"),
    ],
)
def test_it_refuses_an_impossible_purchase_and_charges_nothing(sim, parameters, status):
    assert sim.request("number/subscribe", **parameters) == {"status": status}
    assert (sim.account["balance"], sim.account["ledger"]) == ("100.00", [])


@pytest.mark.parametrize(
    ("settings", "duration", "status"),
    [
        (Settings(balance=Decimal("7.99")), "1", "error_insufficient_credit"),
        (Settings(max_subscriptions=0), "1", "error_exceed_max_subscriptions"),
        (Settings(card_on_file=False), "auto_extend", "error_auto_extend_not_available"),
    ],
)
def test_it_refuses_what_the_account_cannot_have(settings, duration, status):
    with SimulatorServer(settings) as sim:
        answer = sim.request("number/subscribe", number=first_number(sim), duration=duration)
        assert answer == {"status": status}
        assert sim.purchases == []


def test_it_offers_the_expiry_with_a_time_for_the_client_that_needs_it():
    with SimulatorServer(Settings(expiry_with_time=True)) as sim:
        answer = sim.request("number/subscribe", number=first_number(sim), duration="1")
        assert re.fullmatch(r"\d{4}-\d\d-\d\d 00:00:00", answer["expiry"])


def test_it_sells_a_number_once_however_many_ask_at_the_same_time():
    with SimulatorServer(Settings(balance=Decimal("8.00"))) as sim:
        number = first_number(sim)
        with ThreadPoolExecutor(16) as pool:
            answers = pool.map(
                lambda _: sim.request("number/subscribe", number=number, duration="1"), range(16)
            )
        assert sorted(answer["status"] for answer in answers) == ["error_insufficient_credit"] * 15 + [
            "success_ok"
        ]
        assert (len(sim.purchases), sim.account["balance"]) == (1, "0.00")


# --- Number API: forwarding


def active(sim):
    return sim.request("number/get_active")["entries"][0]


def test_it_replaces_all_forwarding_with_what_it_is_given(sim):
    number = sim.subscribe(forward_to="http://localhost/a?k=1", forward_sms_to="https://localhost/b")
    assert (active(sim)["forward_to"], active(sim)["forward_sms_to"]) == (
        "http://localhost/a?k=1",
        "https://localhost/b",
    )
    assert sim.request("number/update_forwarding", number=number, forward_to="http://localhost/c") == {
        "status": "success_ok"
    }
    assert (active(sim)["forward_to"], active(sim)["forward_sms_to"]) == ("http://localhost/c", "")


def test_it_returns_to_voice_when_no_mode_is_given(sim):
    number = sim.subscribe("SG", forward_to="http://localhost/f", mode="fax")
    assert active(sim)["mode"] == "fax"
    sim.request("number/update_forwarding", number=number, forward_to="http://localhost/f")
    assert active(sim)["mode"] == "voice"


def test_it_can_merge_forwarding_instead():
    with SimulatorServer(Settings(merge_forwarding=True)) as sim:
        number = sim.subscribe(forward_to="http://localhost/a")
        sim.request("number/update_forwarding", number=number, forward_sms_to="http://localhost/b")
        assert (active(sim)["forward_to"], active(sim)["forward_sms_to"]) == (
            "http://localhost/a",
            "http://localhost/b",
        )


@pytest.mark.parametrize(
    ("country", "forwarding", "status"),
    [
        ("US", {"forward_to": "not a url"}, "error_forward_to_invalid"),
        ("US", {"forward_to": "ftp://localhost/x"}, "error_forward_to_invalid"),
        ("US", {"forward_to": "http:///x"}, "error_forward_to_invalid"),
        ("US", {"forward_to": "http://localhost:port/x"}, "error_forward_to_invalid"),
        ("US", {"forward_sms_to": "localhost/x"}, "error_forward_to_invalid"),
        ("US", {"forward_to": "http://nowhere.invalid/x"}, "error_unable_to_resolve_forward_to"),
        ("US", {"forward_sms_to": "http://nowhere.invalid/x"}, "error_unable_to_resolve_forward_to"),
        ("US", {"mode": "sms"}, "error_mode_invalid"),
        ("US", {"mode": "fax"}, "error_mode_invalid"),
        ("MY", {"forward_to": "http://localhost/x"}, "error_mode_invalid"),
        ("SG", {"forward_sms_to": "http://localhost/x"}, "error_incoming_sms_not_supported"),
    ],
)
def test_it_refuses_impossible_forwarding_and_keeps_the_old(sim, country, forwarding, status):
    number = sim.subscribe(country)
    before = active(sim)
    assert sim.request("number/update_forwarding", number=number, **forwarding) == {"status": status}
    assert active(sim) == before


def test_it_forwards_only_the_numbers_of_this_application(sim):
    for number, status in [
        ("", "error_number_param_missing"),
        ("65", "error_number_invalid"),
        (first_number(sim), "error_number_not_assigned"),
    ]:
        assert sim.request("number/update_forwarding", number=number) == {"status": status}


# --- Time and disk


def test_it_lets_a_number_go_the_day_after_its_expiry(sim):
    number = sim.subscribe("SG")
    days_left = (date.fromisoformat(active(sim)["expiry"]) - today()).days
    sim.control.advance(days_left)
    assert active(sim)["number"] == number
    sim.control.advance(1)
    assert sim.request("number/get_active")["entries"] == []
    assert first_number(sim) == number


def test_it_renews_every_month_what_is_on_auto_extend_while_the_money_lasts():
    with SimulatorServer(Settings(balance=Decimal("24.00"))) as sim:
        sim.request("number/subscribe", number=first_number(sim), duration="auto_extend")
        sim.control.advance(62)
        assert [entry["kind"] for entry in sim.purchases] == ["subscribe", "renew", "renew"]
        assert sim.account["balance"] == "0.00"
        sim.control.advance(62)
        assert sim.request("number/get_active")["entries"] == []


def test_it_remembers_everything_over_a_restart(tmp_path):
    settings = Settings(state=tmp_path / "state.json")
    with SimulatorServer(settings) as sim:
        sim.subscribe(forward_sms_to="http://localhost/x?a=%2B")
        sim.request("number/subscribe", number="+6565311237", duration="auto_extend")
        sim.control.advance(3)
        before = sim.account
    with SimulatorServer(settings) as sim:
        after = sim.account
    for kept in ("numbers", "ledger", "balance", "currency"):
        assert after[kept] == before[kept]
    passed = datetime.fromisoformat(after["now"]) - datetime.fromisoformat(before["now"])
    assert passed < timedelta(minutes=1)


def test_it_never_does_what_it_cannot_write_down(tmp_path, monkeypatch):
    with SimulatorServer(Settings(state=tmp_path / "state.json")) as sim:
        number = first_number(sim)
        full = statefile.StateError("The state file cannot be written: No space left on device.")

        def refuse(*_):
            raise full

        monkeypatch.setattr(statefile, "save", refuse)
        answer = sim.request("number/subscribe", number=number, duration="1")
        assert answer == {"status": "error_internal_server_error"}
        monkeypatch.undo()
        assert (sim.account["balance"], sim.purchases) == ("100.00", [])


def test_it_touches_no_file_beside_its_state(tmp_path):
    other = tmp_path / "state.json.new"
    other.write_text("of somebody else")
    with SimulatorServer(Settings(state=tmp_path / "state.json")) as sim:
        sim.subscribe()
    assert other.read_text() == "of somebody else"


def test_it_leaves_no_temporary_file(tmp_path):
    with SimulatorServer(Settings(state=tmp_path / "state.json")) as sim:
        sim.subscribe()
    (state,) = tmp_path.iterdir()
    assert (state.name, stat.S_IMODE(state.stat().st_mode)) == ("state.json", 0o600)


# --- Incoming


def test_it_sends_a_short_sms_signed_and_charges_it(sim, there):
    number = sim.subscribe(forward_sms_to=there.url + "/sms")
    text = "Grüße & 1+1=2 €"
    outcome = sim.control.sms(CALLER, number, text)
    (request,) = there.requests
    assert request.path == "/sms"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    expected = hmac.new(b"sim-token", request.body, hashlib.sha256).hexdigest()
    assert request.headers["X-Hoiio-Signature"] == expected
    assert request.form.keys() == {"txn_ref", "msg", "from", "to", "date", "currency", "debit"}
    assert request.form | {"date": "", "txn_ref": ""} == {
        "txn_ref": "",
        "msg": text,
        "from": CALLER,
        "to": number,
        "date": "",
        "currency": "SGD",
        "debit": "0.013",
    }
    assert outcome["txn_refs"] == [request.form["txn_ref"]]
    assert sim.request("user/get_balance")["balance"] == "95.987"


def test_it_writes_dates_in_gmt_plus_8(sim, there):
    number = sim.subscribe(forward_sms_to=there.url)
    sim.control.sms(CALLER, number, "x")
    zone = timezone(timedelta(hours=8))
    sent = datetime.strptime(there.forms()[0]["date"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=zone)
    assert abs(datetime.now(zone) - sent) < timedelta(seconds=10)


@pytest.mark.parametrize(
    ("length", "parts"), [(0, [0]), (160, [160]), (161, [152, 9]), (400, [152, 152, 96])]
)
def test_it_sends_a_long_sms_in_parts_each_a_transaction_of_its_own(sim, there, length, parts):
    number = sim.subscribe(forward_sms_to=there.url)
    text = ("0123456789" * 40)[:length]
    sim.control.sms(CALLER, number, text)
    assert [len(form["msg"]) for form in there.forms()] == parts
    assert "".join(form["msg"] for form in there.forms()) == text
    assert len({form["txn_ref"] for form in there.forms()}) == len(parts)
    charged = [entry["debit"] for entry in sim.account["ledger"] if entry["kind"] == "sms"]
    assert charged == ["0.013"] * len(parts)


def test_it_rings_and_then_hangs_up_with_the_bill(sim, there):
    number = sim.subscribe(forward_to=there.url)
    outcome = sim.control.call(CALLER, number, hold=0.2)
    ringing, ended = there.forms()
    assert ringing == {
        "ivr_block": "answer",
        "call_state": "ringing",
        "session": outcome["session"],
        "txn_ref": outcome["txn_refs"][0],
        "from": CALLER,
        "to": number,
    }
    billing = {name: ended[name] for name in ("duration", "currency", "rate", "debit")}
    assert billing == {"duration": "1", "currency": "SGD", "rate": "0.020", "debit": "0.020"}
    assert ended == ringing | {"call_state": "ended", "date": ended["date"]} | billing
    assert there.requests[1].at - there.requests[0].at >= 0.2
    assert sim.account["balance"] == "95.98"


def test_it_bills_the_minutes_it_is_told(sim, there):
    number = sim.subscribe(forward_to=there.url)
    sim.control.call(CALLER, number, minutes=7)
    assert (there.forms()[1]["duration"], there.forms()[1]["debit"]) == ("7", "0.140")


def test_it_sends_a_fax_as_a_link_to_a_real_pdf(sim, there):
    number = sim.subscribe("SG", forward_to=there.url, mode="fax")
    sim.control.fax(CALLER, number, text="Order (no. 7)\\ 5 €\nsecond line")
    (form,) = there.forms()
    assert form.keys() == {
        *("txn_ref", "fax_status", "from", "to", "fax_url", "date", "duration", "currency", "debit")
    }
    assert (form["fax_status"], form["duration"], form["debit"]) == ("answered", "1", "0.050")
    response = requests.get(form["fax_url"], timeout=5)
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/pdf")
    assert_is_pdf(response.content)
    assert b"(Order \\(no. 7\\)\\\\ 5 \x80) Tj" in response.content


def assert_is_pdf(document):
    """Every object is where the table says, streams are as long as they say, and the root is there."""
    assert document.startswith(b"%PDF-1.4\n")
    assert document.endswith(b"%%EOF\n")
    table_at = int(re.search(rb"startxref\n(\d+)\n", document)[1])
    header, size = re.match(rb"xref\n(0 (\d+))\n", document[table_at:]).groups()
    entries = document[table_at + len(b"xref\n\n" + header) :].split(b"trailer")[0]
    assert len(entries) == 20 * int(size)
    for number in range(1, int(size)):
        offset = int(entries[20 * number :][:10])
        assert document[offset:].startswith(b"%d 0 obj\n" % number)
    for length, stream in re.findall(rb"/Length (\d+) >>\nstream\n(.*?)\nendstream", document, re.DOTALL):
        assert len(stream) == int(length)
    assert b"/Root 1 0 R" in document


def test_it_spreads_a_long_fax_over_pages(sim, there):
    number = sim.subscribe("SG", forward_to=there.url, mode="fax")
    sim.control.fax(CALLER, number, text="line\n" * 120)
    document = requests.get(there.forms()[0]["fax_url"], timeout=5).content
    assert_is_pdf(document)
    assert document.count(b"/Type /Page ") == 3


def test_it_lets_the_link_to_a_fax_lapse(sim, there):
    number = sim.subscribe("SG", forward_to=there.url, mode="fax")
    sim.control.fax(CALLER, number, link_seconds=3600)
    url = there.forms()[0]["fax_url"]
    assert {"Expires", "Signature"} == dict(parse_qsl(urlsplit(url).query)).keys()
    assert requests.get(url.replace("Expires=", "Expires=9"), timeout=5).status_code == 403
    assert requests.get(url.split("?")[0], timeout=5).status_code == 403
    sim.control.advance(0.5)
    assert requests.get(url, timeout=5).status_code == 403


def test_it_links_to_itself_by_the_name_others_know_it_by(there):
    with SimulatorServer(Settings(base_url="http://provider.example:8100/")) as sim:
        number = sim.subscribe("SG", forward_to=there.url, mode="fax")
        sim.control.fax(CALLER, number)
        assert there.forms()[0]["fax_url"].startswith("http://provider.example:8100/files/")


def test_it_reports_a_failed_fax_with_its_reason_and_no_link(sim, there):
    number = sim.subscribe("SG", forward_to=there.url, mode="fax")
    sim.control.fax(CALLER, number, failed=True)
    (form,) = there.forms()
    assert (form["fax_status"], form["fax_error_code"], form["debit"]) == ("failed", "busy", "0.000")
    assert "fax_url" not in form


def test_it_passes_the_parameters_of_the_url_through_and_lets_its_own_win(sim, there):
    number = sim.subscribe(forward_sms_to=there.url + "/sms?user=a%20b&empty=&to=me")
    sim.control.sms(CALLER, number, "x")
    (request,) = there.requests
    assert request.query == {"user": "a b", "empty": "", "to": "me"}
    assert (request.form["user"], request.form["empty"], request.form["to"]) == ("a b", "", number)


def test_it_can_put_the_parameters_into_the_query(sim, there):
    number = sim.subscribe(forward_sms_to=there.url + "/sms?user=me&to=nobody")
    sim.control.sms(CALLER, number, "1 + 1", parameters="query")
    (request,) = there.requests
    assert request.body == b""
    assert (request.query["msg"], request.query["user"], request.query["to"]) == ("1 + 1", "me", number)
    assert request.query_string.count("to=") == 1
    assert request.headers["X-Hoiio-Signature"] == hmac.new(b"sim-token", b"", hashlib.sha256).hexdigest()


def test_it_can_put_the_parameters_into_both(sim, there):
    number = sim.subscribe(forward_sms_to=there.url)
    sim.control.sms(CALLER, number, "x", parameters="both")
    assert there.requests[0].query == there.requests[0].form


def test_it_can_send_each_notification_several_times(sim, there):
    number = sim.subscribe(forward_to=there.url)
    sim.control.call(CALLER, number, duplicate=3)
    assert [form["call_state"] for form in there.forms()] == ["ringing"] * 3 + ["ended"] * 3
    assert there.requests[0].body == there.requests[2].body


def test_it_can_send_late(sim, there):
    number = sim.subscribe(forward_sms_to=there.url)
    started = time.monotonic()
    sim.control.sms(CALLER, number, "x", delay=0.3)
    assert there.requests[0].at - started >= 0.3


def test_it_can_leave_the_signature_out_or_get_it_wrong(sim, there):
    number = sim.subscribe(forward_sms_to=there.url)
    sim.control.sms(CALLER, number, "x", unsigned=True)
    sim.control.sms(CALLER, number, "x", wrong_signature=True)
    unsigned, wrong = there.requests
    assert "X-Hoiio-Signature" not in unsigned.headers
    assert re.fullmatch("[0-9a-f]{64}", wrong.headers["X-Hoiio-Signature"])
    assert wrong.headers["X-Hoiio-Signature"] != hmac.new(b"sim-token", wrong.body, "sha256").hexdigest()


def test_it_can_add_replace_and_remove_parameters(sim, there):
    number = sim.subscribe(forward_sms_to=there.url)
    sim.control.sms(CALLER, number, "x", extra={"new": "1", "date": "2012-01-31 12:06:15.0", "txn_ref": None})
    (form,) = there.forms()
    assert (form["new"], form["date"], "txn_ref" in form) == ("1", "2012-01-31 12:06:15.0", False)


def test_it_tells_how_each_notification_was_answered(sim, there):
    number = sim.subscribe(forward_sms_to=there.url + "/sms")
    there.status = 503
    (delivery,) = sim.control.sms(CALLER, number, "hello")["deliveries"]
    assert (delivery["kind"], delivery["url"], delivery["status"]) == ("sms", there.url + "/sms", 503)
    assert delivery["parameters"] == there.forms()[0]
    assert delivery["error"] is None
    assert delivery["milliseconds"] >= 0
    assert len(there.requests) == 1, "the provider does not try again"
    assert delivery == sim.account["deliveries"][0] | {"last": True}


def test_it_tells_when_nobody_answered(sim):
    number = sim.subscribe(forward_sms_to=f"http://127.0.0.1:{free_port()}/")
    (delivery,) = sim.control.sms(CALLER, number, "hello")["deliveries"]
    assert delivery["status"] is None
    assert "could not connect" in delivery["error"]


def test_it_does_not_wait_for_ever():
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        SimulatorServer(Settings(notification_timeout=0.2)) as sim,
    ):
        number = sim.subscribe(forward_sms_to=f"http://127.0.0.1:{silent.getsockname()[1]}/")
        (delivery,) = sim.control.sms(CALLER, number, "hello")["deliveries"]
        assert delivery["error"] == "no answer within 0.2 seconds"


@pytest.mark.parametrize(
    "pieces", [(b"H", b""), (b"HTTP/1.1 200 OK\r\nX: ", b"x"), (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n")]
)
def test_an_answer_that_trickles_in_is_not_waited_for_either(pieces):
    with trickling(*pieces) as url, SimulatorServer(Settings(notification_timeout=0.2)) as sim:
        (delivery,) = sim.control.sms(CALLER, sim.subscribe(forward_sms_to=url), "hello")["deliveries"]
    assert (delivery["status"], delivery["error"]) == (None, "no answer within 0.2 seconds")
    assert delivery["milliseconds"] < 1000


@pytest.mark.parametrize("location", ["http://[", "//[x", "https://h:99999/"])
def test_a_redirect_to_a_url_that_is_none_is_an_answer_like_any(sim, location):
    head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    with trickling(head.encode(), b"") as url:
        (delivery,) = sim.control.sms(CALLER, sim.subscribe(forward_sms_to=url), "hello")["deliveries"]
    assert (delivery["status"], delivery["error"]) == (302, None)


@pytest.mark.parametrize("host", ["a..b", "\u2603\u2603", "\u2603:x@127.0.0.1:1", "%"])
def test_a_host_that_can_be_none_is_told(host):
    with SimulatorServer(Settings(resolve_hosts=False)) as sim:
        number = sim.subscribe(forward_sms_to=f"http://{host}/")
        (delivery,) = sim.control.sms(CALLER, number, "hello")["deliveries"]
    assert (delivery["status"], delivery["error"]) == (None, "the URL cannot be called")


def test_it_says_why_nothing_was_sent(sim):
    american, singaporean = sim.subscribe(), sim.subscribe("SG", forward_to="http://localhost/")
    for answer, reason in [
        (sim.control.call(CALLER, "+14155550000"), "is not a subscribed number"),
        (sim.control.call(CALLER, american), "has no forward_to URL"),
        (sim.control.sms(CALLER, american, "x"), "has no forward_sms_to URL"),
        (sim.control.sms(CALLER, singaporean, "x"), "cannot receive SMS"),
        (sim.control.fax(CALLER, singaporean), "is in voice mode"),
    ]:
        assert (answer["notified"], answer["deliveries"]) == (False, [])
        assert reason in answer["reason"]
    assert {entry["kind"] for entry in sim.account["ledger"]} == {"subscribe"}


# --- Control


@pytest.mark.parametrize(
    ("what", "order", "sentence"),
    [
        ("sms", "{", "not JSON"),
        ("sms", "[]", "must be a JSON object"),
        ("sms", {"to": "+6565311237", "text": "x"}, "from is missing"),
        ("sms", {"from": "x", "to": 65, "text": "x"}, "to must be a text"),
        ("sms", {"from": "x", "to": "65", "text": "x"}, "to must be a telephone number"),
        ("sms", {"from": "x", "to": "+6565311237"}, "text is missing"),
        ("sms", {"from": "x", "to": "+6565311237", "text": "\ud800"}, "incomplete character"),
        ("sms", {"from": "x", "to": "+6565311237", "text": "x", "txet": "x"}, "no field txet"),
        ("calls", {"from": "x", "to": "+6565311237", "hold": -1}, "hold must be a number"),
        ("calls", {"from": "x", "to": "+6565311237", "hold": True}, "hold must be a number"),
        ("calls", {"from": "x", "to": "+6565311237", "duplicate": 1.5}, "duplicate must be a whole number"),
        ("calls", {"from": "x", "to": "+6565311237", "parameters": "head"}, "parameters must be one of"),
        ("calls", {"from": "x", "to": "+6565311237", "extra": {"a": 1}}, "extra must be an object"),
        ("calls", {"from": "x", "to": "+6565311237", "digits": "1"}, "digits must be a list"),
        ("calls", {"from": "x", "to": "+6565311237", "dial": ["angry"]}, "dial must be a list of answered"),
        ("calls", {"from": "x", "to": "+6565311237", "notifications": ["x"]}, "must be a list of sent"),
        ("faxes", {"from": "x", "to": "+6565311237", "failed": "yes"}, "failed must be true or false"),
        (
            "calls",
            {"from": "x", "to": "+6565311237", "unsigned": True, "wrong_signature": True},
            "cannot be unsigned",
        ),
        ("faults", {"endpoint": "number/buy", "fault": "slow"}, "endpoint must be one of"),
        ("faults", {"endpoint": "number/subscribe", "fault": "fire"}, "fault must be one of"),
        ("clock", {}, "advance_days is missing"),
        ("clock", {"advance_days": -1}, "advance_days must be a number"),
        ("balance", {"balance": "much"}, "balance must be an amount"),
    ],
)
def test_it_answers_a_wrong_order_with_a_sentence(sim, what, order, sentence):
    body = order if isinstance(order, str) else json.dumps(order)
    response = requests.post(f"{sim.url}/control/{what}", data=body, timeout=5)
    assert response.status_code == 400
    assert sentence in response.json()["error"]


def test_it_answers_unknown_controls_with_json_too(sim):
    response = requests.post(f"{sim.url}/control/letters", timeout=5)
    assert (response.status_code, "error" in response.json()) == (404, True)


def test_it_takes_a_new_balance_and_writes_that_down(sim):
    sim.control.set_balance("0.50")
    assert sim.request("user/get_balance")["balance"] == "0.50"
    assert sim.account["ledger"][0]["kind"] == "adjust"
    assert sim.purchases == []


def test_it_shows_a_page_that_runs_nothing_it_was_sent(sim, there):
    number = sim.subscribe(forward_sms_to=there.url)
    assert "None yet" not in requests.get(sim.url, timeout=5).text
    sim.control.sms("<script>alert(1)</script>", number, "<b>bold</b>")
    response = requests.get(sim.url, timeout=5)
    assert number in response.text
    assert "&lt;script&gt;" in response.text
    assert "<script>" not in response.text
    assert "<b>bold" not in response.text
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


# --- Faults


def test_it_can_do_the_deed_and_lose_the_answer(sim):
    number = first_number(sim)
    sim.control.fault("number/subscribe", "lost-answer")
    with pytest.raises(requests.ConnectionError):
        sim.request("number/subscribe", number=number, duration="1")
    assert [entry["number"] for entry in sim.purchases] == [number]
    assert sim.request("number/get_active")["entries_count"] == "1"


def test_it_can_keep_the_client_waiting_without_the_deed(sim):
    sim.control.fault("number/subscribe", "timeout", seconds=0.3)
    started = time.monotonic()
    with pytest.raises(requests.ConnectionError):
        sim.request("number/subscribe", number=first_number(sim), duration="1")
    assert time.monotonic() - started >= 0.3
    assert sim.purchases == []


def test_it_can_be_slow(sim):
    sim.control.fault("user/get_balance", "slow", seconds=0.3)
    started = time.monotonic()
    assert sim.request("user/get_balance")["status"] == "success_ok"
    assert time.monotonic() - started >= 0.3


def test_it_can_answer_garbage_500_or_any_status(sim):
    for fault in ("garbage", "error-500", "status:error_insufficient_credit"):
        sim.control.fault("user/get_balance", fault)
    answers = [
        requests.get(sim.open_url + "user/get_balance", params=CREDENTIALS, timeout=5) for _ in range(4)
    ]
    assert [answer.status_code for answer in answers] == [200, 500, 200, 200]
    with pytest.raises(ValueError, match="Unterminated"):
        answers[0].json()
    assert answers[2].json() == {"status": "error_insufficient_credit"}
    assert answers[3].json()["status"] == "success_ok"


def test_it_suffers_a_fault_so_many_times_or_until_it_is_cleared(sim):
    sim.control.fault("user/get_balance", "status:error_x", times=2)
    assert [sim.request("user/get_balance")["status"] for _ in range(3)] == [
        "error_x",
        "error_x",
        "success_ok",
    ]
    sim.control.fault("user/get_balance", "status:error_x", times=2)
    assert len(sim.account["faults"]) == 1
    assert sim.control.clear_faults() == {"faults": []}
    assert sim.request("user/get_balance")["status"] == "success_ok"


# --- Calls that the application does something with


@contextmanager
def ringing(sim, there, **options):
    """A call that rings at a number of ours; when the block ends, it must be over."""
    number = sim.subscribe(forward_to=there.url + "/answer")
    options = {"hold": 10} | options
    with ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(sim.control.call, CALLER, number, **options)
        yield there.wait_for(1)[0]["session"]
        outcome.result(timeout=5)


def ok(sim, endpoint, **parameters):
    answer = sim.request("ivr/" + endpoint, **parameters)
    assert answer.pop("status") == "success_ok"
    return answer


def test_it_plays_the_documented_time_line_of_a_menu(sim, there):
    """Ring, gather a digit, transfer to somebody busy, say so and hang up (protocol: time line)."""
    with ringing(sim, there, digits=["1"]) as session:
        notify = there.url + "/n?app_state="
        ok(sim, "middle/gather", session=session, max_digits="1", notify_url=notify + "gather", tag="t")
        gathered = there.wait_for(2)[1]
        busy = "+6562220001"
        ok(
            sim,
            "end/transfer",
            session=session,
            dest=busy,
            on_failure="continue",
            notify_url=notify + "transfer",
        )
        transferred = there.wait_for(3)[2]
        ok(sim, "end/hangup", session=session, notify_url=notify + "hangup")
        ended = there.wait_for(4)[3]
    assert gathered == {
        "ivr_block": "gather",
        "call_state": "ongoing",
        "session": session,
        "txn_ref": gathered["txn_ref"],
        "from": CALLER,
        "to": gathered["to"],
        "digits": "1",
        "tag": "t",
        "app_state": "gather",
    }
    assert (transferred["transfer_status"], transferred["call_state"]) == ("busy", "ongoing")
    assert (ended["ivr_block"], ended["call_state"], ended["app_state"]) == ("hangup", "ended", "hangup")
    assert (ended["duration"], ended["debit"], ended["currency"]) == ("1", "0.020", "SGD")
    assert len(there.requests) == 4
    assert sim.request("ivr/middle/play", session=session) == {"status": "error_session_ended"}


def test_it_reports_an_answered_transfer_only_when_the_call_is_over(sim, there):
    with ringing(sim, there, hold=0.3) as session:
        ok(sim, "end/transfer", session=session, dest="+6562221234", notify_url=there.url + "/t")
        assert sim.request("ivr/middle/play", session=session) == {"status": "error_session_not_ready"}
    _, ended = there.forms()
    assert (ended["ivr_block"], ended["transfer_status"], ended["call_state"]) == (
        "transfer",
        "answered",
        "ended",
    )


def test_it_ends_the_call_with_a_failed_transfer_unless_told_to_continue(sim, there):
    with ringing(sim, there) as session:
        ok(sim, "end/transfer", session=session, dest="+6562220002", notify_url=there.url + "/t")
        ended = there.wait_for(2)[1]
    assert (ended["transfer_status"], ended["call_state"]) == ("unanswered", "ended")


def test_it_opens_a_room_and_names_it(sim, there):
    with ringing(sim, there, hold=0.3) as session:
        assert re.fullmatch(r"R\d+", ok(sim, "end/transfer", session=session, dest="room:")["room"])


def test_it_records_also_what_was_said_before_the_caller_hung_up(sim, there):
    with ringing(sim, there, hold=0.3, block_seconds=5) as session:
        ok(sim, "middle/record", session=session, notify_url=there.url + "/r")
    _, ended = there.forms()
    assert (ended["ivr_block"], ended["call_state"]) == ("record", "ended")
    recording = requests.get(ended["record_url"], timeout=5)
    assert (recording.status_code, recording.headers["Content-Type"]) == (200, "audio/mpeg")


def test_it_tells_the_end_to_the_block_in_progress_without_repeating_its_result(sim, there):
    with ringing(sim, there, hold=0.5, digits=["12#34"]) as session:
        ok(sim, "middle/gather", session=session, notify_url=there.url + "/g")
        assert there.wait_for(2)[1]["digits"] == "12"
        ok(sim, "middle/record", session=session, notify_url=there.url + "/r")
        assert "record_url" in there.wait_for(3)[2]
    ended = there.forms()[3]
    assert (ended["ivr_block"], ended["call_state"], there.requests[3].path) == ("record", "ended", "/r")
    assert not {"digits", "record_url"} & ended.keys()


def test_each_recording_has_a_link_of_its_own_at_the_base_url(there):
    base = "https://simulator.example.com/"
    with SimulatorServer(Settings(rate_limit=0, base_url=base)) as sim, ringing(sim, there) as session:
        for seen in (2, 3):
            ok(sim, "middle/record", session=session, notify_url=there.url + "/r")
            there.wait_for(seen)
        ok(sim, "middle/monitor", session=session, notify_url=there.url + "/m")
        there.wait_for(4)
        ok(sim, "end/hangup", session=session)
        last = there.wait_for(5)[4]
        links = [there.forms()[1]["record_url"], there.forms()[2]["record_url"], last["monitor_url"]]
        assert len(set(links)) == 3
        for link in links:
            assert link.startswith(base + "files/")
            assert requests.get(link.replace(base, sim.url + "/"), timeout=5).status_code == 200
        assert (
            requests.get(links[0].replace(base, sim.url + "/").replace("-1", "-9"), timeout=5).status_code
            == 404
        )


def test_a_call_takes_the_course_that_was_ordered(there):
    """Who is dialled, where the caller hangs up, what is heard; at a pace that tests can wait for."""
    with SimulatorServer(Settings(pace=0.001)) as sim:
        number = sim.subscribe(forward_to=there.url + "/answer")
        plan = {"digits": ["", "2"], "dial": ["busy", "answered"], "dial_seconds": 60, "hangs_up_in": 9}
        with ThreadPoolExecutor(1) as pool:
            outcome = pool.submit(sim.control.call, CALLER, number, hold=20, **plan)
            session = there.wait_for(1)[0]["session"]
            menu = '<speech language="zh-HK" gender="female">一 &amp; 二</speech><url>https://x.example/a.mp3</url>'
            for seen, digits in ((2, ""), (3, "2")):
                ok(sim, "middle/gather", session=session, msg=menu, notify_url=there.url + "/g", timeout="30")
                assert there.wait_for(seen)[-1]["digits"] == digits
            for seen, status in ((4, "busy"), (5, "answered")):
                to = {"dest": "+6562221234", "on_failure": "continue", "notify_url": there.url + "/t"}
                ok(sim, "end/transfer", session=session, msg="One moment", **to)
                assert there.wait_for(seen)[-1]["transfer_status"] == status
            told = outcome.result(timeout=5)
    heard = ["zh-HK: 一 & 二", "<https://x.example/a.mp3>"]
    assert told["heard"] == [*heard, *heard, "One moment", "One moment"]
    assert [step["step"] for step in told["way"]] == ["gather", "gather", "transfer", "transfer"]


@pytest.mark.parametrize("endpoint", ["middle/gather", "middle/record", "end/transfer"])
def test_a_caller_hangs_up_in_the_step_that_was_ordered(sim, there, endpoint):
    with ringing(sim, there, hangs_up_in=2) as session:
        ok(sim, "middle/play", session=session, notify_url=there.url + "/p")
        assert there.wait_for(2)[1]["call_state"] == "ongoing"
        more = {"dest": "+6562221234"} if endpoint == "end/transfer" else {}
        ok(sim, endpoint, session=session, notify_url=there.url + "/n", **more)
        assert there.wait_for(3)[2]["call_state"] == "ended"
    assert ("record_url" in there.forms()[2]) == (endpoint == "middle/record")


def test_notifications_are_lost_doubled_and_late_as_ordered(sim, there):
    order = {"notifications": ["sent", "lost", "doubled", "late"], "late_seconds": 0.3}
    with ringing(sim, there, **order) as session:
        for said in ("lost", "doubled"):
            until(sim, "middle/play", session=session, msg=said, notify_url=there.url)
        assert [form["ivr_block"] for form in there.wait_for(3)] == ["answer", "play", "play"]
        ok(sim, "middle/record", session=session, notify_url=there.url + "/r")
        until(sim, "end/hangup", session=session)
        assert len(there.requests) == 3
        assert [form["ivr_block"] for form in there.wait_for(4)][3] == "record"
        refused = sim.request("ivr/middle/play", session=session, msg="too late")
    assert refused == {"status": "error_session_ended"}


def until(sim, endpoint, **parameters):
    """Ask for a step once the one before is over."""
    deadline = time.monotonic() + 30
    while (answer := sim.request("ivr/" + endpoint, **parameters)) == {"status": "error_session_not_ready"}:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert answer == {"status": "success_ok"}


@pytest.mark.parametrize(
    ("msg", "status"),
    [
        ("a" * 1001, "error_msg_invalid_length"),
        ("1 < 2", "error_msg_invalid_xml"),
        ("<speech>one</speech", "error_msg_invalid_xml"),
        ("<b>one</b>", "error_msg_invalid_xml"),
        ('<speech language="English">one</speech>', "error_msg_invalid_language"),
        ('<speech gender="none">one</speech>', "error_msg_invalid_gender"),
        ("<url>ftp://x.example/a.mp3</url>", "error_msg_invalid_url"),
        ("<url>https://x.example/a.ogg</url>", "error_msg_invalid_file_format"),
    ],
)
def test_it_refuses_what_cannot_be_said(sim, there, msg, status):
    with ringing(sim, there) as session:
        assert sim.request("ivr/middle/play", session=session, msg=msg) == {"status": status}
        ok(sim, "end/hangup", session=session)


def test_a_gather_waits_for_a_caller_who_presses_nothing(sim, there):
    """By the simulator's clock, and as often as it asks."""
    with ringing(sim, there, hold=20, digits=["", "7"]) as session:
        began = time.monotonic()
        asked = {"session": session, "notify_url": there.url + "/g"}
        ok(sim, "middle/gather", **asked, timeout="1", attempts="2")
        assert there.wait_for(2)[1]["digits"] == "7"
        assert time.monotonic() - began >= 1
        ok(sim, "middle/gather", **asked, timeout="3600", attempts="24")
        assert len(there.requests) == 2
        sim.control.advance(1.01)
        assert there.wait_for(3)[2]["digits"] == ""
        ok(sim, "end/hangup", session=session)


def test_a_forced_hangup_says_nothing(sim, there):
    with ringing(sim, there, block_seconds=5) as session:
        ok(sim, "middle/play", session=session, msg="Hello")
        refused = sim.request("ivr/end/hangup", session=session, force="enabled", msg="Bye")
        assert refused == {"status": "error_msg_invalid_length"}
        ok(sim, "end/hangup", session=session, force="enabled")


@pytest.mark.parametrize(
    ("dest", "msg", "parts"),
    [
        ("+6591234567", "Hello", "1"),
        ("+6591230003", "Hello", "1"),
        ("+6591234567", "a" * 161, "2"),
        ("+6591234567", "€" * 81, "2"),
        ("+6591234567", "你" * 71, "2"),
    ],
)
def test_it_sends_an_sms_and_reports_on_it(sim, there, dest, msg, parts):
    status = "failed" if dest.endswith("0003") else "delivered"
    sent = sim.request("sms/send", dest=dest, msg=msg, tag="t", notify_url=there.url + "/sent")
    report = there.wait_for(1)[0]
    assert sent == {"status": "success_ok", "txn_ref": report["txn_ref"]}
    assert (report["sms_status"], report["split_count"], report["tag"]) == (status, parts, "t")
    assert sim.account["ledger"][-1]["debit"] == report["debit"] == f"{0.013 * int(parts):.3f}"


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"dest": ""}, "error_dest_param_missing"),
        ({"dest": "12"}, "error_dest_invalid"),
        ({"msg": ""}, "error_msg_param_missing"),
        ({"msg": "a" * 460}, "error_msg_too_big"),
        ({"msg": "你" * 202}, "error_msg_too_big"),
        ({"notify_url": "ftp://x"}, "error_invalid_notify_url"),
    ],
)
def test_it_refuses_an_sms_that_cannot_be_sent(sim, wrong, status):
    assert sim.request("sms/send", **{"dest": "+6591234567", "msg": "Hello"} | wrong) == {"status": status}


def test_it_takes_the_spelling_of_the_java_sdk(sim, there):
    number = sim.subscribe("US", "CA", forward_to_sms=there.url + "/sms")
    held = {one["number"]: one for one in sim.account["numbers"]}
    assert held[number]["forward_sms_to"] == there.url + "/sms"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "rebound.evil.example:8100"},
        {"Host": "[broken"},
    ],
)
def test_pages_of_other_sites_are_kept_out(sim, headers):
    balance = sim.account["balance"]
    order = {"balance": "0"}
    refused = requests.post(sim.url + "/control/balance", json=order, headers=headers, timeout=5)
    assert refused.status_code in (400, 403)
    bought = CREDENTIALS | {"number": "+6565311237", "duration": "1"}
    url = sim.open_url + "number/subscribe"
    assert requests.get(url, params=bought, headers=headers, timeout=5).status_code in (400, 403)
    assert sim.account["balance"] == balance


def test_its_own_page_and_known_hosts_are_let_in():
    with SimulatorServer(Settings(base_url="https://simulator.example.com")) as sim:
        port = sim.url.rpartition(":")[2]
        for host in ("simulator.example.com", f"localhost:{port}", f"simulator:{port}", f"[::1]:{port}"):
            answer = requests.get(sim.url + "/control/account", headers={"Host": host}, timeout=5)
            assert answer.status_code == 200, host
        same = {"Origin": sim.url, "Sec-Fetch-Site": "same-origin"}
        order = {"balance": "7.00"}
        answer = requests.post(sim.url + "/control/balance", json=order, headers=same, timeout=5)
        assert answer.json()["balance"] == "7.00"


def test_it_monitors_once_and_sends_the_recording_after_the_end(sim, there):
    with ringing(sim, there) as session:
        urls = {"notify_url": there.url + "/m", "monitor_notify_url": there.url + "/mp3"}
        ok(sim, "middle/monitor", session=session, **urls)
        assert there.wait_for(2)[1]["ivr_block"] == "monitor"
        assert sim.request("ivr/middle/monitor", session=session, **urls) == {
            "status": "error_monitor_in_progress"
        }
        ok(sim, "end/hangup", session=session)
        last = there.wait_for(3)[2]
    assert there.requests[2].path == "/mp3"
    assert (last["call_state"], last["monitor_url"].endswith(".mp3")) == ("ended", True)


def test_it_holds_and_unholds(sim, there):
    with ringing(sim, there) as session:
        unhold = {"session": session, "notify_url": there.url + "/u"}
        assert sim.request("ivr/middle/unhold", **unhold) == {"status": "error_session_not_on_hold"}
        ok(sim, "middle/hold", session=session)
        assert sim.request("ivr/middle/play", session=session) == {"status": "error_session_not_ready"}
        ok(sim, "middle/unhold", **unhold)
        assert there.wait_for(2)[1]["ivr_block"] == "unhold"
        ok(sim, "end/hangup", session=session)


def test_it_ends_the_call_after_a_message_that_nobody_wants_to_hear_of(sim, there):
    with ringing(sim, there) as session:
        ok(sim, "middle/play", session=session, msg="Goodbye")
    assert [form["call_state"] for form in there.forms()] == ["ringing"]


def test_it_hangs_up_in_the_middle_of_a_block_only_by_force(sim, there):
    with ringing(sim, there, block_seconds=5) as session:
        ok(sim, "middle/play", session=session, notify_url=there.url + "/p")
        assert sim.request("ivr/end/hangup", session=session) == {"status": "error_session_not_ready"}
        ok(sim, "end/hangup", session=session, force="enabled", notify_url=there.url + "/h")
        assert there.wait_for(2)[1]["ivr_block"] == "hangup"
    assert len(there.requests) == 2


def test_it_dials_out(sim, there):
    for dest, outcome, state in [("+6562221234", "answered", "ongoing"), ("+6562220003", "failed", "ended")]:
        there.requests.clear()
        dialled = ok(sim, "start/dial", dest=dest, notify_url=there.url + "/d", tag="x")
        (form,) = there.wait_for(1)
        assert (form["ivr_block"], form["dial_status"], form["call_state"]) == ("dial", outcome, state)
        assert (form["session"], form["dest"], form["tag"]) == (dialled["session"], dest, "x")


@pytest.mark.parametrize(
    ("endpoint", "parameters", "status"),
    [
        ("middle/play", {}, "error_session_param_missing"),
        ("middle/play", {"session": "S1"}, "error_invalid_session"),
        ("middle/gather", {"session": "S1"}, "error_notify_url_param_missing"),
        ("middle/play", {"session": "S1", "notify_url": "x"}, "error_invalid_notify_url"),
        (
            "middle/play",
            {"session": "S1", "notify_url": "http://a.invalid"},
            "error_unable_to_resolve_notify_url",
        ),
        ("middle/play", {"session": "S1", "msg": "x" * 1001}, "error_msg_invalid_length"),
        ("middle/play", {"session": "S1", "tag": "x" * 257}, "error_tag_invalid_length"),
        (
            "middle/gather",
            {"session": "S1", "notify_url": "http://localhost", "max_digits": "256"},
            "error_invalid_max_digits",
        ),
        ("end/transfer", {"session": "S1", "dest": "62221234"}, "error_dest_invalid"),
        ("end/transfer", {"session": "S1", "dest": "room:a b"}, "error_invalid_room"),
        ("end/transfer", {"session": "S1", "dest": "room:", "on_failure": "x"}, "error_on_failure_invalid"),
        ("start/dial", {}, "error_dest_param_missing"),
    ],
)
def test_it_refuses_an_impossible_step(sim, endpoint, parameters, status):
    assert sim.request("ivr/" + endpoint, **parameters) == {"status": status}


# --- Command line


def run(*arguments):
    return CliRunner().invoke(command_line.main, list(arguments))


@contextmanager
def serving(*options):
    command = [sys.executable, "-m", "receiver.simulator", *options]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_it_lets_things_arrive_from_the_command_line(sim, there):
    american = sim.subscribe(forward_to=there.url + "/v", forward_sms_to=there.url + "/s")
    asian = sim.subscribe("SG", forward_to=there.url + "/f", mode="fax")
    ends = ("--simulator", sim.url, "--from", CALLER, "--to")
    assert run("call", *ends, american, "--minutes", "2").exit_code == 0
    assert run("fax", *ends, asian, "--failed", "--fax-error-code", "busy").exit_code == 0
    shown = run("sms", *ends, american, "--text", "hi", "--extra", "a=b=c", "--json")
    assert json.loads(shown.stdout)["deliveries"][0]["status"] == 200
    assert [request.path for request in there.requests] == ["/v", "/v", "/f", "/s"]
    assert there.forms()[-1]["a"] == "b=c"


def test_it_fails_the_command_unless_the_notification_was_answered_200(sim, there):
    number = sim.subscribe(forward_sms_to=there.url)
    there.status = 500
    failed = run("sms", "--simulator", sim.url, "--from", CALLER, "--to", number, "--text", "x")
    assert (failed.exit_code, "HTTP 500" in failed.output) == (1, True)
    unsent = run("call", "--simulator", sim.url, "--from", CALLER, "--to", number)
    assert (unsent.exit_code, "has no forward_to URL" in unsent.output) == (1, True)


def test_it_shows_the_account_on_the_command_line(sim):
    number = sim.subscribe(forward_to="http://localhost/x")
    shown = run("account", "--simulator", sim.url)
    assert shown.exit_code == 0
    assert "SGD 96.00" in shown.stdout
    assert f"{number}  voice" in shown.stdout
    assert json.loads(run("account", "--simulator", sim.url, "--json").stdout)["balance"] == "96.00"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--listen", "8100"], "is not a host and a port"),
        (["--listen", "127.0.0.1:http"], "is not a host and a port"),
        (["--listen", "127.0.0.1:70000"], "is not a host and a port"),
        (["--balance", "much"], "is not an amount of money"),
        (["--state", "/nonexistent/state.json"], "cannot be written: No such file or directory."),
        (["--state", "/"], "cannot be read: Is a directory."),
        (["account", "--simulator", "http://127.0.0.1:9"], "No simulator answers at http://127.0.0.1:9"),
        (["account", "--simulator", "127.0.0.1"], "is not a simulator."),
        (["sms", "--from", "x", "--to", "+65", "--text", "x", "--extra", "a"], "--extra takes NAME=VALUE."),
    ],
)
def test_it_answers_a_wrong_command_with_a_sentence(arguments, sentence):
    result = run(*arguments)
    assert result.exit_code != 0
    assert sentence in result.output
    assert "Traceback" not in result.output


def test_it_is_found_while_it_runs_and_not_by_what_it_left_behind(tmp_path):
    file = tmp_path / "address"
    assert announced(file) is None
    with announce(Announced("hoiio", "http://127.0.0.1:1"), file):
        assert announced(file) == Announced("hoiio", "http://127.0.0.1:1")
        with announce(Announced("twilio", "http://127.0.0.1:2"), file):
            assert announced(file) == Announced("twilio", "http://127.0.0.1:2")
    assert file.exists()
    assert announced(file) is None


def test_it_warns_who_lets_everybody_see_the_account(tmp_path):
    port = free_port()
    with serving("--listen", f"0.0.0.0:{port}", "--announce", tmp_path / "address") as process:
        assert "Whoever reaches 0.0.0.0 can see the account without a password" in process.stderr.readline()
        assert f"http://127.0.0.1:{port}/" in process.stderr.readline()
        assert announced(tmp_path / "address") == Announced("hoiio", f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("text", ["", "# Notes", "{}", '{"provider": "hoiio"}', "[1]", "\xff"])
def test_it_does_not_announce_itself_in_place_of_another_file(tmp_path, text):
    file = tmp_path / "notes.txt"
    file.write_text(text, encoding="latin-1")
    result = run("--listen", f"127.0.0.1:{free_port()}", "--announce", str(file))
    assert (result.exit_code, "is not one that a simulator wrote" in result.output) == (1, True)
    assert [path.read_text(encoding="latin-1") for path in tmp_path.iterdir()] == [text]


def test_it_says_when_it_cannot_be_announced():
    result = run("--listen", f"127.0.0.1:{free_port()}", "--announce", "/nonexistent/address")
    assert (result.exit_code, result.output.strip()) == (
        1,
        "Error: The file /nonexistent/address cannot be written: No such file or directory.",
    )


def test_it_says_when_its_port_is_taken(sim):
    result = run("--listen", urlsplit(sim.url).netloc)
    assert (result.exit_code, result.output.strip()) == (
        1,
        f"Error: Cannot listen on {urlsplit(sim.url).netloc}: Address already in use.",
    )


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"format": 1}', '{"format": 7}', "\xff"])
def test_it_does_not_touch_a_state_file_it_cannot_read(tmp_path, text):
    path = tmp_path / "state.json"
    path.write_text(text, encoding="latin-1")
    result = run("--state", str(path))
    assert result.exit_code == 1
    assert str(path) in result.output
    assert path.read_text(encoding="latin-1") == text


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_quietly_with_the_state_saved(tmp_path, how):
    port, state = free_port(), tmp_path / "state.json"
    url = f"http://127.0.0.1:{port}"
    with serving("--listen", f"127.0.0.1:{port}", "--state", state) as process:
        assert f"Simulated provider on {url}/" in process.stderr.readline()  # no warning before it
        answer = requests.post(
            url + "/open/number/subscribe",
            data=CREDENTIALS | {"number": "+6565311237", "duration": "1"},
            timeout=5,
        )
        assert answer.json()["debit"] == "8.00"
        process.send_signal(how)
        out, errors = process.communicate(timeout=5)
    assert (process.returncode, out, "Traceback" in errors) == (0, "", False)
    assert "sim-token" not in errors
    assert json.loads(state.read_text())["balance"] == "92.00"


# --- Independence


def test_it_shares_no_code_with_the_service():
    for path in (ROOT / "receiver" / "simulator").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.level <= 1, path
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []
            foreign = [name for name in names if not f"{name}.".startswith("receiver.simulator.")]
            assert not [name for name in foreign if name.split(".")[0] in ("receiver", "config", "wsgi")], (
                path
            )
