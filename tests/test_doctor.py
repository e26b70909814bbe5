"""`receiver doctor` and the watch, against the simulator: what goes wrong is found, and what mends it."""

import json
import re
import shutil
import time
from collections import namedtuple
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import time_machine
from conftest import KEY, OLD_KEY, TOKEN, assembled, make_config, quickly_known, signed, started
from firm import Firm, provider, serving
from sqlalchemy import insert, select, text, update
from test_cli import python
from test_console import signed_in

from receiver import current
from receiver.access.scopes import Scope
from receiver.background import watch
from receiver.db import clock, schema
from receiver.db.engine import connect, writing
from receiver.doctor import checks
from receiver.keys.key import fingerprint_of
from receiver.models import CallbackKey, JobState, NumberRow
from receiver.numbers import findings
from receiver.numbers import known as numbers
from receiver.providers.errors import WrongConfiguration
from receiver.providers.hoiio.client import HoiioClient
from receiver.providers.numbers import SubscribedNumber
from receiver.providers.registry import PROVIDERS
from receiver.search import index_lag
from receiver.setup.journal import Journal

SMS = b"txn_ref=AA-SI-1&from=%2B6591234567&msg=x"


@pytest.fixture
def here(tmp_path):
    """A firm whose service does not serve: enough where only the provider matters."""
    with provider() as simulator:
        yield Firm(simulator, tmp_path, 1)


@pytest.fixture
def firm(tmp_path, monkeypatch):
    quickly_known(monkeypatch)
    with serving(tmp_path) as firm:
        yield firm


def examined(firm: Firm, *options: str, **settings: object) -> dict:
    result = firm.flask("doctor", "--json", *options, **settings)
    shown = json.loads(result.stdout)
    assert result.exit_code == {None: 0, "warning": 1, "error": 2}[shown["worst"]]
    return shown


def found(firm: Firm, *options: str, **settings: object) -> dict[str, dict]:
    """Findings by code."""
    return {finding["code"]: finding for finding in examined(firm, *options, **settings)["findings"]}


def about_numbers(firm: Firm) -> dict[str, str]:
    """Severities by code, of what concerns numbers."""
    return {
        finding["code"]: finding["severity"]
        for finding in examined(firm)["findings"]
        if finding["area"] in ("numbers", "provider")
    }


def url(firm: Firm, kind: str, key: str = KEY) -> str:
    return f"{firm.url}callbacks/{key}/hoiio/{kind}"


# --- all is well, or not at all ---


def test_it_says_that_all_is_well(firm):
    firm.flask("keys", "rotate", "--yes")
    drifted = firm.simulator.account["numbers"][2]["number"]
    firm.simulator.request(
        "number/update_forwarding", number=drifted, forward_sms_to="http://other.example/x"
    )
    result = firm.flask("doctor")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    areas = [line.split()[1] for line in lines if line.startswith("ok ")]
    assert len(areas) == 15
    assert "settings" in areas
    assert "balance SGD" in result.stdout
    assert max(map(len, lines)) <= 80
    assert (
        firm.simulator.account["numbers"][0]["number"] not in result.stdout
    )  # monitoring keeps what it reads
    assert examined(firm)["worst"] is None


def test_it_leaves_nothing_in_the_log(firm):
    firm.flask("doctor")
    assert json.loads(firm.flask("events", "list", "--json").stdout)["events"] == []


def test_it_tells_when_something_last_came(firm):
    number = firm.simulator.account["numbers"][0]["number"]
    firm.simulator.control.call("+6591234567", number)
    states = {state["number"]: state for state in examined(firm)["numbers"]}
    assert states[number]["last_event"] is not None
    assert states[number]["serves"] == "voice"
    assert "just now" in firm.flask("doctor").stdout


def test_it_shows_every_finding_with_what_mends_it(here):
    here.simulator.subscribe("US", "CA")
    result = here.flask("doctor")
    assert result.exit_code == 2
    assert "ERROR  service" in result.stdout
    assert "→ receiver serve" in result.stdout
    assert "connection refused" in result.stdout
    assert "WARN   numbers" in result.stdout


def test_rules_that_cannot_be_used_are_an_error(here, tmp_path):
    file = tmp_path / "rules.toml"
    shop = (Path(__file__).parent.parent / "docs/answering/shop.toml").read_text()
    file.write_text(shop)
    assert "ok     rules       rules.toml, 1 number" in here.flask("doctor", rules=file).stdout
    for app in started(here.config(rules=file)):
        app.extensions["receiver"].rules.refresh()
    file.write_text(shop.replace("{ dial", "{ dail"))
    told = examined(here, rules=file)
    [broken] = [one for one in told["findings"] if one["area"] == "rules"]
    assert (told["worst"], broken["code"]) == ("error", "rules-file")
    assert "line 25, column 5. The previous rules stay in force." in broken["sentence"]
    assert "rules" not in {area["area"] for area in examined(here)["areas"]}


def test_whatever_the_console_shows_is_in_the_report(here, monkeypatch):
    """Also a kind of finding that no check has heard of."""
    monkeypatch.setattr("receiver.relay.findings.CODES", ("brand-new",))  # a look at the provider spares it
    late = index_lag.IndexLag(9999, index_lag.Lacks.COUNTS, datetime.now(UTC), datetime.now(UTC))
    monkeypatch.setattr(index_lag, "counts_lag", lambda engine: late)
    here.flask("doctor")
    for app in started(here.config(secret_key="a secret for tests")):
        parts = app.extensions["receiver"]
        for code in ("brand-new", "rules-steps", "rules-file"):
            found = findings.warning(code, f"It is {code}.", "")
            findings.replace(parts.engine, code, [found], now=datetime.now(UTC))
        operator = signed_in(app, "olga", Scope.OPERATE)
        shown = re.findall(r"It is [a-z-]+\.|The index is [0-9,]+ events behind\.", operator.get("/").text)
        assert len(shown) == 4
    said = json.dumps(examined(here)["findings"])
    assert not [sentence for sentence in shown if sentence not in said]


def test_every_check_has_a_place_in_the_report():
    files = {path.stem for path in Path(checks.__file__).parent.glob("*.py")} - {"__init__"}
    assert {check.name for check in checks.ALL} == files


# --- this side ---


def test_settings_that_are_missing(here):
    assert {"no-credentials", "no-address"} <= found(
        here, hoiio_access_token=None, public_url=None, signatures="ignore"
    ).keys()
    assert found(here, signatures="ignore")["signatures-ignored"]["severity"] == "warning"


@pytest.mark.parametrize(
    ("address", "codes"),
    [
        ("http://127.0.0.1:1/", {"local-address", "local-fallback"}),
        ("https://localhost:1/", {"local-address", "local-fallback"}),
        ("http://receiver.invalid/", {"plain-http", "plain-fallback"}),
    ],
)
def test_an_address_that_the_provider_cannot_or_should_not_use(here, address, codes):
    # The provider's real address, but nobody asks it: without credentials there is nothing to ask.
    settings = {"hoiio_api_url": "https://secure.hoiio.com/open/", "hoiio_access_token": None}
    addresses = {"public_url": address, "public_url_fallback": address}
    assert codes <= found(here, **addresses, **settings).keys()
    assert not codes & found(here, public_url="https://receiver.invalid/", **settings).keys()


@pytest.mark.parametrize("region", ["https://api.dublin.ie1.twilio.com/", "https://API.twilio.com./"])
def test_a_region_of_a_provider_is_the_provider(here, region):
    settings = {"hoiio_api_url": "https://secure.hoiio.com/open/", "hoiio_access_token": None}
    assert "local-address" in found(here, twilio_api_url=region, **settings)


def test_an_address_whose_name_does_not_resolve(here):
    assert (
        "does not resolve" in found(here, public_url="https://receiver.invalid/")["address-dns"]["sentence"]
    )


def test_a_schema_that_is_behind_and_its_fix(here):
    config = here.config()
    for app in started(config):
        schema.downgrade(app.extensions["receiver"].engine, "0007")
        runner = app.test_cli_runner()
        behind = runner.invoke(args=["doctor"])
        assert behind.exit_code == 2
        assert "→ receiver db upgrade" in behind.stdout
        assert "upgraded the database" in runner.invoke(args=["doctor", "--fix"]).stderr
        assert "receiver db upgrade" not in runner.invoke(args=["doctor"]).stdout


def test_a_database_that_is_away(here, tmp_path):
    config = make_config(
        "postgresql://nobody@127.0.0.1:1/nowhere",
        tmp_path,
        **here.config().model_dump(
            include={"public_url", "hoiio_api_url", "hoiio_app_id", "hoiio_access_token"}
        ),
    )
    app = assembled(config)
    result = app.test_cli_runner().invoke(args=["doctor"])
    assert result.exit_code == 2
    assert "ERROR  database" in result.stdout
    assert "cannot reach the database" in " ".join(result.stdout.split()).lower()
    assert "ok     spool" in result.stdout
    # Nobody knows whether the rest is well, so nothing says so.
    assert "-      numbers     not looked at: the database cannot be used" in result.stdout
    assert not [line for line in result.stdout.splitlines() if line.startswith("ok") and "not looked" in line]

    fixed = app.test_cli_runner().invoke(args=["doctor", "--fix"])
    assert (fixed.exit_code, fixed.stdout) == (2, result.stdout)
    assert "database: not fixed: cannot reach the database" in " ".join(fixed.stderr.split())


@pytest.mark.parametrize("table", ["findings", "known_numbers"])
def test_a_table_that_cannot_be_read_hides_no_report(here, table):
    here.simulator.subscribe("US", "CA", forward_to=url(here, "voice"), mode="voice")
    for app in started(here.config()):
        with writing(app.extensions["receiver"].engine) as connection:
            connection.execute(text(f"DROP TABLE {table}"))
    told = {finding["code"] for finding in examined(here)["findings"]}
    assert {"numbers-unreadable", "not-serving", "address-connect"} <= told


def test_callbacks_that_wait_or_were_set_aside(here):
    for app in started(here.config(secret_key="a secret for tests")):
        parts = app.extensions["receiver"]
        client = app.test_client()
        schema.downgrade(parts.engine, "base")
        assert client.post(f"/callbacks/{KEY}/sms", data=b"txn_ref=1&msg=x").status_code == 200
        parts.recorder.close(5)
        schema.upgrade(parts.engine)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=10)):
        waits = found(here)["spool-waits"]
    assert waits["sentence"].startswith("1 callback waits for the database, the oldest for 10 minutes")
    assert waits["mend"] == "receiver spool drain"
    assert "spool-waits" not in found(here, "--fix")
    assert len(json.loads(here.flask("events", "list", "--json").stdout)["events"]) == 1


def test_a_spool_that_takes_nothing(here, tmp_path):
    for app in started(here.config()):
        (tmp_path / "spool").write_text("in the way")
        result = app.test_cli_runner().invoke(args=["doctor"])
    assert result.exit_code == 2
    assert "ERROR  spool" in result.stdout
    assert "Make SPOOL_DIR writable" in result.stdout


def test_a_disk_that_is_nearly_full(here, monkeypatch):
    usage = namedtuple("usage", "total used free")
    for free, severity in ((500 * 1024**2, "warning"), (50 * 1024**2, "error")):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: usage(10**12, 10**12, free))
        disk = found(here)["disk-spool_dir"]
        assert disk["severity"] == severity
        assert disk["sentence"].startswith(f"Only {free // 1024**2} MB are free")


@pytest.mark.parametrize(("forged", "severity"), [(7, "warning"), (20, "error")])
def test_a_quarantine_that_fills_up(here, forged, severity):
    for app in started(here.config(quarantine_limit_mb=1)):
        for n in range(forged):
            body = f"txn_ref=AA-SI-{n}&msg=" + "x" * 60_000
            app.test_client().post(
                f"/callbacks/{KEY}/sms", data=body, headers={"X-Hoiio-Signature": "f" * 64}
            )
    assert found(here, quarantine_limit_mb=1)["quarantine-full"]["severity"] == severity


def test_one_thing_is_said_as_one(here):
    for app in started(here.config()):
        app.test_client().post(f"/callbacks/{KEY}/sms", data=b"x=1", headers={"X-Hoiio-Signature": "f" * 64})
    here.simulator.subscribe("US", "CA", forward_to=url(here, "voice"), mode="voice")
    ends = datetime.fromisoformat(here.simulator.account["numbers"][0]["expiry"]).replace(tzinfo=UTC)
    said = []
    for days in (1, 0):
        with time_machine.travel(ends - timedelta(days=days)):
            said += here.flask("doctor").stdout.splitlines()
    assert "ok     quarantine  1 event, " in "\n".join(said)
    shown = [line.split("no")[0].split("voice")[1].strip() for line in said if line.startswith("+")]
    assert shown == ["tomorrow", "today"]


@pytest.mark.parametrize(("off", "severity"), [(20, "warning"), (600, "error")])
def test_a_clock_that_is_off(here, monkeypatch, off, severity):
    monkeypatch.setattr(
        "receiver.doctor.checks.clock.date_of", lambda _: datetime.now(UTC) - timedelta(seconds=off)
    )
    assert found(here)["clock"]["severity"] == severity


def test_a_job_that_fails(firm):
    engine = firm.app.extensions["receiver"].engine
    with writing(engine) as connection:
        broken = {"name": "nightly", "due_at": datetime.now(UTC), "failure": "OperationalError"}
        connection.execute(insert(JobState).values(broken))
    assert found(firm)["job-nightly"]["sentence"] == "The job nightly failed: OperationalError."


def test_the_files_of_secrets_that_settings_name(here, tmp_path, monkeypatch):
    (tmp_path / "open").mkdir(mode=0o755)
    token, settings = tmp_path / "open" / "token", tmp_path / "open" / "my.env"
    token.write_text(TOKEN)
    config = here.config()
    own = {"HOIIO_ACCESS_TOKEN_FILE": token, "CALLBACK_KEYS": KEY, "HOIIO_API_URL": here.simulator.open_url}
    own |= {"HOIIO_APP_ID": "sim-app", "DATABASE_URL": config.database_url, "SPOOL_DIR": tmp_path / "open"}
    settings.write_text("".join(f"{name}={value}\n" for name, value in own.items()))

    def told(*options: str) -> list[str]:
        done = python("-m", "receiver.cli", "-e", str(settings), "doctor", "--json", *options)
        found = json.loads(done.stdout)["findings"]
        return [one["sentence"].split()[0] for one in found if one["code"] == "readable-secrets"]

    for app in started(config):
        assert app
    for path in (token, settings):
        path.chmod(0o600)
    assert told() == []
    files = [token, tmp_path / "open" / "spool.db", settings]
    for path in files:
        path.chmod(0o644)
    assert told() == list(map(str, files))
    assert told("--fix") == []
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_secrets_that_others_can_read_and_its_fix(here, tmp_path, monkeypatch):
    (tmp_path / "open").mkdir(mode=0o755)
    dotenv = tmp_path / "open" / ".env"
    monkeypatch.setattr("receiver.doctor.checks.settings.DOTENV", dotenv)
    dotenv.write_text("CALLBACK_KEYS=x")
    dotenv.chmod(0o644)
    assert found(here)["readable-secrets"]["sentence"].startswith(f"{dotenv} holds secrets")
    with monkeypatch.context() as as_somebody_else:
        as_somebody_else.setattr("os.geteuid", lambda: dotenv.stat().st_uid + 1)
        assert found(here, "--fix")["readable-secrets"]["mend"].endswith(f"chmod o= {dotenv}")
    assert "readable-secrets" not in found(here, "--fix")
    assert dotenv.stat().st_mode & 0o777 == 0o600


# --- the provider's side ---


def test_it_calls_nothing_well_that_it_could_not_look_at(here):
    here.simulator.control.fault("number/get_active", "status:error_internal_server_error", times=1000)
    told = examined(here)
    areas = {area["area"]: area["summary"] for area in told["areas"]}
    assert areas["numbers"] == "not looked at: Hoiio could not be asked"
    assert {area["summary"] for area in told["areas"] if area["findings"]} == {None}
    (silent,) = [one for one in told["findings"] if one["area"] == "provider"]
    assert silent["sentence"].startswith("The provider could not be asked. List the numbers")
    unreached = examined(here, hoiio_api_url="http://127.0.0.1:1/")
    assert "not looked at: the provider did not tell the time" in str(unreached["areas"])
    shown = here.flask("doctor", hoiio_access_token=None).stdout
    for area in ("clock", "provider", "numbers"):
        assert f"-      {area:10}  not looked at: there are no credentials" in shown


def test_a_time_without_a_zone_is_compared(here, monkeypatch):
    monkeypatch.setattr(
        "http.server.BaseHTTPRequestHandler.date_time_string", lambda *_: "Fri, 02 Jan 2026 03:04:05 -0000"
    )
    assert found(here)["clock"]["severity"] == "error"


def test_credentials_that_do_not_work(here):
    refused = found(here, hoiio_access_token="expired-token")["provider-refuses"]
    assert refused["severity"] == "error"
    assert "HOIIO_ACCESS_TOKEN" in refused["sentence"]


def test_a_provider_that_is_silent_is_a_warning_after_a_while(here):
    here.simulator.subscribe("US", "CA", forward_to=url(here, "voice"), mode="voice")
    assert about_numbers(here) == {}
    here.simulator.control.fault("number/get_active", "status:error_internal_server_error", times=1000)
    hasty = HoiioClient("sim-app", TOKEN, here.simulator.open_url, sleep=lambda _: None)
    for app in started(here.config(secret_key="a secret for tests")):
        parts = app.extensions["receiver"]
        impatient = replace(parts.watch, clients={"hoiio": lambda: hasty})
        looks = [{finding.code for finding in impatient.look().findings} for _ in range(3)]
    assert looks == [set(), set(), {"provider-silent"}]
    # What was known of the numbers is still known.
    for app in started(here.config()):
        known = numbers.read(app.extensions["receiver"].engine).of("hoiio")
        assert (len(known.numbers), known.failures) == (1, 3)


def test_a_term_that_ends(here):
    number = here.simulator.subscribe("US", "CA", forward_to=url(here, "voice"), mode="voice")
    assert about_numbers(here) == {}
    ends = datetime.fromisoformat(here.simulator.account["numbers"][0]["expiry"]).replace(tzinfo=UTC)
    for days, severity in ((10, "warning"), (2, "error")):
        with time_machine.travel(ends - timedelta(days=days)):
            assert about_numbers(here) == {"expires-soon": severity}
            ending = found(here)["expires-soon"]
    assert number not in ending["sentence"]
    assert ending["mend"] == f"receiver numbers extend {number} --months 1"
    here.simulator.request("number/subscribe", number=number, duration="12")
    with time_machine.travel(ends - timedelta(days=2)):
        assert about_numbers(here) == {}


def test_a_renewal_that_fails_and_the_number_that_is_lost(here):
    number = here.simulator.subscribe("SG", "", forward_to=url(here, "fax"), mode="fax")
    here.simulator.request("number/subscribe", number=number, duration="auto_extend")
    here.simulator.control.set_balance("0.50")
    ends = datetime.fromisoformat(here.simulator.account["numbers"][0]["expiry"]).replace(tzinfo=UTC)
    with time_machine.travel(ends - timedelta(days=20)):
        assert about_numbers(here) == {"balance-low": "warning"}
        assert "SGD 0.50" in found(here)["balance-low"]["sentence"]
    with time_machine.travel(ends - timedelta(days=2)):
        assert about_numbers(here) == {"balance-low": "error"}
    with time_machine.travel(ends):
        assert about_numbers(here) == {"balance-low": "error", "renewal-failed": "error"}
    here.simulator.control.advance(40)
    lost = found(here)["number-lost"]
    assert "renewal failed" in lost["sentence"]
    assert "number-lost" not in found(here, "--accept", number)
    assert here.flask("doctor", "--accept", number).exit_code == 1


def test_a_renewal_that_goes_well_is_no_finding(here):
    number = here.simulator.subscribe("US", "CA", forward_to=url(here, "voice"), mode="voice")
    here.simulator.request("number/subscribe", number=number, duration="auto_extend")
    here.simulator.control.advance(31)
    assert [entry["kind"] for entry in here.simulator.purchases] == ["subscribe", "renew"]
    assert about_numbers(here) == {}


def test_a_url_that_drifts_away_until_it_is_accepted(here):
    number = here.simulator.subscribe("US", "CA", forward_to=url(here, "voice"), mode="voice")
    assert about_numbers(here) == {}
    here.simulator.request(
        "number/update_forwarding", number=number, forward_to="https://other.example.com/x?secret=1"
    )
    drifted = found(here)["drifted-voice"]
    assert "other.example.com" in drifted["sentence"]
    assert "secret" not in drifted["sentence"]
    assert drifted["mend"] == f"receiver setup --number {number} --take-over"
    found(here, "--accept", number)
    assert about_numbers(here) == {}


def test_what_is_no_number_and_was_kept_can_be_cleared(database_url):
    """An earlier version took an odd answer of the provider for one."""
    engine, now = connect(database_url), datetime.now(UTC)
    odd = {"number": "x", "provider": "hoiio", "country": "", "state": "", "checked_at": now}
    with writing(engine) as connection:
        connection.execute(insert(NumberRow), [odd])
    assert numbers.accept(engine, "x")
    assert not numbers.read(engine).numbers
    with writing(engine) as connection:
        connection.execute(insert(NumberRow), [odd])
    listed = [SubscribedNumber("+6511111111"), SubscribedNumber("anonymous")]
    numbers.store(engine, "hoiio", listed, now=now, is_here=lambda url: False)
    known = numbers.read(engine)
    assert ([number.number for number in known.numbers], known.lost) == (["+6511111111"], ())
    engine.dispose()


def test_accepting_takes_what_is_no_number_too(here):
    assert "is not known here" in here.flask("doctor", "--accept", "x").stderr


def test_a_number_that_never_pointed_here_is_left_in_peace(here):
    here.simulator.subscribe("US", "CA", forward_to="https://other.example.com/x", mode="voice")
    assert about_numbers(here) == {}
    here.simulator.subscribe("SG", "")
    assert about_numbers(here) == {"not-configured": "warning"}


def test_a_mode_that_does_not_fit_the_url(here):
    here.simulator.subscribe("SG", "", forward_to=url(here, "voice"), mode="fax")
    wrong = found(here)["wrong-url-fax"]
    assert wrong["mend"].endswith("--kind fax")


def test_urls_that_were_swapped(here):
    number = here.simulator.subscribe(
        "US", "CA", forward_to=url(here, "sms"), forward_sms_to=url(here, "voice")
    )
    assert about_numbers(here) == {"wrong-url-voice": "warning", "wrong-url-sms": "warning"}
    listed = here.flask("numbers", "list").stdout
    assert listed.count("here (wrong kind)") == 2
    assert here.flask("setup", "--number", number, "--yes").exit_code == 0
    assert about_numbers(here) == {}
    assert here.targets() == {url(here, "voice"), url(here, "sms")}


def test_a_url_with_a_query_of_its_owner(here):
    here.simulator.subscribe("US", "CA", forward_to=url(here, "voice") + "?app_state=menu")
    old = url(here, "sms", "test-key-from-last-year") + "/?app_state=text"
    here.simulator.subscribe("US", "NY", forward_sms_to=old)
    assert about_numbers(here) == {"older-key-sms": "warning"}
    here.flask("doctor", "--fix")
    assert about_numbers(here) == {}
    assert here.targets() == {url(here, "voice") + "?app_state=menu", url(here, "sms") + "?app_state=text"}


def test_keys_that_are_dead_or_old_and_their_fix(here):
    here.simulator.subscribe(
        "US",
        "CA",
        forward_to=url(here, "voice", "thrown-away"),
        forward_sms_to="https://other.example.com/sms",
        mode="voice",
    )
    here.simulator.subscribe("SG", "", forward_to=url(here, "fax", "test-key-from-last-year"), mode="fax")
    assert about_numbers(here) == {"dead-key-voice": "error", "older-key-fax": "warning"}
    fixed = here.flask("doctor", "--fix")
    assert fixed.stderr.count("moved to the current key") == 2
    assert about_numbers(here) == {}
    assert here.targets() == {url(here, "voice"), url(here, "fax"), "https://other.example.com/sms"}


def test_a_fix_keeps_what_another_run_changed_while_it_waited(here, monkeypatch):
    number = here.simulator.subscribe("US", "CA", forward_to=url(here, "voice", OLD_KEY), mode="voice")
    wait = Journal.lease

    def lease(journal, **options):
        settings = here.simulator.account["numbers"][0] | {"forward_sms_to": "https://other.example.com/sms"}
        changed = {name: settings[name] for name in ("forward_to", "forward_sms_to", "mode")}
        here.simulator.request("number/update_forwarding", number=number, **changed)
        return wait(journal, **options)

    monkeypatch.setattr(Journal, "lease", lease)
    here.flask("doctor", "--fix")
    assert here.targets() == {url(here, "voice"), "https://other.example.com/sms"}


def test_a_fix_that_cannot_be_made_hides_no_report(here, monkeypatch):
    here.simulator.subscribe("US", "CA", forward_to=url(here, "voice", OLD_KEY), mode="voice")
    monkeypatch.setattr("receiver.setup.journal.LEASE_SECONDS", 0.5)
    for app in started(here.config()):
        with app.app_context(), current.journal(PROVIDERS["hoiio"]).lease():
            fixed = here.flask("doctor", "--fix")
    assert "numbers: not fixed: " in fixed.stderr
    assert "WARN   numbers     1 finding" in fixed.stdout


# --- the watch ---


def test_a_key_whose_grace_is_over_retires_once_nobody_uses_it(firm):
    for _ in range(2):
        firm.flask("keys", "rotate", "--yes", "--grace", "0")
    engine, ring = firm.app.extensions["receiver"].engine, firm.app.extensions["receiver"].keys
    (older,) = [key for key in ring.list() if key.state == "retiring" and not key.in_settings]
    secret = ring.secret_of(older.fingerprint)
    number = firm.simulator.account["numbers"][0]["number"]
    firm.simulator.request(
        "number/update_forwarding", number=number, forward_to=url(firm, "voice", secret), mode="voice"
    )
    overdue = {finding.code for finding in firm.app.extensions["receiver"].watch.look().findings}
    assert {"key-overdue", "key-in-settings", "older-key-voice"} <= overdue
    assert ring.knows(secret)  # looking is not using
    firm.flask("doctor", "--fix")
    ring.refresh()
    assert not ring.knows(secret)
    assert {finding.code for finding in findings.read(engine)} == {"key-in-settings"}
    with engine.connect() as connection:
        left = connection.scalars(select(CallbackKey.secret)).all()
    assert secret not in left


def with_a_key_that_is_due(firm: Firm):
    """The parts of the service, and the key of a rotation whose grace time is over."""
    for _ in range(2):
        firm.flask("keys", "rotate", "--yes", "--grace", "0")
    parts = firm.app.extensions["receiver"]
    (due,) = [key for key in parts.keys.list() if key.state == "retiring" and not key.in_settings]
    return parts, due


def test_a_key_with_which_callbacks_come_does_not_retire(firm):
    parts, due = with_a_key_that_is_due(firm)
    secret = parts.keys.secret_of(due.fingerprint)
    firm.app.test_client().post(f"/callbacks/{secret}/sms", data=SMS, headers=signed(SMS))
    firm.app.test_client().post(f"/callbacks/{KEY}/sms", data=SMS, headers=signed(SMS))
    parts.keys.run()
    (at_first,) = [found for found in parts.watch.look().keys if found.code == "older-key-used"]
    assert at_first.subject == due.fingerprint  # which is all that one of these callbacks changes
    assert f"receiver keys retire {due.name}" in at_first.sentence
    with writing(parts.engine) as connection:
        rotated = update(CallbackKey).where(CallbackKey.moved_at.is_not(None))
        connection.execute(rotated.values(moved_at=datetime.now(UTC) - timedelta(hours=5)))

    look = [(found.code, found.subject) for found in parts.watch.look().keys]
    used = {("older-key-used", fingerprint) for fingerprint in (due.fingerprint, fingerprint_of(KEY))}
    assert used == {each for each in look if each != ("key-in-settings", fingerprint_of(OLD_KEY))}
    assert parts.keys.knows(secret)
    asked = firm.flask("keys", "retire", due.name)
    assert f"The last callback with {due.name} came on {datetime.now(UTC):%Y-%m-%d}" in asked.stderr

    with writing(parts.engine) as connection:
        connection.execute(update(CallbackKey).values(used_at=datetime.now(UTC) - timedelta(days=2)))
    assert {found.code for found in parts.watch.look().keys} == {"key-in-settings"}
    assert not parts.keys.knows(secret)


def test_who_has_a_key_that_is_due_does_not_keep_it(firm):
    parts, due = with_a_key_that_is_due(firm)
    secret, client = parts.keys.secret_of(due.fingerprint), firm.app.test_client()
    wrong = signed(SMS + b"x")
    for sent in (client.get, partial(client.post, data=SMS), partial(client.post, data=SMS, headers=wrong)):
        assert sent(f"/callbacks/{secret}/sms").status_code == 200
    parts.keys.run()
    assert {found.code for found in parts.watch.look().keys} == {"key-in-settings"}
    assert not parts.keys.knows(secret)


def test_a_key_is_not_said_to_be_used_because_a_provider_is_silent(firm):
    parts, due = with_a_key_that_is_due(firm)
    secret = parts.keys.secret_of(due.fingerprint)
    # Credentials that were tried once, and taken out again.
    numbers.store_failure(parts.engine, "twilio", WrongConfiguration("list the numbers", "they are wrong"))
    firm.simulator.control.fault("number/get_active", "status:error_service_not_available", times=10)
    assert parts.watch.look().keys == ()
    assert parts.keys.knows(secret)
    firm.simulator.control.clear_faults()
    parts.watch.look()
    assert not parts.keys.knows(secret)


def test_a_clock_that_jumped_ahead_retires_no_key(firm):
    firm.flask("keys", "rotate", "--yes")
    firm.flask("keys", "rotate", "--yes")  # the older one is accepted for a week
    parts = firm.app.extensions["receiver"]
    (older,) = [key for key in parts.keys.list() if key.state == "retiring" and not key.in_settings]
    secret = parts.keys.secret_of(older.fingerprint)
    clock.beat(parts.engine)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=200)):
        found = {finding.code for finding in parts.watch.look().findings}
        assert parts.keys.knows(secret)
        assert "clock-jumped" in found
        clock.trust(parts.engine)
        parts.watch.look()
        assert not parts.keys.knows(secret)


def test_the_use_of_an_older_key_after_a_rotation_is_found(firm):
    firm.flask("keys", "rotate", "--yes")
    engine = firm.app.extensions["receiver"].engine
    firm.app.extensions["receiver"].keys.refresh()
    firm.app.test_client().post(f"/callbacks/{KEY}/sms", data=SMS, headers=signed(SMS))
    firm.app.extensions["receiver"].keys.run()
    assert "older-key-used" not in found(firm)  # what was under way at the rotation is no news
    with writing(engine) as connection:
        rotated = update(CallbackKey).where(CallbackKey.moved_at.is_not(None))
        connection.execute(rotated.values(moved_at=datetime.now(UTC) - timedelta(hours=5)))
    assert found(firm)["older-key-used"]["subject"] == fingerprint_of(KEY)


def test_the_service_watches_by_itself(firm):
    engine = firm.app.extensions["receiver"].engine
    deadline = time.monotonic() + 30
    while not findings.read(engine) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(numbers.held(engine) or ()) == 3
    assert {finding.code for finding in findings.read(engine)} == {"older-key-fax"}


def test_findings_remember_since_when(here):
    here.simulator.subscribe("US", "CA")
    for app in started(here.config(secret_key="a secret for tests")):
        parts = app.extensions["receiver"]
        parts.watch.look()
        (first,) = findings.read(parts.engine)
        parts.watch.look()
        assert findings.read(parts.engine) == (first,)


def test_a_look_takes_few_requests(here, monkeypatch):
    for _ in range(5):
        number = here.simulator.subscribe("US", "CA", forward_to=url(here, "voice"), mode="voice")
        here.simulator.request("number/subscribe", number=number, duration="auto_extend")
    asked: list[str] = []
    accepts = here.simulator.provider.accepts
    monkeypatch.setattr(
        here.simulator.provider, "accepts", lambda endpoint: asked.append(endpoint) or accepts(endpoint)
    )
    for app in started(here.config()):
        app.extensions["receiver"].watch.look()
    assert sorted(asked) == ["number/get_active", "number/get_rates", "user/get_balance"]
    assert watch.EVERY >= 3600
