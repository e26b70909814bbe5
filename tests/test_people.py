"""People, tokens and the record on the console: who sees them, what they change, and what is on record."""

import html
import json
import re

import pytest
from conftest import API_TOKEN, ON_BOTH, make_config, on_sqlite
from test_console import PASSWORD, form_token, signed_in
from test_targets_console import post, words

from receiver.access.record import ACTIONS, About, Action, find, note
from receiver.access.scopes import Scope
from receiver.db.engine import writing

database_url = on_sqlite


@pytest.fixture
def config(database_url, tmp_path):
    return make_config(
        database_url, tmp_path, secret_key="a-secret-for-tests", public_url="http://127.0.0.1/"
    )


@pytest.fixture
def client(app):
    return signed_in(app, "ada", Scope.ADMIN)


@pytest.fixture
def mei(app):
    return signed_in(app, "mei", Scope.OPERATE)


@pytest.fixture
def recorded(app):
    """What was done since the test began to look, oldest first: action, who, whom, detail."""
    engine = app.extensions["receiver"].engine

    def recorded(*actions: Action):
        made = reversed(find(engine, actions).made)
        return [(one.action, one.who, one.whom, one.detail) for one in made if one.who != "tests"]

    return recorded


def secret_in(page, name: str) -> str:
    return html.unescape(re.search(rf'<code id="{name}">([^<]+)</code>', page.text)[1])


def sign_in(app, name: str, password: str):
    client = app.test_client()
    given = {"form_token": form_token(client, "/login"), "name": name, "password": password}
    return client, client.post("/login", data=given).status_code


def is_in(client) -> bool:
    return client.get("/account").status_code == 200


PAGES = ("/people", "/people/ada", "/tokens", "/record")


def test_only_admins_see_them_and_the_way_there(app, client, mei, recorded):
    for path in PAGES:
        assert client.get(path).status_code == 200
        refused = mei.get(path)
        assert refused.status_code == 403
        assert "This requires the role admin; yours is operate." in words(refused)
        link = f'href="{path}"'
        assert (link in client.get("/").text) is (path != "/people/ada")
        assert link not in mei.get("/").text
    for path in ("/people", "/people/mei", "/tokens", "/tokens/x/revoke"):
        given = {"name": "eve", "role": "admin", "scope": "admin", "action": "role", "sure": "yes"}
        assert post(mei, path, given).status_code == 403
        assert client.post(path, data=given).status_code == 400  # a form of somebody else
    assert recorded() == []


@ON_BOTH
def test_somebody_is_added_and_signs_in_with_the_password_that_is_shown_once(app, client, recorded):
    made = post(client, "/people", name="Bo@example.com", role="operate")
    password = secret_in(made, "password")
    assert "The user was added." in words(made)
    assert made.headers["Cache-Control"] == "no-store"
    assert password not in client.get("/people/bo@example.com").text
    bo, status = sign_in(app, "bo@example.com", password)
    assert status == 303
    assert "Role operate" in words(bo.get("/account"))
    line = words(client.get("/people"))
    assert re.search(r"bo@example.com operate \d\d:\d\d just now 1 ", line)
    again = post(client, "/people", name="bo@example.com", role="read")
    assert (again.status_code, "There is a user bo@example.com already" in words(again)) == (400, True)
    assert 'value="bo@example.com"' in again.text
    assert recorded() == [("add-user", "ada", "bo@example.com", "operate")]
    assert password not in client.get("/record").text


@pytest.mark.parametrize("name", ["", "two words", "<b>", "x" * 65, "a\x00"])
def test_a_name_that_nobody_can_have_is_said(client, name):
    answer = post(client, "/people", name=name, role="read")
    assert answer.status_code == 400
    assert "A name is 1 to 64" in words(answer)
    assert "<b>" not in answer.text


@ON_BOTH
def test_a_role_counts_from_the_next_page_on(client, mei, recorded):
    assert "The role was changed." in words(post(client, "/people/mei", action="role", role="admin"))
    assert mei.get("/people").status_code == 200
    post(client, "/people/mei", action="role", role="admin")  # as it is
    post(client, "/people/mei", action="role", role="read")
    assert mei.get("/people").status_code == 403
    assert recorded() == [
        ("set-role", "ada", "mei", "operate to admin"),
        ("set-role", "ada", "mei", "admin to read"),
    ]
    assert post(client, "/people/mei", action="role", role="king").status_code == 400


@ON_BOTH
def test_a_new_password_is_asked_about_shown_once_and_ends_every_sign_in(app, client, mei, recorded):
    asked = post(client, "/people/mei", action="password")
    assert "signed out everywhere" in words(asked)
    assert is_in(mei)
    password = secret_in(post(client, "/people/mei", action="password", sure="yes"), "password")
    assert not is_in(mei)
    assert sign_in(app, "mei", PASSWORD)[1] == 401
    assert sign_in(app, "mei", password)[1] == 303
    assert recorded() == [("set-password", "ada", "mei", None)]
    own = post(client, "/people/ada", action="password", sure="yes")
    assert (own.status_code, "on the account page" in words(own)) == (400, True)


@ON_BOTH
def test_what_a_role_may_do_is_said_in_the_same_words_everywhere(app, client, mei, run):
    for role in Scope:
        assert role.may in words(client.get("/people"))
        assert role.may in words(client.get("/account"))
        assert role.may in " ".join(run("users", "add", "--help").split())
    assert Scope.ADMIN.may not in words(mei.get("/account"))


def test_a_removed_person_is_out(app, client, mei, recorded):
    assert "Remove mei?" in words(post(client, "/people/mei", action="remove"))
    assert is_in(mei)
    assert "The user was removed" in words(post(client, "/people/mei", action="remove", sure="yes"))
    assert not is_in(mei)
    assert client.get("/people/mei").status_code == 404
    assert post(client, "/people/mei", action="remove", sure="yes").status_code == 404
    assert recorded() == [("remove-user", "ada", "mei", None)]


@ON_BOTH
def test_the_only_admin_stays_and_nobody_goes_without_a_word(app, client, recorded):
    for given in ({"action": "remove"}, {"action": "role", "role": "read"}):
        refused = post(client, "/people/ada", given, sure="yes")
        assert refused.status_code == 400
        assert "Ada is the only admin: give somebody else the role admin first." in words(refused)
    assert recorded() == []
    signed_in(app, "bea", Scope.ADMIN)
    assert "That is you" in words(post(client, "/people/ada", action="remove"))
    assert "Change your own role to read?" in words(post(client, "/people/ada", action="role", role="read"))
    done = post(client, "/people/ada", action="role", role="read", sure="yes")
    assert "Role read" in words(done)
    assert client.get("/people").status_code == 403


@ON_BOTH
def test_an_admin_signs_a_person_out_of_one_browser_or_of_all(app, client, mei, recorded):
    other, third = (sign_in(app, "mei", PASSWORD)[0] for _ in range(2))
    page = client.get("/people/mei")
    ids = re.findall(r'name="browser" value="(\w+)"', page.text)
    assert len(set(ids)) == 3
    post(client, "/people/mei", action="sign-out", browser=ids[0])
    assert [is_in(one) for one in (mei, other, third)].count(True) == 2
    for unknown in (ids[0], "", "\x00"):
        assert post(client, "/people/mei", action="sign-out", browser=unknown).status_code == 200
    assert "Signed out everywhere." in words(post(client, "/people/mei", action="sign-out-all"))
    assert not any(is_in(one) for one in (mei, other, third))
    assert "In no browser." in words(client.get("/people/mei"))
    assert recorded() == [
        ("sign-out", "ada", "mei", "1 browser"),
        ("sign-out", "ada", "mei", "2 browsers"),
    ]
    post(client, "/people/ada", action="sign-out-all")
    assert is_in(client)


@ON_BOTH
def test_one_signs_out_in_other_browsers_on_the_account_page(app, client, mei, recorded):
    other, third = (sign_in(app, "mei", PASSWORD)[0] for _ in range(2))
    page = mei.get("/account")
    assert words(page).count("this browser") == 1
    ids = re.findall(r'name="browser" value="(\w+)"', page.text)
    assert len(ids) == 2
    assert "That browser was signed out." in words(post(mei, "/account/browsers", browser=ids[0]))
    assert [is_in(other), is_in(third)].count(True) == 1
    of_ada = re.search(r'name="browser" value="(\w+)"', client.get("/people/ada").text)
    assert of_ada is None  # the one that looks
    assert "All other browsers" in words(post(mei, "/account/browsers"))
    assert not is_in(other)
    assert not is_in(third)
    assert is_in(mei)
    assert is_in(client)
    assert [one[:3] for one in recorded()] == [("sign-out", "mei", "mei")] * 2


@ON_BOTH
def test_a_token_is_made_shown_once_and_revoked(app, client, recorded):
    made = post(client, "/tokens", name="grafana", scope="read", expires="30d")
    token = secret_in(made, "token")
    assert made.headers["Cache-Control"] == "no-store"
    assert token not in client.get("/tokens").text
    answer = client.get("/api/v1/events", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert re.search(r"grafana read good until \d+ \w+", words(client.get("/tokens")))
    assert "API_TOKENS in the settings holds 1" in words(client.get("/tokens"))
    again = post(client, "/tokens", name="grafana", scope="read", expires="")
    assert (again.status_code, "choose another name" in words(again)) == (400, True)
    assert "Revoke grafana?" in words(post(client, "/tokens/grafana/revoke"))
    for _ in range(2):
        done = post(client, "/tokens/grafana/revoke", sure="yes")
        assert "The token is revoked." in words(done)
    assert re.search(r"grafana read revoked \d\d:\d\d", words(done))
    assert post(client, "/tokens/nobody/revoke", sure="yes").status_code == 404
    (created, revoked) = recorded()
    assert created[:3] == ("create-token", "ada", "grafana")
    assert re.fullmatch(r"read, until \d{4}-\d\d-\d\d \d\d:\d\d UTC", created[3])
    assert revoked == ("revoke-token", "ada", "grafana", None)
    assert token not in client.get("/record").text


def test_what_is_wrong_with_a_token_is_said_beside_the_form(client):
    for given, wrong in (
        ({"name": "Gra fana"}, "A token's name says who uses it"),
        ({"name": "grafana", "expires": "soon"}, "Write a time such as"),
    ):
        answer = post(client, "/tokens", {"scope": "operate", "expires": ""} | given)
        assert answer.status_code == 400
        assert wrong in words(answer)
        assert f'value="{given["name"]}"' in answer.text
    assert post(client, "/tokens", name="x", scope="king").status_code == 400
    assert "No tokens yet." in words(client.get("/tokens"))


def test_no_secret_is_made_for_a_screen_that_is_masked(client, mei, recorded):
    post(client, "/mask", on="1")
    assert post(client, "/people", name="bo", role="read").status_code == 403
    assert post(client, "/people/mei", action="password", sure="yes").status_code == 403
    assert post(client, "/tokens", name="x", scope="read").status_code == 403
    assert "Turn the mask off first." in words(client.get("/people"))
    assert "Turn the mask off first." in words(client.get("/tokens"))
    assert is_in(mei)
    assert recorded() == []


@ON_BOTH
def test_what_commands_do_is_on_record_too_newest_first(app, client, run, recorded):
    runner = app.test_cli_runner()
    runner.invoke(args=["users", "add", "bo", "--password-stdin"], input=PASSWORD)
    run("users", "role", "bo", "operate")
    runner.invoke(args=["users", "passwd", "bo", "--password-stdin"], input="another password")
    sign_in(app, "bo", "another password")
    run("users", "sign-out", "bo")
    run("users", "remove", "bo", "--yes")
    run("tokens", "create", "grafana", "--scope", "operate")
    run("tokens", "revoke", "grafana")
    done = [(action, whom, detail) for action, _, whom, detail in recorded()]
    assert done == [
        ("add-user", "bo", "read"),
        ("set-role", "bo", "read to operate"),
        ("set-password", "bo", None),
        ("sign-out", "bo", "1 browser"),
        ("remove-user", "bo", None),
        ("create-token", "grafana", "operate"),
        ("revoke-token", "grafana", None),
    ]
    newest = json.loads(run("events", "interventions", "--about", "tokens", "--limit", "1", "--json"))
    assert [one["whom"] for one in newest["interventions"]] == ["grafana"]
    older = json.loads(
        run("events", "interventions", "--about", "tokens", "--before", newest["next"], "--json")
    )
    assert [one["action"] for one in older["interventions"]] == ["create-token"]
    assert older["next"] is None
    table = run("events", "interventions")
    assert re.search(r"set-role +\S.* +bo, read to operate", table)
    page = words(client.get("/record?about=users"))
    assert page.index("remove user") < page.index("set role") < page.index("add user")
    assert "grafana" not in page
    assert client.get("/record?about=weather").status_code == 400


@ON_BOTH
def test_what_is_done_to_targets_and_replays_is_on_record_without_their_addresses(app, client, run, recorded):
    run("targets", "add", "webhook", "shop", "--url", "https://1.1.1.1/hook?key=hidden")
    run("targets", "edit", "shop", "--name", "desk", "--search", "from:+6591234567", "--header", "X-Key: abc")
    run("targets", "edit", "desk", "--search", "from:+6591234567")  # changes nothing
    api = {"headers": {"Authorization": f"Bearer {API_TOKEN}"}}
    plain = app.test_client()
    assert plain.post("/api/v1/targets/desk/pause", json={"why": "moving"}, **api).status_code == 200
    run("targets", "pause", "desk")
    post(client, "/targets/desk", action="resume")
    run("targets", "rotate", "desk")
    asked = {"to": "desk", "search": "kind:sms"}
    assert plain.post("/api/v1/replays", json=asked, **api).status_code == 200
    run("replay", "stop", "1")
    run("targets", "remove", "desk", "--yes")
    done = recorded(*ACTIONS[About.TARGETS])
    assert [(action, whom, detail) for action, _, whom, detail in done] == [
        ("add-target", "shop", "webhook"),
        ("change-target", "shop", "now named desk, search, headers"),
        ("pause-target", "desk", None),
        ("resume-target", "desk", None),
        ("rotate-secret", "desk", None),
        ("start-replay", "desk", "replay 1"),
        ("stop-replay", "desk", "replay 1"),
        ("remove-target", "desk", None),
    ]
    assert [who for _, who, _, _ in done[2:4]] == ["token API_TOKENS[0]", "ada"]
    page = words(client.get("/record?about=targets"))
    assert "moving" in page
    for secret in ("hidden", "1.1.1.1", "abc", "91234567"):
        assert secret not in page


def test_the_record_is_paged_and_shows_hostile_words_as_they_are(app, client):
    with writing(app.extensions["receiver"].engine) as connection:
        for number in range(101):
            note(connection, Action.CREATE_TOKEN, "tests", f"t{number:03}", "<b>\u202e")
    first = client.get("/record")
    assert "t002" in words(first)
    assert "t000" not in words(first)
    assert "<b>" not in first.text
    assert "\u202e" not in first.text
    second = client.get(html.unescape(re.search(r'href="([^"]+)" rel="next"', first.text)[1]))
    assert "t000" in words(second)
    assert "t002" not in words(second)
    assert "Newest" in words(second)


def test_the_last_admin_stays_on_the_command_line_too(app, client, run):
    result = app.test_cli_runner().invoke(args=["users", "remove", "ada", "--yes"])
    assert (result.exit_code, "ada is the only admin" in result.stderr) == (1, True)
    run("users", "role", "ada", "read", exit_code=1)
    assert is_in(client)
