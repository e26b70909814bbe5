"""The schema: built, taken down, met by two processes at once, refused when unknown."""

import secrets
import threading
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest
import requests
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from conftest import KEY, make_config
from sqlalchemy import create_engine, inspect, select, text
from test_reach import until
from test_serve import Service

from receiver.answering import decisions
from receiver.answering.decisions import Decided
from receiver.answering.state import State
from receiver.db import schema
from receiver.db.engine import SchemaError, Unfit, connect, writing
from receiver.models import DECISIONS, Base
from receiver.vocabulary.answering import Gather, HangUp, Say, Speech

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def config(empty_database_url, tmp_path):
    return make_config(empty_database_url, tmp_path)


@pytest.fixture
def engine(config):
    engine = connect(config.database_url)
    yield engine
    engine.dispose()


def is_modelled(name, kind, _):
    """The full-text index is another thing on each database; only its migration knows it."""
    return kind != "table" or not name.startswith("event_words")


def test_it_agrees_with_the_models(engine):
    schema.upgrade(engine)
    with engine.connect() as connection:
        options = {"compare_server_default": False, "include_name": is_modelled}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []


def test_it_goes_from_empty_to_newest_and_back(engine):
    schema.upgrade(engine)
    schema.downgrade(engine, "base")
    assert set(inspect(engine).get_table_names()) <= {"alembic_version", "sqlite_sequence"}
    schema.upgrade(engine)
    schema.require_schema(engine)


def test_what_was_decided_before_is_read_from_its_words_and_its_state(engine):
    schema.upgrade(engine)
    state, said = State("v", "menu", "counter"), Say(Speech("gather: round", "en"))
    told = [
        Decided("twilio", "S", NOON, (), Gather(Speech("Press 1", "en"), 1, 5), state),
        Decided("twilio", "S", NOON, (), HangUp(), replace(state, over=True, rounds={"o": 2})),
        Decided("twilio", "S", NOON, (), said, replace(state, flow='"o":true')),
        Decided("twilio", "S", NOON, ()),
    ]
    decisions.write(engine, told)
    columns = select(DECISIONS.c.asks_keys, DECISIONS.c.is_over).order_by(DECISIONS.c.id)
    expected = [(True, False), (False, True), (False, False), (None, None)]
    for _ in range(2):
        with engine.connect() as connection:
            assert [tuple(row) for row in connection.execute(columns)] == expected
        schema.downgrade(engine, "0029")
        schema.upgrade(engine)


def test_the_revisions_read_from_file_names_are_those_of_alembic(engine):
    settings = AlembicConfig()
    settings.set_main_option("script_location", str(schema.MIGRATIONS))
    scripts = ScriptDirectory.from_config(settings)
    assert schema.revisions() == [script.revision for script in scripts.walk_revisions()][::-1]
    assert schema.newest_revision() == scripts.get_current_head()
    schema.upgrade(engine)
    with engine.connect() as connection:
        alembics = MigrationContext.configure(connection).get_current_revision()
    assert schema.current_revision(engine) == alembics


def test_it_can_be_upgraded_by_several_at_once(config):
    errors = []

    def upgrade():
        engine = connect(config.database_url)
        try:
            schema.upgrade(engine)
        except Exception as error:
            errors.append(error)
        finally:
            engine.dispose()

    threads = [threading.Thread(target=upgrade) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_it_refuses_an_empty_database_saying_what_to_run(engine):
    with pytest.raises(SchemaError, match="receiver db upgrade"):
        schema.require_schema(engine)


def test_it_refuses_a_schema_of_a_newer_version(engine):
    schema.upgrade(engine)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaError, match="newer version"):
        schema.require_schema(engine)


def test_it_says_that_a_server_cannot_be_reached_without_its_password():
    engine = connect("postgresql+psycopg://user:sesame@127.0.0.1:1/nowhere", patience=1)
    with pytest.raises(SchemaError, match="cannot reach the database") as raised:
        schema.require_schema(engine)
    assert "sesame" not in str(raised.value)


def test_it_syncs_every_commit_to_disk_on_sqlite(tmp_path):
    engine = connect(f"sqlite:///{tmp_path}/x.db")
    with engine.connect() as connection:
        assert connection.scalar(text("PRAGMA synchronous")) == 2
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"


@pytest.mark.postgres
def test_it_turns_synchronous_commit_on_where_the_role_has_it_off(postgres):
    engine = connect(postgres.replace("postgresql://", "postgresql+psycopg://"))
    raw = create_engine(engine.url, connect_args={"options": "-c synchronous_commit=off"})
    with raw.connect() as connection:
        assert connection.scalar(text("SHOW synchronous_commit")) == "off"
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW synchronous_commit")) != "off"


@pytest.fixture
def latin(postgres):
    """A database in Latin-1."""
    name = f"receiver_test_latin_{secrets.token_hex(4)}"
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        yield f"{postgres.rsplit('/', 1)[0]}/{name}"
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.postgres
@pytest.mark.parametrize("words", [["db", "upgrade"], ["serve"], ["events", "list"], ["doctor"]])
def test_it_refuses_a_database_that_cannot_hold_every_message(latin, tmp_path, words):
    refused = Service(latin, tmp_path).flask(*words, check=False)
    assert refused.returncode != 0
    assert "encoding of the database is LATIN1" in refused.stdout + refused.stderr
    assert "createdb -E UTF8" in refused.stdout + refused.stderr


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.postgres
@pytest.mark.parametrize("path", ["nowhere", "elsewhere"])
def test_it_says_where_the_tables_are_if_not_where_it_looks(database_url, path):
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("CREATE SCHEMA elsewhere")
        admin.execute(f"ALTER DATABASE {admin.info.dbname} SET search_path TO {path}")
        engine = connect(database_url)
        for refused in (schema.upgrade, schema.require_schema):
            with pytest.raises(Unfit, match="the tables are in the schema public"):
                refused(engine)
        engine.dispose()
        admin.execute(f"ALTER DATABASE {admin.info.dbname} RESET search_path")
        admin.execute("DROP SCHEMA elsewhere")


SETTINGS = {
    "client_encoding": "latin1",
    "standard_conforming_strings": "off",
    "bytea_output": "escape",
    "datestyle": "German",
    "intervalstyle": "iso_8601",
    "timezone": "Asia/Kathmandu",
    "transform_null_equals": "on",
    "default_transaction_isolation": "serializable",
    "session_replication_role": "replica",
    "synchronous_commit": "off",
    "statement_timeout": "20ms",
    "lock_timeout": "1ms",
}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.postgres
def test_it_does_not_depend_on_what_a_database_has_as_default(database_url, tmp_path):
    service = Service(database_url, tmp_path)
    with psycopg.connect(database_url, autocommit=True) as admin:
        for name, value in SETTINGS.items():
            admin.execute(f"ALTER DATABASE {admin.info.dbname} SET {name} TO '{value}'")
        service.start()
        try:
            said = {"txn_ref": r"AA-SI-\x41", "msg": "你好 it's \\ here", "date": "2026-01-02 03:04:05"}
            url = f"{service.url}/callbacks/{KEY}/sms"
            assert requests.post(url, data=said, timeout=10).status_code == 200
            (event,) = service.events()
            assert (event["text"], event["txn_ref"]) == (said["msg"], said["txn_ref"])
            until(lambda: service.events("&text=你好"))
        finally:
            service.kill()
            for name in SETTINGS:
                admin.execute(f"ALTER DATABASE {admin.info.dbname} RESET {name}")
