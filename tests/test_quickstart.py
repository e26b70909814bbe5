"""`make run`: its pieces, and the whole demo."""

import json
import os
import re
import shlex
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from documents import give, serving
from ports import free_port

from config import Config, blank
from receiver.quickstart.addresses import require_free
from receiver.quickstart.asked import Asked
from receiver.quickstart.demo import pick_numbers, wait_for_the_rest
from receiver.quickstart.demo_settings import INHERITED
from receiver.quickstart.errors import QuickstartError
from receiver.quickstart.run import main
from receiver.quickstart.settings import make_env
from receiver.settings.files import USING_DEMO
from receiver.simulator.twilio.server import SimulatorServer


def test_it_writes_settings_that_are_valid_and_private(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    assert make_env(path)
    config = Config.from_env({}, dotenv=path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(config.callback_keys) == len(config.api_tokens) == 1
    assert config.secret_key is not None
    assert [file.name for file in tmp_path.iterdir()] == [".env"]


def test_it_never_overwrites_settings(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("CALLBACK_KEYS=the-key-in-use\n")
    assert not make_env(path)
    assert path.read_text() == "CALLBACK_KEYS=the-key-in-use\n"


def test_it_leaves_a_dangling_link_to_settings_alone(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.symlink_to(tmp_path / "not-mounted-yet")
    assert not make_env(path)
    assert path.is_symlink()


def test_a_taken_port_is_named_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(QuickstartError) as caught:
            require_free(("127.0.0.1", port))
    sentence = str(caught.value)
    assert f"Port {port} on 127.0.0.1 is in use" in sentence
    assert "make run LISTEN=127.0.0.1:" in sentence
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(QuickstartError, match=r"make run SIMULATOR=127\.0\.0\.1:"):
            require_free(("127.0.0.1", port), "SIMULATOR")


@pytest.mark.parametrize(
    "listen", ["8000", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:0", "127.0.0.1:" + "9" * 5000]
)
def test_an_address_that_is_none_is_refused(listen: str) -> None:
    result = CliRunner().invoke(main, ["--listen", listen])
    assert result.exit_code == 2
    assert "is not a host and a port" in result.output


def test_it_takes_a_number_for_voice_and_sms_and_one_for_fax() -> None:
    fax = {"number": "+6565311001", "mode": "FAX", "capabilities": ["VOICE", "FAX"]}
    voice = {"number": "+12132340001", "mode": "VOICE", "capabilities": ["VOICE", "SMS"]}
    assert pick_numbers({"numbers": [fax, voice]}) == {"fax": "+6565311001", "voice": "+12132340001"}


def test_it_takes_no_number_that_cannot_do_it() -> None:
    unused = {"number": "+6565311001", "mode": "VOICE", "capabilities": ["VOICE", "FAX"]}
    assert pick_numbers({"numbers": [unused]}) == {}


def test_the_readme_names_every_setting() -> None:
    readme = Path(__file__).parent.parent.joinpath("README.md").read_text(encoding="utf-8")
    assert [name for name in Config.model_fields if f"`{name.upper()}`" not in readme] == []


def test_the_demo_takes_no_setting_of_a_real_service_but_those_it_names(tmp_path: Path) -> None:
    assert Config.model_fields.keys() >= INHERITED
    others = [field.upper() for field in Config.model_fields if field not in INHERITED]
    real = {spelt: "of a real service" for name in others for spelt in (name, f"{name}_FILE")}
    dotenv = tmp_path / ".env"
    dotenv.write_text("".join(f"{name}='{value}'\n" for name, value in real.items()))
    own = {"CALLBACK_KEYS": "the-key-of-the-demo"}
    assert Config.from_env(real | blank(but=INHERITED) | own, dotenv) == Config.from_env(own, dotenv=None)


class Alive:
    def require_alive(self) -> None:
        pass


def test_it_says_what_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receiver.quickstart.demo.ARRIVAL_SECONDS", 0)
    with serving() as service:
        for asked, found in {
            "events?q=kind%3Asms&limit=1": {"events": [{"id": 9}]},
            "deliveries?event_id=9&target=demo": {"deliveries": [{"state": "waiting"}]},
            "documents": {"documents": [{"event_id": 8, "state": "kept"}]},
        }.items():
            service.answers[f"/api/v1/{asked}"] = give(json.dumps(found).encode(), "application/json")
        late = wait_for_the_rest(1, Asked(service.url, "token"), 7, Alive())
        assert [sentence.partition(" (")[0] for sentence in late] == [
            "the SMS is not delivered to the target demo"
        ]
        assert len(wait_for_the_rest(2, Asked(service.url, "token"), 7, Alive())) == 2


# As a new user meets it: in a copy of the checkout, so that nothing here is touched.


class Demo:
    """`make run` in a directory of its own, without what it takes to install."""

    def __init__(self, directory: Path) -> None:
        root = Path(__file__).parent.parent
        self.directory = directory
        for name in ("receiver", "migrations"):  # with what is compiled of them
            shutil.copytree(root / name, directory / name)
        for name in ("config.py", "wsgi.py"):
            shutil.copy(root / name, directory / name)
        settings = {field.upper() for field in Config.model_fields}
        self.environ = {name: value for name, value in os.environ.items() if name not in settings}
        self.environ |= {"PYTHONPATH": str(directory), "PYTHONUNBUFFERED": "1", "NO_PROXY": "*"}

    @contextmanager
    def running(self, *options: str, simulated: bool = True) -> Iterator[str]:
        """What it printed until it served."""
        # Demos of other tests look for a port from the same one on, at the same moment.
        listen, simulator = (f"127.0.0.1:{free_port()}" for _ in range(2))
        asked = ["--listen", listen, *(["--simulator", simulator] if simulated else []), *options]
        command = [sys.executable, "-m", "receiver.quickstart", *asked]
        with (self.directory / "errors.txt").open("w") as errors:
            process = subprocess.Popen(
                command,
                cwd=self.directory,
                env=self.environ,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        try:
            said = ""
            for line in process.stdout:
                said += line
                if line.startswith("Serving"):
                    break
            assert "Serving" in said, (self.directory / "errors.txt").read_text()
            yield said
        finally:
            process.terminate()
            process.communicate(timeout=40)

    def page(self, path: str, said: str) -> str:
        """A page of the console, as the user of the demo sees it."""
        url, name, password = re.search(r"(http://\S+)/ as (\S+) with the password (\S+)", said).groups()
        with requests.Session() as browser:
            browser.trust_env = False
            form = browser.get(f"{url}/login").text
            token = re.search(r'name="form_token" value="([^"]+)"', form)[1]
            given = {"form_token": token, "name": name, "password": password}
            browser.post(f"{url}/login", data=given).raise_for_status()
            return browser.get(f"{url}{path}").text

    def more(self, said: str) -> list[dict[str, Any]]:
        """The log, once more has arrived by the command that was shown."""
        words = shlex.split(
            re.search(r"^  .venv/bin/python -m receiver.simulator (.*)$", said, re.MULTILINE)[1]
        )
        done = self.run(*words, module="receiver.simulator")
        assert (done.returncode, "HTTP 200" in done.stdout) == (0, True), done.stderr
        assert "the simulator of `make run`" in done.stderr
        return json.loads(self.run("events", "--json").stdout)["events"]

    def run(
        self, *words: str, module: str = "receiver.cli", given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", module, *words],
            cwd=self.directory,
            env=self.environ,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


REAL = {
    "ARCHIVE_BUCKET": "s3://firm/faxes",
    "ARCHIVE_S3_ENDPOINT": "http://127.0.0.1:9",
    "ARCHIVE_S3_KEY": "an-access-key",
    "ARCHIVE_S3_SECRET": "sesame-sesame",
    "HANDLERS": "handlers.py",
    "PUBLIC_URL_FALLBACK": "https://second.example.com/",
    "SMTP_URL": "smtp://127.0.0.1:9",
    "MAIL_FROM": "fax@example.com",
}
"""Of a real service, as they stand in the environment in which the demo is tried."""


@pytest.mark.slow
def test_it_tells_what_came_and_commands_talk_to_it_while_it_runs(tmp_path: Path) -> None:
    demo = Demo(tmp_path / "checkout")
    demo.environ |= REAL
    (demo.directory / "handlers.py").write_text("open('handled', 'w')\n")
    with demo.running() as said:
        assert len(said.splitlines()) < 36
        assert len(re.findall(r"^\d+ +\d\d-\d\d ", said, re.MULTILINE)) == 4
        listed = demo.run("events", "--json")
        assert len(json.loads(listed.stdout)["events"]) == 4
        assert listed.stderr.splitlines() == [USING_DEMO]
        by_flask = demo.run("events", "--json", module="flask")
        assert json.loads(by_flask.stdout) == json.loads(listed.stdout)
        assert len(demo.more(said)) == 5
        named = demo.run("-e", ".env", "events")
        assert "no tables yet" in named.stderr  # what was named goes before the demo
        demo.environ["DATABASE_URL"] = "sqlite:///var/other.db"
        assert USING_DEMO not in demo.run("events").stderr
        del demo.environ["DATABASE_URL"]
        demo.environ["TWILIO_AUTH_TOKEN"] = "token-of-an-account"
        assert USING_DEMO not in demo.run("events").stderr
        del demo.environ["TWILIO_AUTH_TOKEN"]
        assert ".venv/bin/receiver -e var/demo.env numbers list</code>" in demo.page("/numbers", said)
        checked = json.loads(demo.run("-e", "var/demo.env", "archive", "check", "--json").stdout)
        assert (checked["documents"], checked["wrong"]) == (1, [])
        assert not (demo.directory / "handled").exists()
        settings = (demo.directory / ".env").read_text()
        with (demo.directory / ".env").open("a") as file:
            file.write("HOIIO_APP_ID=real-app\nHOIIO_ACCESS_TOKEN=real-token\n")
        assert USING_DEMO not in demo.run("events").stderr
        (demo.directory / ".env").write_text(settings)
    assert USING_DEMO not in demo.run("events").stderr
    key = (demo.directory / "var/demo.key").read_text().strip()
    assert key not in settings
    assert key in (demo.directory / "var/simulator.json").read_text()
    assert stat.S_IMODE((demo.directory / "var/demo.key").stat().st_mode) == 0o600
    # What the next start goes on from: who may sign in with which password, and the account with its numbers.
    password = demo.directory / "var/demo.password"
    assert stat.S_IMODE(password.stat().st_mode) == 0o600
    assert password.read_text().strip() == re.search(r"with the password (\S+)", said)[1]
    demo.environ["DATABASE_URL"] = "sqlite:///var/demo.db"
    users = json.loads(demo.run("users", "list", "--json").stdout)["users"]
    assert [user["name"] for user in users] == ["demo"]
    account = (demo.directory / "var/simulator.json").read_text()
    assert all(number in account for number in re.search(r"point here: (\S+) .* and (\S+) ", said).groups())


@pytest.mark.slow
def test_the_demo_with_the_other_provider_takes_a_voicemail_and_a_picture(tmp_path: Path) -> None:
    demo = Demo(tmp_path / "checkout")
    demo.environ |= REAL
    (demo.directory / "handlers.py").touch()
    (demo.directory / "var").mkdir()
    (demo.directory / "var/demo-twilio.key").touch()  # left by one that was killed
    with demo.running("--provider", "twilio") as said:
        assert "second.example.com" not in (demo.directory / "var/simulator-twilio.json").read_text()
        assert "What came with them is archived, the message is delivered" in said
        assert len(re.findall(r"^\d+ +\d\d-\d\d ", said, re.MULTILINE)) == 5
        assert json.loads(demo.run("calls", "--json").stdout)["calls"][0]["outcome"] == "voicemail"
        assert len(demo.more(said)) == 6
        (number,) = re.findall(r"points here: (\S+)", said)
        for words in (("--provider", "hoiio", "account"), ("account", "--simulator", "http://127.0.0.1:9")):
            assert "make run" not in demo.run(*words, module="receiver.simulator").stderr  # it was told
        doctor = demo.run("doctor")
        assert doctor.returncode == 0, doctor.stdout
        # What is changed in it stays, and does not keep it from starting again.
        shop = ("webhook", "shop", "--url", "http://127.0.0.1:9/", "--search", "kind:sms")
        assert demo.run("targets", "add", *shop).returncode == 0
        demo.run("users", "passwd", "demo", "--password-stdin", given="a password of my own")
    # Rules may answer the call otherwise: then nothing is recorded.
    rules = demo.directory / "rules.toml"
    rules.write_text(f'[numbers."{number}"]\ncalls = [{{ flow = "bye" }}]\n[flows]\nbye = ["hang up"]\n')
    demo.environ["RULES"] = str(rules)
    with demo.running("--provider", "twilio") as said:
        assert json.loads(demo.run("calls", "--json").stdout)["calls"][0]["outcome"] == "missed"
        assert "the message is delivered" in said
        assert "/ as demo with the password that you chose\n" in said


@pytest.mark.slow
def test_with_an_account_it_tells_what_this_provider_needs(tmp_path: Path) -> None:
    demo = Demo(tmp_path / "checkout")
    demo.environ |= {"TWILIO_ACCOUNT_SID": f"AC{'0' * 32}", "TWILIO_AUTH_TOKEN": "token-of-the-account"}
    with SimulatorServer() as twilio:  # nothing of it is real; the settings do not say so
        demo.environ["TWILIO_API_URL"] = f"{twilio.url}/"
        with demo.running(simulated=False) as said:
            assert "Credentials of Twilio in the settings" in said
            assert "/callbacks/•••/twilio/…  (voice, sms, status, recording)\n" in said
            (key,) = json.loads(demo.run("keys", "list", "--json").stdout)["keys"]
            assert f"the key {key['key']} of `receiver keys list`" in said
            assert "Hoiio" not in said
            assert "fax" not in said
            assert "--months" not in said
        demo.environ |= {"HOIIO_APP_ID": "app", "HOIIO_ACCESS_TOKEN": "token-of-the-application"}
        demo.environ["HOIIO_API_URL"] = f"{twilio.url}/open/"  # nothing asks the provider's own
        with demo.running("--provider", "twilio", simulated=False) as said:
            assert re.findall("Callbacks of (.*) go to", said) == ["Hoiio", "Twilio"]


def test_it_refuses_the_demo_where_there_are_credentials(tmp_path: Path) -> None:
    demo = Demo(tmp_path / "checkout")
    demo.environ |= {"TWILIO_ACCOUNT_SID": f"AC{'0' * 32}", "TWILIO_AUTH_TOKEN": "token-of-the-account"}
    for option, value in (("--provider", "hoiio"), ("--simulator", "127.0.0.1:8100")):
        done = demo.run(option, value, module="receiver.quickstart")
        said = {"--provider": "PROVIDER=hoiio", "--simulator": "SIMULATOR"}[option]
        assert (done.returncode, f"leave {said} out" in done.stderr) == (1, True), done.stderr
        assert "those of Twilio" in done.stderr
