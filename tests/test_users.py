"""Users, by the command line; sign-ins, by what a browser sends."""

import json
import re
from datetime import timedelta
from itertools import islice

import pytest
import time_machine
from conftest import make_config, started
from sqlalchemy import select

from receiver.access.sign_ins import IDLE, LONGEST
from receiver.models import SignIn, SignInFailure, User

PASSWORD = "correct horse battery"


@pytest.fixture
def config(database_url, tmp_path):
    return make_config(
        database_url, tmp_path, secret_key="a-secret-for-tests", public_url="http://127.0.0.1/"
    )


@pytest.fixture
def flask(app):
    runner = app.test_cli_runner()

    def run(*words: str, stdin: str = "", fails: bool = False):
        done = runner.invoke(args=["users", *words], input=stdin)
        assert (done.exit_code != 0) is fails, done.output
        return done

    return run


@pytest.fixture
def ana(flask):
    flask("add", "Ana", "--role", "operate", "--password-stdin", stdin=PASSWORD + "\n")


def sign_in(client, name="ana", password=PASSWORD, **more):
    page = client.get("/login", **more)
    token = re.search(r'name="form_token" value="(\w+)"', page.text)[1]
    return client.post("/login", data={"form_token": token, "name": name, "password": password}, **more)


def is_in(client) -> bool:
    return client.get("/account").status_code == 200


@pytest.mark.parametrize("command", [("passwd", "nobody"), ("remove", "nobody")])
def test_nobody_is_asked_anything_about_a_user_there_is_not(flask, command):
    assert "there is no user nobody: see `receiver users list`" in flask(*command, fails=True).output


def test_users_are_added_listed_and_removed(flask, ana):
    flask("add", "bo", "--password-stdin", stdin="another password")
    listed = json.loads(flask("list", "--json").stdout)["users"]
    assert [(user["name"], user["role"]) for user in listed] == [("ana", "operate"), ("bo", "read")]
    assert "password" not in listed[0]
    assert "never" in flask("list").stdout
    flask("remove", "bo", "--yes")
    assert "bo" not in flask("list").stdout


@pytest.mark.parametrize(
    ("words", "stdin", "sentence"),
    [
        (("add", "ana"), PASSWORD, "there is a user ana already"),
        (("add", "two words"), PASSWORD, "a name is 1 to 64"),
        (("add", "x" * 65), PASSWORD, "a name is 1 to 64"),
        (("add", "cy"), "short", "at least 10 characters"),
        (("add", "bartholomew"), "bartholomew1", "little more than the name"),
        (("add", "cy"), "x" * 1001, "at most 1000"),
        (("passwd", "nobody"), PASSWORD, "there is no user nobody"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(flask, ana, words, stdin, sentence):
    said = flask(*words, "--password-stdin", stdin=stdin, fails=True).stderr
    assert sentence in said
    assert "Traceback" not in said
    assert stdin not in said


def test_a_password_is_asked_for_only_where_somebody_can_answer(flask):
    assert "--password-stdin" in flask("add", "cy", fails=True).stderr


def test_the_password_is_kept_as_argon2(app, ana):
    with app.extensions["receiver"].engine.connect() as connection:
        kept = connection.scalar(select(User.password))
    assert kept.startswith("$argon2id$")
    assert PASSWORD not in kept


def test_the_right_password_lets_in_and_no_other(client, ana):
    assert not is_in(client)
    wrong = sign_in(client, password="wrong wrong wrong")
    unknown = sign_in(client, name="nobody")
    assert wrong.status_code == unknown.status_code == 401
    assert "The name or the password is wrong." in wrong.text
    assert re.sub(r"\w{64}|nobody|ana", "", wrong.text) == re.sub(r"\w{64}|nobody|ana", "", unknown.text)
    assert sign_in(client, name=" ANA ").status_code == 303
    assert is_in(client)


def test_the_token_is_kept_as_a_digest(app, client, ana):
    sign_in(client)
    token = client.get_cookie("receiver-session").value
    with app.extensions["receiver"].engine.connect() as connection:
        kept = connection.scalars(select(SignIn.token)).all()
    assert len(kept) == 1
    assert token not in kept[0]


def test_cookies_are_hidden_from_scripts_and_other_sites(client, ana):
    for cookie in sign_in(client).headers.getlist("Set-Cookie"):
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie


def test_behind_https_cookies_are_secure_and_bound_to_the_host(client, ana):
    answer = sign_in(client, headers={"X-Forwarded-Proto": "https"}, base_url="https://localhost/")
    cookies = [cookie for cookie in answer.headers.getlist("Set-Cookie") if "Max-Age=0" not in cookie]
    assert len(cookies) == 2
    for cookie in cookies:
        assert cookie.startswith("__Host-receiver-")
        assert "Secure" in cookie


def test_signing_out_ends_it(app, client, ana):
    sign_in(client)
    stolen = client.get_cookie("receiver-session").value
    token = re.search(r'name="form_token" value="(\w+)"', client.get("/account").text)[1]
    assert client.post("/logout", data={"form_token": token}).status_code == 303
    assert not is_in(client)
    other = app.test_client()
    other.set_cookie("receiver-session", stolen)
    assert not is_in(other)


@pytest.mark.parametrize("command", [("passwd", "ana", "--password-stdin"), ("remove", "ana", "--yes")])
def test_a_new_password_or_removal_ends_every_sign_in(flask, client, ana, command):
    sign_in(client)
    flask(*command, stdin="a new password entirely")
    assert not is_in(client)


def test_a_sign_in_lapses_when_idle_and_after_a_week_whatever_happens(client, ana):
    with time_machine.travel("2026-03-01 08:00:00Z", tick=False) as clock:
        sign_in(client)
        clock.shift(IDLE - timedelta(minutes=5))
        assert is_in(client)
        clock.shift(IDLE - timedelta(minutes=5))
        assert is_in(client)
        clock.shift(IDLE + timedelta(seconds=1))
        assert not is_in(client)
        sign_in(client)
        for _ in range(int(LONGEST / IDLE) * 2 - 1):
            clock.shift(IDLE / 2)
            assert is_in(client)
        clock.shift(IDLE / 2 + timedelta(seconds=1))
        assert not is_in(client)


def test_a_page_that_is_left_open_does_not_keep_its_sign_in(client, ana, monkeypatch):
    monkeypatch.setattr("receiver.web.live.HEARTBEAT", 0)
    with time_machine.travel("2026-03-01 08:00:00Z", tick=False) as clock:
        sign_in(client)
        clock.shift(IDLE - timedelta(minutes=5))
        stream = client.get("/events/stream").iter_encoded()
        assert len(list(islice(stream, 3))) == 3
        for path in ("/events/tail", "/", "/events"):
            assert client.get(path, headers={"X-Unattended": "1"}).status_code == 200
        clock.shift(timedelta(minutes=5, seconds=1))
        assert len(list(islice(stream, 20))) < 20
        assert not is_in(client)


def test_guesses_are_slowed_down_and_forgotten_again(app, client, ana):
    with time_machine.travel("2026-03-01 08:00:00Z", tick=False) as clock:
        answers = [sign_in(client, password=f"guess number {at}").status_code for at in range(12)]
        assert answers == [401] * 10 + [429] * 2
        refused = sign_in(client)
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) >= 1
        assert "Wait" in refused.text
        clock.shift(1.5)
        assert sign_in(client, password="the eleventh guess").status_code == 401
        assert sign_in(client).status_code == 429
        clock.shift(timedelta(minutes=16))
        assert sign_in(client).status_code == 303
    with app.extensions["receiver"].engine.connect() as connection:
        assert connection.scalars(select(SignInFailure.failures)).all() == [0, 0]


def test_guesses_at_the_password_of_a_browser_left_alone_are_slowed_down_in_the_same_way(client, ana):
    sign_in(client)
    token = re.search(r'name="form_token" value="(\w+)"', client.get("/account").text)[1]
    given = {"form_token": token, "new": "another one, long", "again": "another one, long"}
    with time_machine.travel("2026-03-01 08:00:00Z", tick=False):
        answers = [client.post("/account", data=given | {"password": f"guess {at}"}) for at in range(11)]
    assert [answer.status_code for answer in answers] == [400] * 10 + [429]
    assert int(answers[-1].headers["Retry-After"]) >= 1


def test_who_hammers_a_name_does_not_shut_its_owner_out(app, client, ana):
    with time_machine.travel("2026-03-01 08:00:00Z", tick=False):
        sign_in(client)
        client.delete_cookie("receiver-session")
        stranger = app.test_client()
        for at in range(21):
            sign_in(stranger, password="a guess, a guess", environ_base={"REMOTE_ADDR": f"203.0.113.{at}"})
        elsewhere = {"environ_base": {"REMOTE_ADDR": "203.0.113.200"}}
        assert sign_in(stranger, **elsewhere).status_code == 429
        assert sign_in(client, **elsewhere).status_code == 303


def test_a_known_browser_is_known_for_its_own_person_only(app, client, flask, ana):
    flask("add", "eve", "--password-stdin", stdin=PASSWORD)
    with time_machine.travel("2026-03-01 08:00:00Z", tick=False):
        sign_in(client, name="eve")
        client.delete_cookie("receiver-session")
        answers = [sign_in(client, password=f"guess number {at}").status_code for at in range(11)]
        # Counted like any stranger's; signing in between clears nothing.
        assert answers[-1] == 429


def test_a_person_changes_the_password_and_other_browsers_are_out(app, client, ana):
    sign_in(client)
    other = app.test_client()
    sign_in(other)
    token = re.search(r'name="form_token" value="(\w+)"', client.get("/account").text)[1]

    def change(password: str, new: str, again: str):
        given = {"form_token": token, "password": password, "new": new, "again": again}
        return client.post("/account", data=given)

    assert "differ" in change(PASSWORD, "a new password", "another one").text
    assert "current password is wrong" in change("wrong wrong wrong", "a new password", "a new password").text
    assert "at least 10" in change(PASSWORD, "short", "short").text
    assert is_in(other)
    assert change(PASSWORD, "a new password", "a new password").status_code == 200
    assert is_in(client)
    assert not is_in(other)
    assert sign_in(other, password=PASSWORD).status_code == 401
    assert sign_in(other, password="a new password").status_code == 303


def test_without_users_the_login_page_says_how_to_make_one(client):
    page = client.get("/login").text
    assert "receiver users add" in page
    assert 'type="password"' not in page


def test_without_a_secret_the_console_says_so_and_everything_else_works(database_url, tmp_path):
    for app in started(make_config(database_url, tmp_path)):
        answer = app.test_client().get("/")
        assert answer.status_code == 503
        assert "SECRET_KEY" in answer.text
        assert app.test_client().get("/health/live").status_code == 200


@pytest.mark.parametrize("header", ["/receiver", "/receiver/", "receiver"])
def test_under_a_path_the_console_says_that_it_needs_a_host_of_its_own(client, ana, header):
    for path in ("/", "/login", "/events"):
        answer = client.get(path, headers={"X-Forwarded-Prefix": header})
        assert answer.status_code == 421
        assert "needs a host of its own" in answer.text
    assert client.get("/login", headers={"X-Forwarded-Prefix": "/"}).status_code == 200


def test_over_http_it_says_why_nobody_can_sign_in(database_url, tmp_path):
    config = make_config(database_url, tmp_path, secret_key="a-secret-for-tests")
    for app in started(config):
        client = app.test_client(use_cookies=False)
        for url, proto, why in (
            ("http://console.example.com/", "http", "This page came over http"),
            ("https://console.example.com/", "", "This form has expired"),
            ("http://console.example.com/", "https", "This form has expired"),
            ("http://127.0.0.1:8000/", "", "This form has expired"),
        ):
            answer = client.post(
                "/login", base_url=url, headers={"X-Forwarded-Proto": proto} if proto else {}
            )
            assert answer.status_code == 400
            assert why in answer.text


def test_guesses_made_while_the_clock_was_ahead_lock_nobody_out(client, ana):
    with time_machine.travel("2026-09-01 08:00:00Z", tick=False):
        for at in range(12):
            sign_in(client, password=f"guess number {at}")
    with time_machine.travel("2026-03-01 08:00:00Z", tick=False):
        assert sign_in(client).status_code == 303
