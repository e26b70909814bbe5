"""Whoever searches is told what an answer may lack while the index is behind, and never otherwise."""

import re

import pytest
from conftest import KEY
from test_console import config as config  # noqa: PLC0414  # a fixture
from test_console import signed_in

from receiver.access.scopes import Scope
from receiver.search import index_lag as lag
from receiver.search import select
from receiver.search.index import LogIndex
from receiver.search.query import Search

SAID = re.compile(
    r"The index is 12 events behind\. Events received from \d\d:\d\d to \d\d:\d\d are not"
    r" (searched for words|counted) yet and may be missing here\. The index catches up by itself\."
)


@pytest.fixture
def engine(app):
    return app.extensions["receiver"].engine


@pytest.fixture
def log(client, engine):
    """Two SMS that are indexed, twelve that are not."""
    for number in range(14):
        ends = {"from": f"+659111000{number % 3}", "to": "+6560000001"}
        body = ends | {"txn_ref": f"AA-SI-{number}", "msg": f"word{number} hello"}
        assert client.post(f"/callbacks/{KEY}/sms", data=body).status_code == 200
        if number == 1:
            LogIndex(engine).catch_up()


@pytest.fixture
def behind(log, monkeypatch):
    """As if twelve were more than is read on top of the index."""
    for module, name in (
        *((lag, "UNINDEXED"), (select, "UNINDEXED"), (select, "PORTION")),
        *((lag, "MOST_UNCOUNTED"), (lag, "UNCOUNTED_MESSAGES")),
    ):
        monkeypatch.setattr(module, name, 4)


def told(app, client, api):
    """What each face says, of words and of counts."""
    people = signed_in(app, "olga", Scope.READ)
    run = app.test_cli_runner().invoke
    return {
        "api": [
            api(path)["not_indexed"]
            for path in (
                "/events?q=word3",
                "/calls?q=word3",
                "/conversations?q=word3",
                "/conversations",
                "/stats",
            )
        ],
        "console": [
            SAID.search(people.get(path).text)
            for path in ("/events?q=word3", "/calls?q=word3", "/conversations?q=word3", "/conversations", "/")
        ],
        "cli": [
            SAID.search(run(args=words).stderr)
            for words in (
                *(["events", "list", "word3"], ["events", "list", "word3", "--csv"]),
                *(["events", "export", "word3"], ["events", "stats", "word3"], ["events", "stats"]),
                *(["calls", "word3"], ["conversations", "word3"], ["conversations"]),
            )
        ],
    }


@pytest.mark.usefixtures("behind")
def test_every_face_tells_what_is_missing(app, client, api, engine):
    said = told(app, client, api)
    assert all(one["behind"] == 12 for one in said["api"])
    assert [one["lacks"] for one in said["api"]] == ["words", "words", "words", "counts", "counts"]
    assert all(said["console"])
    assert all(said["cli"])
    LogIndex(engine).catch_up()
    assert lag.words_lag(engine, Search(text="word3")) is None


@pytest.mark.usefixtures("log")
def test_nothing_is_said_while_what_is_not_indexed_is_read(app, client, api):
    assert not any(one for face in told(app, client, api).values() for one in face)


@pytest.mark.usefixtures("behind")
def test_it_is_told_only_of_answers_that_may_lack_something(engine):
    assert lag.words_lag(engine, Search()) is None
    assert lag.words_lag(engine, Search(text="hello")).behind == 12
    # So few are from this sender that all of them were read.
    assert lag.words_lag(engine, Search(text="hello", sender="+6591110000")) is None
    # A page that the newest fill, and one that lies below all that is not indexed.
    assert lag.words_lag(engine, Search(text="hello"), end=13) is None
    assert lag.words_lag(engine, Search(text="hello"), before=3) is None
    first = lag.counts_lag(engine).first
    assert lag.counts_lag(engine, until=first) is None
