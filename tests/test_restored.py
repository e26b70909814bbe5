"""After an older backup was restored, whoever listens is told, and hears what comes next."""

import pytest
from conftest import API_TOKEN, KEY
from sqlalchemy import text

from receiver.cli.events.follow import follow
from receiver.db.engine import writing
from receiver.search.events import EventLog
from receiver.search.query import Search


@pytest.fixture
def send(client):
    def send(*references: str) -> None:
        for reference in references:
            data = {"txn_ref": reference, "from": "+6591110001", "to": "+6560000001", "msg": reference}
            assert client.post(f"/callbacks/{KEY}/sms", data=data).status_code == 200

    return send


@pytest.fixture
def restore(app):
    """The log as it was when it ended with this event, with its counters."""

    def restore(last: int) -> None:
        with writing(app.extensions["receiver"].engine) as connection:
            connection.execute(text("DELETE FROM events WHERE id > :last"), {"last": last})
            if connection.dialect.name == "sqlite":
                connection.execute(text("UPDATE sqlite_sequence SET seq = :last"), {"last": last})
            else:
                connection.execute(text("SELECT setval('events_id_seq', :last)"), {"last": last})

    return restore


def test_a_running_stream_tells_it_and_goes_on(app, client, send, restore):
    send(*(f"old-{at}" for at in range(8)))
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    with client.get("/api/v1/events/stream?after=7&fields=text", headers=headers, buffered=False) as answer:
        pieces = (piece.decode() for piece in answer.response if b"data" in piece)
        assert '"old-7"' in next(pieces)
        restore(5)
        assert next(pieces).startswith("id: 5\nevent: reset\n")
        send("new")
        assert '"new"' in next(pieces)


def test_a_running_tail_says_it_and_goes_on(app, send, restore, capsys):
    send(*(f"old-{at}" for at in range(8)))
    shown = (event.text for event in follow(EventLog(app.extensions["receiver"].engine), Search(), 2))
    assert [next(shown), next(shown)] == ["old-6", "old-7"]
    restore(5)
    assert [next(shown), next(shown)] == ["old-3", "old-4"]
    assert "beginning again" in capsys.readouterr().err
    send("new")
    assert next(shown) == "new"
