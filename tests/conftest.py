"""A real database, built by the migrations, on SQLite and on PostgreSQL; the application on top of it."""

import gc
import hmac
import os
import signal
import socket
from contextlib import contextmanager
from pathlib import Path

import compiled
import databases
import psycopg
import pytest
from argon2 import PasswordHasher
from dealt import dealt
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings
from sqlalchemy import make_url

from config import Config
from receiver.access import users
from receiver.app import create_app
from receiver.cli.main import root
from receiver.outbound.address import Network, network_of
from receiver.providers import exchange

# A shell starts what runs in the background without SIGINT, and processes of tests would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

compiled.build_urls_once()
# A machine that does other things meanwhile is no fault.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
# Nothing in here has to do with how long a guess takes.
users._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):
        items[:] = dealt(items, workers)


gc.disable()  # until all tests are collected


def pytest_collection_finish() -> None:
    gc.enable()
    gc.collect()
    gc.freeze()  # a million objects that are there to the end: each full collection looked through them


KEY = "test-key-0123456789"
OLD_KEY = "test-key-from-last-year"
TOKEN = "example-access-token"
API_TOKEN = "test-api-token-0123"


def postgres_server() -> str | None:
    """A server where tests may make databases: TEST_POSTGRES_URL, or one on this machine."""
    candidates = [os.environ["TEST_POSTGRES_URL"]] if "TEST_POSTGRES_URL" in os.environ else []
    candidates += ["postgresql://postgres@127.0.0.1:5432/postgres", "postgresql:///postgres"]
    for url in candidates:
        try:
            psycopg.connect(url, connect_timeout=3).close()
        except psycopg.OperationalError:
            continue
        return url
    return None


@pytest.fixture(scope="session")
def postgres() -> str:
    url = postgres_server()
    if url is None:
        reason = "no PostgreSQL server: set TEST_POSTGRES_URL to one where databases may be made"
        if os.environ.get("REQUIRE_POSTGRES"):
            pytest.fail(reason)
        pytest.skip(reason)
    return url


DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
ON_BOTH = pytest.mark.parametrize("database_url", DATABASES, indirect=True)
"""For tests of a module that is otherwise `on_sqlite`, because the database cannot matter."""


@pytest.fixture(scope="session")
def postgres_databases(postgres: str):
    databases_there = databases.Postgres(postgres)
    yield databases_there
    databases_there.close()


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path):
    """A migrated database for one test, which may do with it whatever it likes."""
    with migrated_database(request, tmp_path) as url:
        yield url


@pytest.fixture(params=["sqlite"])
def on_sqlite(request: pytest.FixtureRequest, tmp_path: Path):
    """To be named `database_url` in a module: `database_url = on_sqlite`."""
    with migrated_database(request, tmp_path) as url:
        yield url


@contextmanager
def migrated_database(request: pytest.FixtureRequest, path: Path):
    if request.param == "sqlite":
        yield databases.new_file(path / "receiver.db")
        return
    server: databases.Postgres = request.getfixturevalue("postgres_databases")
    name = server.take()
    yield server.url(name)
    server.give_back(name)


@pytest.fixture(params=DATABASES)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path):
    """A database without tables, for tests of migrations and of what is said before them."""
    with empty_database(request, tmp_path) as url:
        yield url


@contextmanager
def empty_database(request: pytest.FixtureRequest, path: Path):
    if request.param == "sqlite":
        yield f"sqlite:///{path}/receiver.db"
        return
    server: databases.Postgres = request.getfixturevalue("postgres_databases")
    name = server.make()
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def config(database_url: str, tmp_path: Path) -> Config:
    return make_config(database_url, tmp_path)


def make_config(database_url: str, tmp_path: Path, **settings) -> Config:
    given = {
        "callback_keys": (KEY, OLD_KEY),
        "api_tokens": (API_TOKEN,),
        "hoiio_app_id": "example-app",
        "hoiio_access_token": TOKEN,
        "public_url": "https://receiver.example.com/",
        "database_url": database_url,
        "spool_dir": tmp_path / "spool",
        "archive_dir": tmp_path / "archive",
    }
    return Config.model_validate(given | settings)


@pytest.fixture
def app(config: Config):
    """The whole application on a migrated database."""
    yield from started(config)


@pytest.fixture(scope="module", params=DATABASES)
def lasting_app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """The same for all tests of a module that do not mind each other's events."""
    path = tmp_path_factory.mktemp("lasting")
    with migrated_database(request, path) as url:
        yield from started(make_config(url, path, api_rate=100_000))


def assembled(config: Config) -> Flask:
    """The application as the `flask` command has it."""
    app = create_app(config)
    app.cli = root
    return app


def started(config: Config):
    """The application; on a migrated file if there is none where its database should be."""
    url = make_url(config.database_url)
    if url.drivername == "sqlite" and not Path(url.database).exists():
        databases.new_file(Path(url.database))
    app = assembled(config)
    app.jinja_env.bytecode_cache = compiled.TEMPLATES
    parts = app.extensions["receiver"]
    yield app
    parts.recorder.close(5)
    parts.answering.close(5)
    parts.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def api(client: FlaskClient):
    """Ask the query API: `api("/events?kind=sms")` gives the JSON of a 200."""

    def ask(path: str):
        answer = client.get(f"/api/v1{path}", headers={"Authorization": f"Bearer {API_TOKEN}"})
        assert answer.status_code == 200, answer.text
        return answer.json

    return ask


def quickly_known(monkeypatch) -> None:
    """Have new keys be known everywhere in a moment."""
    monkeypatch.setattr("receiver.keys.ring.REFRESH", 0.2)
    monkeypatch.setattr("receiver.setup.rotation.LOOK_EVERY", 0.1)


def signed(body: bytes) -> dict[str, str]:
    """The headers of a callback as the provider sends it."""
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Hoiio-Signature": hmac.digest(TOKEN.encode(), body, "sha256").hex(),
    }


def payload(path: str) -> bytes:
    """A body from tests/payloads/hoiio, without the comment lines that name its source."""
    lines = (Path(__file__).parent / "payloads/hoiio" / path).read_bytes().splitlines()
    return b"".join(line for line in lines if not line.startswith(b"#"))


@pytest.fixture(autouse=True)
def _stay_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that tries to leave the machine fails and says so."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address):
        host = address[0] if isinstance(address, tuple) else ""
        if host and network_of(host) is not Network.MACHINE:
            raise AssertionError(f"a test tried to reach {host}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _ask_a_silent_provider_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As often as ever. Most applications of tests have a provider that nobody can reach."""
    monkeypatch.setattr(exchange, "_FAILURE_PAUSES", (0.0,) * len(exchange._FAILURE_PAUSES))


@pytest.fixture
def run(app):
    """A command: `run("events", "prune")` gives what it wrote to stdout."""

    def invoke(*words: str, exit_code: int = 0) -> str:
        result = app.test_cli_runner().invoke(args=words)
        assert result.exit_code == exit_code, result.output
        return result.stdout

    return invoke
