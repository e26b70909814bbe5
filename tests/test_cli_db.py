"""`flask db`, and what the other commands say of a database that is not ready."""

import stat

import pytest

from receiver.app import create_app
from receiver.db import MIGRATIONS, connect


@pytest.fixture
def flask(config):
    """Run a command on a database that has no tables yet."""
    app = create_app(config)
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


@pytest.mark.parametrize(
    "words", [["list"], ["show", "1"], ["stats"], ["list", "--csv"], ["list", "--ndjson"]]
)
def test_it_says_what_to_look_at_when_there_is_no_table_to_read(flask, words):
    refused = flask(args=["events", *words])
    assert refused.exit_code == 1
    assert "flask db current" in refused.output
    assert "SELECT" not in refused.output
