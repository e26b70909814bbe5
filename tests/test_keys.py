"""Callback keys: the ring that the receive path asks, and `receiver keys` beside a service that serves."""

import asyncio
import json
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
import requests
from conftest import KEY, OLD_KEY, ON_BOTH, make_config, on_sqlite, quickly_known, signed, started
from firm import serving
from sqlalchemy import delete, insert, select, update

from receiver.db import schema
from receiver.db.engine import connect, writing
from receiver.keys import presence, stored
from receiver.keys.key import KeyState, fingerprint_of, short
from receiver.keys.ring import KeyRing
from receiver.models import CallbackKey, Process
from receiver.numbers import known as numbers
from receiver.setup import rotation
from receiver.web.gateway import Gateway

database_url = on_sqlite

SMS = b"txn_ref=AA-SI-1&from=%2B6591234567&to=%2B6511111111&msg=x&date=2026-01-31+12:00:00"

UNSIGNED = {"hoiio_app_id": None, "hoiio_access_token": None}


@pytest.fixture
def engine(app):
    return app.extensions["receiver"].engine


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "ring"


def ring_of(engine, directory, *in_settings: str) -> KeyRing:
    return KeyRing(engine, in_settings or (KEY, OLD_KEY), directory)


# --- the ring ---


def test_it_accepts_the_keys_of_the_settings_and_nothing_else(engine, directory):
    ring = ring_of(engine, directory)
    assert [ring.knows(key) for key in (KEY, OLD_KEY, KEY + "x", KEY[:-1], "", "\udcff")] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]
    assert (ring.current, ring.older) == (KEY, (OLD_KEY,))


@ON_BOTH
def test_a_new_key_is_accepted_before_it_is_current(engine, directory):
    serving, other = ring_of(engine, directory), ring_of(engine, directory / "other")
    fingerprint = stored.make(engine)
    serving.refresh()
    secret = serving.secret_of(fingerprint)
    assert serving.knows(secret)
    assert serving.current == KEY
    stored.make_current(engine, fingerprint)
    for ring in (serving, other):
        ring.refresh()
        assert ring.current == secret
        assert ring.older == (KEY, OLD_KEY)
    states = {key.fingerprint: key.state for key in serving.list()}
    assert states == {
        fingerprint: KeyState.CURRENT,
        fingerprint_of(KEY): KeyState.OLDER,
        fingerprint_of(OLD_KEY): KeyState.OLDER,
    }


def test_a_process_that_starts_without_the_database_accepts_what_it_knew(engine, directory):
    fingerprint = stored.make(engine)
    before = ring_of(engine, directory)
    before.serve()
    secret = before.secret_of(fingerprint)
    stored.make_current(engine, fingerprint)
    before.refresh()

    engine.dispose()
    fresh = ring_of(engine, directory)  # which has not asked the database
    assert fresh.knows(secret)
    assert fresh.current == secret
    assert (directory / "keys.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in directory.iterdir()] == ["keys.json"]


def at_start(app, look):
    """What is seen once a server would take its first callback."""
    seen = []

    async def serve() -> None:
        told = iter(["lifespan.startup", "lifespan.shutdown"])

        async def receive():
            return {"type": next(told)}

        async def send(message):
            if message["type"] == "lifespan.startup.complete":
                seen.append(look())

        await Gateway(app)({"type": "lifespan"}, receive, send)

    asyncio.run(serve())
    return seen[0]


@ON_BOTH
def test_a_server_knows_the_keys_made_elsewhere_before_it_takes_a_callback(app, engine):
    secret = app.extensions["receiver"].keys.secret_of
    fingerprint = stored.make(engine)
    assert secret(fingerprint) is None
    given = at_start(app, lambda: secret(fingerprint))
    assert given is not None


@ON_BOTH
def test_a_key_that_a_restored_database_does_not_know_comes_back_from_the_disk(engine, directory, caplog):
    def rotate(ring: KeyRing) -> str:
        fingerprint = stored.make(engine)
        stored.make_current(engine, fingerprint)
        ring.serve()
        return ring.current

    ring, elsewhere = ring_of(engine, directory), ring_of(engine, directory / "elsewhere")
    retired, older, newer = (rotate(ring) for _ in range(3))
    stored.retire(engine, fingerprint_of(retired))
    with writing(engine) as connection:  # as it was before the last two rotations
        connection.execute(delete(CallbackKey).where(CallbackKey.retired_at.is_(None)))
    stored.add_uses(engine, fingerprint_of(older), 1)  # which leaves a row without the secret
    since = rotate(elsewhere)

    command = ring_of(engine, directory)
    command.refresh()
    assert command.older == (KEY, OLD_KEY)  # only what serves gives something back
    for each in (ring_of(engine, directory), ring, elsewhere):
        each.serve()
        assert (each.current, each.older) == (since, (newer, older, KEY, OLD_KEY))
    assert "got them back" in caplog.text
    assert newer not in caplog.text
    assert retired not in (directory / "keys.json").read_text()


def test_a_copy_on_disk_of_an_earlier_version_is_read(engine, directory):
    directory.mkdir()
    newer, older, new = ("a" * 32, "b" * 32, "c" * 32)
    keys = [{"secret": secret, "moved_to": secret != new} for secret in (newer, older, new)]
    (directory / "keys.json").write_text(json.dumps({"keys": keys}))
    ring = ring_of(engine, directory)
    assert (ring.current, ring.older) == (newer, (older, KEY, OLD_KEY, new))
    ring.serve()
    assert (ring.current, ring.older) == (newer, (older, KEY, OLD_KEY, new))


def test_a_log_takes_no_keys_of_another_from_a_directory_that_both_have(engine, directory, tmp_path):
    fingerprint, others = stored.make(engine), connect(f"sqlite:///{tmp_path}/other.db")
    schema.upgrade(others)
    ring = ring_of(engine, directory)
    ring.serve()
    other = ring_of(others, directory)
    assert other.older == (OLD_KEY,)
    other.serve()
    assert stored.rows(others) == {}
    assert ring_of(engine, directory).secret_of(fingerprint)  # which has not been overwritten


def test_a_broken_copy_on_disk_turns_nobody_away(engine, directory, caplog):
    directory.mkdir()
    (directory / "keys.json").write_text('{"keys": [3]}')
    assert ring_of(engine, directory).knows(KEY)
    assert "cannot read a copy" in caplog.text


def test_a_disk_that_takes_no_copy_costs_no_callback(engine, directory, caplog):
    directory.write_text("in the way")
    ring = ring_of(engine, directory)
    fingerprint = stored.make(engine)
    ring.serve()
    assert ring.secret_of(fingerprint)
    ring.refresh()
    assert caplog.text.count("cannot keep a copy") == 1
    directory.unlink()
    ring.refresh()  # the disk is well again
    assert ring_of(engine, directory).secret_of(fingerprint)


@ON_BOTH
def test_a_retired_key_is_accepted_no_longer_and_its_secret_is_gone(engine, directory):
    ring = ring_of(engine, directory)
    fingerprint = stored.make(engine)
    ring.serve()
    secret = ring.secret_of(fingerprint)
    stored.retire(engine, fingerprint)
    ring.refresh()
    assert not ring.knows(secret)
    assert secret not in (directory / "keys.json").read_text()
    with engine.connect() as connection:
        assert connection.scalar(select(CallbackKey.secret)) is None


@ON_BOTH
def test_the_use_of_an_older_key_is_counted(engine, directory):
    ring = ring_of(engine, directory)
    for key in (KEY, OLD_KEY, OLD_KEY):
        ring.used(key)
    assert ring.knows(OLD_KEY)  # looking is not using
    assert ring.uses_of_older == {short(fingerprint_of(OLD_KEY)): 2}
    ring.run()
    ring.run()
    (older,) = [key for key in ring.list() if key.state is KeyState.OLDER]
    assert older.uses == 2
    assert datetime.now(UTC) - older.used_at < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("settings", "headers", "counted"),
    [
        ({}, signed(SMS), True),
        ({}, {}, False),  # whoever has the key could have sent it
        ({}, signed(b"other"), False),
        ({"signatures": "ignore"}, {}, True),
        (UNSIGNED, {}, True),
        (UNSIGNED, signed(SMS), False),  # nobody can tell, so it is quarantined
    ],
)
def test_a_use_is_a_callback_that_is_believed(database_url, tmp_path, settings, headers, counted):
    for app in started(make_config(database_url, tmp_path, **settings)):
        client, keys = app.test_client(), app.extensions["receiver"].keys
        assert client.get(f"/callbacks/{OLD_KEY}/sms").status_code == 200
        assert client.post(f"/callbacks/{OLD_KEY}/sms", data=SMS, headers=headers).status_code == 200
        assert sum(keys.uses_of_older.values()) == counted


@ON_BOTH
def test_uses_wait_for_a_database_that_is_away(engine, directory):
    ring = ring_of(engine, directory)
    ring.used(OLD_KEY)
    schema.downgrade(engine, "0006")
    with pytest.raises(Exception, match="callback_keys"):
        ring.run()
    schema.upgrade(engine)
    ring.run()
    assert sum(key.uses for key in ring.list()) == 1


@ON_BOTH
def test_two_processes_count_the_same_key_at_once(engine, directory):
    rings = [ring_of(engine, directory / str(n)) for n in range(4)]
    for ring in rings:
        ring.used(OLD_KEY)
    start = threading.Barrier(len(rings))
    failures: list[Exception] = []

    def run(ring: KeyRing) -> None:
        start.wait()
        try:
            ring.run()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(ring,)) for ring in rings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sum(key.uses for key in rings[0].list()) == len(rings)


@ON_BOTH
def test_each_process_tells_which_keys_it_accepts_until_it_leaves(engine, directory):
    rings = [ring_of(engine, directory / str(n)) for n in range(2)]
    for ring in rings:
        ring.run()
    accepted = frozenset(map(fingerprint_of, (KEY, OLD_KEY)))
    assert list(presence.alive(engine).values()) == [accepted, accepted]
    rings[0].leave()
    assert len(presence.alive(engine)) == 1
    with writing(engine) as connection:
        connection.execute(update(Process).values(seen_at=datetime.now(UTC) - presence.ALIVE * 2))
    assert presence.alive(engine) == {}


def test_a_callback_with_a_key_made_since_the_start_is_logged(app, client, api, engine):
    ring = app.extensions["receiver"].keys
    fingerprint = stored.make(engine)
    ring.refresh()
    url = f"/callbacks/{ring.secret_of(fingerprint)}/sms"
    assert client.post(url, data=SMS, headers=signed(SMS)).status_code == 200
    assert len(api("/events")["events"]) == 1


# --- the command, with a service running ---


@pytest.fixture
def firm(tmp_path, monkeypatch):
    quickly_known(monkeypatch)
    with serving(tmp_path) as firm:
        yield firm


def test_rotation_moves_every_number_that_points_here_and_no_other(firm):
    result = firm.flask("keys", "rotate", "--yes")
    assert result.exit_code == 0, result.output
    (secret,) = firm.made()
    assert firm.targets() == {
        f"{firm.url}callbacks/{secret}/hoiio/voice",
        f"{firm.url}callbacks/{secret}/hoiio/fax",
        "http://other.example.com/sms",
    }
    assert "2 moved" in result.stderr
    assert "CALLBACK_KEYS" in result.stderr
    assert [key["state"] for key in firm.listed()] == ["current", "retiring", "retiring"]
    # What setup makes from now on is made with the new key.
    known = numbers.read(firm.app.extensions["receiver"].engine).numbers
    assert firm.targets() == {url for number in known for url in number.routes.urls.values()}
    assert "here (older key)" not in firm.flask("numbers", "list").stdout


def test_no_callback_is_turned_away_while_keys_rotate(firm):
    numbers = [number["number"] for number in firm.simulator.account["numbers"]]
    statuses: list[int | None] = []
    over = threading.Event()

    def call() -> None:
        while not over.is_set():
            for delivery in firm.simulator.control.call("+6591234567", numbers[0])["deliveries"]:
                statuses.append(delivery["status"])
            time.sleep(0.05)

    caller = threading.Thread(target=call)
    caller.start()
    try:
        assert firm.flask("keys", "rotate", "--yes", "--grace", "0").exit_code == 0
    finally:
        time.sleep(0.2)
        over.set()
        caller.join()
    assert len(statuses) > 4
    assert set(statuses) == {200}


def test_a_rotation_that_stopped_goes_on_to_the_same_key(firm):
    firm.simulator.control.fault("number/update_forwarding", "status:error_service_not_available")
    stopped = firm.flask("keys", "rotate", "--yes")
    assert stopped.exit_code == 1
    assert "run `receiver keys rotate` again" in stopped.stderr
    (secret,) = firm.made()
    again = firm.flask("keys", "rotate", "--yes")
    assert again.exit_code == 0, again.output
    assert "Going on with" in again.stderr
    assert firm.made() == [secret]
    assert firm.targets() >= {f"{firm.url}callbacks/{secret}/hoiio/{kind}" for kind in ("voice", "fax")}


def test_nothing_moves_while_a_process_does_not_accept_the_new_key(firm, monkeypatch):
    monkeypatch.setattr(rotation, "_PATIENCE", 1.0)
    before = firm.targets()
    engine = firm.app.extensions["receiver"].engine
    with writing(engine) as connection:
        deaf = {"name": "elsewhere:1:ab", "keys": ["0"], "seen_at": datetime.now(UTC) + timedelta(seconds=60)}
        connection.execute(insert(Process).values(deaf))
    result = firm.flask("keys", "rotate", "--yes")
    assert result.exit_code == 1
    assert "does not accept the new key yet: elsewhere:1" in result.stderr
    with writing(engine) as connection:
        connection.execute(delete(Process))
    firm.app.extensions["receiver"].schedule.stop(5)
    assert "Start `receiver serve`" in firm.flask("keys", "rotate", "--yes").stderr
    assert firm.targets() == before


def test_nothing_moves_when_public_url_does_not_prove_it(firm, monkeypatch):
    monkeypatch.setattr(rotation, "_PATIENCE", 0.5)
    before = firm.targets()
    result = firm.flask("keys", "rotate", "--yes", public_url="http://127.0.0.1:1")
    assert result.exit_code == 1
    assert "connection refused" in result.stderr
    assert firm.targets() == before


def test_no_key_is_made_while_public_url_is_not_set(firm):
    result = firm.flask("keys", "rotate", "--yes", public_url=None)
    assert result.exit_code == 1
    assert "set PUBLIC_URL" in result.stderr
    assert firm.made() == []


def test_a_grace_time_that_is_no_number_of_days_is_refused(firm):
    assert "nan" in firm.flask("keys", "rotate", "--yes", "--grace", "nan").stderr
    assert firm.made() == []


def test_a_key_is_retired_only_when_nothing_needs_it(firm):
    firm.flask("keys", "rotate", "--yes")
    firm.flask("keys", "rotate", "--yes")
    listed = {
        key["state"]: key["key"] for key in json.loads(firm.flask("keys", "list", "--json").stdout)["keys"]
    }
    (number, *_) = firm.simulator.account["numbers"]

    assert "rotate` first" in firm.flask("keys", "retire", listed["current"], "--yes").stderr
    in_settings = short(fingerprint_of(KEY))
    assert "CALLBACK_KEYS" in firm.flask("keys", "retire", in_settings, "--yes").stderr
    assert "no keys" in firm.flask("keys", "retire", "zz", "--yes").stderr

    (older,) = [key["key"] for key in firm.listed() if key["state"] == "retiring" and not key["in_settings"]]
    (secret,) = [secret for secret in firm.made() if fingerprint_of(secret).startswith(older)]
    firm.simulator.request(
        "number/update_forwarding",
        number=number["number"],
        forward_to=f"{firm.url}callbacks/{secret}/voice",
        mode="voice",
    )
    assert "still used by" in firm.flask("keys", "retire", older, "--yes").stderr
    firm.flask("keys", "rotate", "--yes")
    assert firm.flask("keys", "retire", older, "--yes").exit_code == 0
    firm.app.extensions["receiver"].keys.refresh()
    assert requests.get(f"{firm.url}callbacks/{secret}/sms", timeout=5).status_code == 404
