"""`receiver db`, and what the other commands say of a database that is not ready."""

import stat

import databases
import pytest
from conftest import DATABASES, assembled, empty_database, make_config, started
from test_serve import Service

from receiver.db.engine import connect
from receiver.db.schema import MIGRATIONS


@pytest.fixture
def flask(empty_database_url, tmp_path):
    """Run a command on a database that has no tables yet."""
    yield from running(make_config(empty_database_url, tmp_path))


@pytest.fixture(scope="module", params=DATABASES)
def lasting_flask(request, tmp_path_factory):
    """The same for commands that leave it so."""
    path = tmp_path_factory.mktemp("empty")
    with empty_database(request, path) as url:
        yield from running(make_config(url, path))


def running(config):
    app = assembled(config)
    yield app.test_cli_runner().invoke
    app.extensions["receiver"].engine.dispose()


def test_it_upgrades_and_then_finds_nothing_to_do(flask):
    assert flask(args=["db", "upgrade"]).output.startswith("upgraded to revision")
    assert flask(args=["db", "upgrade"]).output.endswith("nothing to do\n")


def test_it_names_the_revisions_there_are(flask):
    refused = flask(args=["db", "downgrade", "7777", "--yes"])
    assert refused.exit_code == 1
    known = ", ".join(path.name[:4] for path in sorted(MIGRATIONS.glob("versions/0*.py")))
    assert refused.output == f"Error: there is no such revision; there are {known} and `base`\n"


def test_it_asks_nothing_about_a_revision_there_is_not(flask):
    assert "there is no such revision" in flask(args=["db", "downgrade", "7777"]).output


def test_a_new_database_is_for_its_owner_only(tmp_path):
    connect(f"sqlite:///{tmp_path}/new/receiver.db").dispose()
    assert stat.S_IMODE((tmp_path / "new/receiver.db").stat().st_mode) == 0o600


READING = [
    "events list",
    "events list --csv",
    "events list --ndjson",
    "events show 1",
    "events stats",
    "events tail",
    "events export",
    "events quarantine",
    "events interventions",
    "calls",
    "calls show nope",
    "conversations",
    "conversations show +6511111111 +6591234567",
    "tokens list",
    "users list",
    "keys list",
    "spool drain",
]


@pytest.mark.parametrize("words", READING)
def test_it_says_what_to_run_when_there_is_no_table_to_read(lasting_flask, words):
    refused = lasting_flask(args=words.split())
    assert refused.exit_code == 1
    assert refused.output == "Error: the database has no tables yet: run `receiver db upgrade`\n"


def test_it_says_what_to_run_when_the_tables_are_older(flask):
    flask(args=["db", "upgrade"])
    flask(args=["db", "downgrade", "0001", "--yes"])
    refused = flask(args=["conversations"])
    assert refused.exit_code == 1
    assert refused.output.startswith("Error: the database is at 0001, this code needs")
    assert refused.output.endswith("run `receiver db upgrade`\n")


@pytest.fixture
def nowhere(tmp_path):
    """A directory that nobody can make, not even root."""
    (tmp_path / "file").write_text("in the way")
    return tmp_path / "file" / "x"


@pytest.mark.parametrize("words", ["events list", "db upgrade", "serve"])
def test_it_says_that_there_is_no_place_for_the_database(tmp_path, nowhere, words):
    refused = Service(f"sqlite:///{nowhere}/y.db", tmp_path).flask(*words.split(), check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"Error: cannot make the directory {nowhere} of DATABASE_URL: ")
    assert "Traceback" not in refused.stderr


def test_only_what_needs_the_spool_minds_that_there_is_no_place_for_it(tmp_path, nowhere):
    flask = Service(f"sqlite:///{tmp_path}/receiver.db", tmp_path, SPOOL_DIR=str(nowhere)).flask
    for words in ("db upgrade", "events list", "keys list"):
        assert flask(*words.split()).returncode == 0
    for words in ("spool status", "spool drain"):
        refused = flask(*words.split(), check=False)
        assert refused.returncode == 1
        assert refused.stderr.startswith(f"Error: the spool in SPOOL_DIR {nowhere} cannot be written: ")
        assert "Traceback" not in refused.stderr


def test_a_copy_that_is_not_there_is_told_before_anything_is_asked(tmp_path):
    for app in started(make_config(databases.new_file(tmp_path / "receiver.db"), tmp_path)):
        result = app.test_cli_runner().invoke(args=["db", "restore", str(tmp_path / "nothing.db")])
        assert (result.exit_code, result.stderr) == (1, f"Error: {tmp_path / 'nothing.db'} is no file\n")
