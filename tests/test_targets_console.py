"""Targets, deliveries and replays on the console: what is shown, what is asked, and who may do what."""

import html
import re
from urllib.parse import quote

import pytest
from conftest import ON_BOTH, make_config, on_sqlite
from receiving import Receiving
from sqlalchemy import insert, select, update
from test_console import NUMBER, SENDER, arrive, fax, form_token, signed_in, sms

from receiver import current
from receiver.access.scopes import Scope
from receiver.db.engine import writing
from receiver.models import EVENTS, AttemptRow, DeliveryRow, TargetRow
from receiver.relay import findings
from receiver.relay.planner import Planner
from receiver.relay.queue import Queue
from receiver.relay.target import TargetSort, TargetState
from receiver.search.query import Search

database_url = on_sqlite

HANDLER = '{"function": "billing", "types": ["sms.received"], "timeout": 30, "lanes": 1}'
HOSTILE = "<script>alert(1)</script>\u202e\x1b[31m"


@pytest.fixture
def config(database_url, tmp_path):
    return make_config(
        database_url,
        tmp_path,
        secret_key="a-secret-for-tests",
        public_url="http://127.0.0.1/",
        outbound_allow=("127.0.0.0/8",),
    )


@pytest.fixture
def client(app):
    return signed_in(app, "ada", Scope.ADMIN)


@pytest.fixture
def operator(app):
    return signed_in(app, "olga", Scope.OPERATE)


@pytest.fixture
def here(app):
    with app.app_context():
        yield app


@pytest.fixture
def there():
    with Receiving() as server:
        yield server


def hook(there, name: str = "shop", **given):
    return current.targets().add(name, TargetSort.WEBHOOK, {"url": there.url}, by="tests", **given)


def set_target(target, **values) -> None:
    with writing(current.engine()) as connection:
        connection.execute(update(TargetRow).where(TargetRow.id == target.id).values(**values))


def set_delivery(delivery_id: int, **values) -> None:
    with writing(current.engine()) as connection:
        connection.execute(update(DeliveryRow).where(DeliveryRow.id == delivery_id).values(**values))


def planned(app, number: int = 1, text: str = "hello") -> list[int]:
    """So many messages arrive and are planned. The ids of their deliveries, oldest first."""
    for one in range(number):
        sms(app, f"{text} {one}", f"AA-SI-{one}")
    Planner(current.engine()).plan()
    return sorted(one.id for one in current.deliveries().find().deliveries)


def words(answer) -> str:
    """What a page says, without its tags."""
    main = re.search(r"<main.*</main>", answer.text, re.DOTALL)[0]
    said = re.sub(r"</(dt|dd|p|li|td|h1|h2|tr|button|option)>|<br>", " ", main)
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", said)))


def post(client, path: str, given: dict | None = None, **more):
    data = {"form_token": form_token(client), **(given or {}), **more}
    return client.post(path, data=data, follow_redirects=True)


def test_a_target_is_made_its_secret_is_shown_once_and_then_behind_a_click(here, client, there):
    assert "No targets yet." in client.get("/targets").text
    given = {"option-url": there.url, "option-headers": "X-Key: hush hush", "search": "kind:sms"}
    made = post(client, "/targets/new/webhook", given, name="The shop", ordered="on")
    target = current.targets().get("The shop")
    secret = target.settings["secret"]
    assert (target.settings["url"], str(target.search), target.ordered) == (there.url, "kind:sms", True)
    assert target.settings["headers"] == {"X-Key": "hush hush"}
    assert target.created_by == "ada"
    assert "The target was made." in words(made)
    assert secret in made.text
    page = client.get("/targets/The%20shop")
    assert secret not in page.text
    assert "hush" not in page.text
    assert secret in post(client, "/targets/The%20shop", action="secret").text


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"option-url": "http://10.0.0.1/hook"}, "not https"),
        ({"option-url": "https://127.0.0.1/hook", "search": "kind:telegram"}, "voice, fax, sms"),
        ({"option-url": "https://127.0.0.1/hook", "search": "since:1h"}, "yet to arrive"),
        ({"option-url": "https://127.0.0.1/hook", "name": "../etc"}, "letters, digits, spaces"),
        ({"option-url": "https://127.0.0.1/hook", "option-headers": "hush"}, "Name: value"),
        ({"option-url": ""}, "address"),
    ],
)
def test_what_is_wrong_is_said_beside_the_form_which_keeps_what_was_typed(here, client, given, wrong):
    typed = {
        "name": f"shop {HOSTILE[:9]}"[:4],
        "search": "kind:fax",
        "option-secret": "whsec_aHVzaA==",
    } | given
    answer = post(client, "/targets/new/webhook", typed)
    assert answer.status_code == 400
    (said,) = re.findall(r'role="alert"[^>]*>(.*?)</p>', answer.text)
    assert wrong in html.unescape(said)
    assert f'value="{html.escape(typed["search"])}"' in answer.text
    assert f'value="{html.escape(typed["option-url"])}"' in answer.text
    assert "whsec_" not in answer.text.replace("as whsec_ and base64", "")
    assert "hush" not in answer.text
    assert current.targets().all() == []


def test_a_change_keeps_what_is_secret_unless_it_is_said_anew(here, client, there):
    before = post(client, "/targets/new/webhook", {"option-url": there.url + "?key=hush", "name": "shop"})
    assert before.status_code == 200
    kept = current.targets().get("shop").settings
    form = client.get("/targets/shop/edit")
    assert "hush" not in form.text
    answer = post(client, "/targets/shop/edit", {"name": "store", "search": "kind:fax", "option-url": ""})
    changed = current.targets().get("store")
    assert "The target was changed." in words(answer)
    assert dict(changed.settings) == dict(kept)
    assert str(changed.search) == "kind:fax"
    post(client, "/targets/store/edit", {"name": "store", "option-headers": "X-Key: one"})
    assert current.targets().get("store").settings["headers"] == {"X-Key": "one"}
    post(client, "/targets/store/edit", {"name": "store", "remove-option-headers": "on"})
    assert current.targets().get("store").settings["headers"] == {}
    again = post(client, "/targets/new/webhook", {"option-url": there.url, "name": "store"})
    assert "already" in words(again)


@ON_BOTH
def test_each_state_is_said_in_words(here, client, there):
    now = current.targets().add("now", TargetSort.WEBHOOK, {"url": there.url}, by="tests").created_at
    for name in ("mine", "gone", "down", "shaky"):
        hook(there, name)
    targets = {target.name: target for target in current.targets().all()}
    post(client, "/targets/mine", action="pause")
    set_target(targets["gone"], paused_at=now, paused_why="the other side answered 410: it wants no more")
    down = {
        "failures": 7,
        "failing_since": now,
        "failure": "answered 503",
        "blocked_until": now.replace(year=2099),
    }
    set_target(targets["down"], **down)
    set_target(targets["shaky"], failures=1, failing_since=now, failure="answered 500")
    page = words(client.get("/targets"))
    assert re.search(r"mine paused by ada since \d\d:\d\d", page)
    assert re.search(r"gone paused since \d\d:\d\d: the other side answered 410", page)
    assert re.search(r"down failing since \d\d:\d\d, next try in \d+ days: answered 503", page)
    assert "shaky active but the last attempt failed: answered 500" in page
    set_target(targets["down"], blocked_until=now)
    assert "trying now: answered 503" in words(client.get("/targets/down"))
    assert "Resumed." in words(post(client, "/targets/mine", action="resume"))
    post(client, "/targets/down", action="resume")
    states = {target.name: target.state for target in current.targets().all()}
    assert (states["mine"], states["down"]) == (TargetState.ACTIVE, TargetState.ACTIVE)


def test_what_is_wrong_with_a_target_leads_there_from_the_overview(here, client, there):
    target = hook(there)
    assert 'href="/targets">Look' not in client.get("/").text
    set_target(target, failures=5, failing_since=target.created_at, failure="answered 503")
    findings.refresh(current.engine())
    page = client.get("/")
    assert "The target shop fails since" in words(page)
    assert 'href="/targets">Look and decide' in page.text


def test_a_test_shows_request_answer_and_time(here, operator, there):
    hook(there)
    there.answer = lambda _: (503, {}, HOSTILE.encode())
    page = post(operator, "/targets/shop", action="test")
    said = words(page)
    assert "It did not arrive: answered 503" in said
    assert re.search(r"Sent POST 127.0.0.1:\d+, \d+ bytes", said)
    assert re.search(r"Time \d+ ms", said)
    assert "<script>alert" not in page.text
    there.answer = lambda _: (204, {}, b"")
    assert "It arrived." in words(post(operator, "/targets/shop", action="test"))
    assert [got.json["test"] for got in there.got] == [True, True]
    assert current.deliveries().find().deliveries == []


def test_a_new_secret_is_shown_and_the_one_before_lasts(here, client, there):
    old = hook(there).settings["secret"]
    page = post(client, "/targets/shop", action="rotate")
    new = current.targets().get("shop").settings["secret"]
    assert new != old
    assert new in page.text
    assert old not in page.text


@ON_BOTH
def test_removing_asks_and_says_how_much_goes(here, client, there):
    hook(there)
    planned(here, 3)
    asked = post(client, "/targets/shop", action="remove")
    assert "3 deliveries and what is known of their attempts go with it" in words(asked)
    assert len(current.targets().all()) == 1
    done = post(client, "/targets/shop", action="remove", sure="yes")
    assert "3 deliveries with it" in words(done)
    assert current.targets().all() == []
    assert client.get("/targets/shop").status_code == 404


@ON_BOTH
def test_deliveries_are_listed_filtered_and_paged(here, client, there):
    target = hook(there)
    ids = planned(here, 3)
    with writing(current.engine()) as connection:
        row = connection.execute(select(DeliveryRow.__table__).where(DeliveryRow.id == ids[0])).one()._mapping
        more = [dict(row) | {"event_id": 1000 + number, "id": 1000 + number} for number in range(99)]
        connection.execute(insert(DeliveryRow), more)
    set_delivery(ids[1], state="dead", reason="answered 500")
    page = client.get("/targets/shop").text
    assert 'href="/deliveries/1098"' in page
    assert f'href="/deliveries/{ids[0]}"' not in page
    older = client.get(html.unescape(re.search(r'href="([^"]+)" rel="next"', page)[1])).text
    assert f'href="/deliveries/{ids[0]}"' in older
    dead = client.get("/targets/shop?state=dead")
    assert re.findall(r'href="(/deliveries/\d+)"', dead.text) == [f"/deliveries/{ids[1]}"]
    assert "dead answered 500" in words(dead)
    assert "101 waiting, 1 dead" in words(dead)
    assert client.get("/targets/shop?state=x").status_code == 400
    assert current.deliveries().number(target.id) == 102


@ON_BOTH
def test_only_what_was_chosen_is_tried_again_or_cancelled(here, operator, there):
    hook(there)
    ids = planned(here, 4)
    for one in ids[:3]:
        set_delivery(one, state="dead", attempts=10)
    assert "Nothing was selected." in words(post(operator, "/targets/shop", action="retry"))
    assert "1 delivery will be tried again now." in words(
        post(operator, "/targets/shop", action="retry", id=[str(ids[0])])
    )
    assert "Cancelled 1 delivery." in words(
        post(operator, "/targets/shop", action="cancel", id=[str(ids[3]), str(ids[2])])
    )
    assert _states(ids) == ["waiting", "dead", "dead", "cancelled"]
    assert "Try 2 deliveries again?" in words(post(operator, "/targets/shop", action="retry-dead"))
    assert _states(ids) == ["waiting", "dead", "dead", "cancelled"]
    done = post(operator, "/targets/shop", action="retry-dead", sure="yes")
    assert "2 deliveries will be tried again now." in words(done)
    assert _states(ids) == ["waiting", "waiting", "waiting", "cancelled"]
    assert "cancelled by olga" in words(done)


def _states(ids: list[int]) -> list[str]:
    return [current.deliveries().get(one).state for one in ids]


def test_a_delivery_shows_each_attempt_harmlessly(here, operator, there):
    hook(there)
    (one,) = planned(here)
    attempt = {
        "delivery_id": one,
        "began_at": current.deliveries().get(one).created_at,
        "milliseconds": 1234,
        "delivered": False,
        "status": 503,
        "reason": "answered 503",
        "request": "POST hooks.example.com, 200 bytes",
        "answer": HOSTILE,
    }
    with writing(current.engine()) as connection:
        connection.execute(insert(AttemptRow).values(attempt))
    page = operator.get(f"/deliveries/{one}")
    for said in ("1,234 ms", "status 503", "answered 503", "POST hooks.example.com, 200 bytes", "waiting"):
        assert said in words(page)
    assert 'href="/events/1"' in page.text
    for harm in ("<script>alert", "\u202e", "\x1b"):
        assert harm not in page.text
    assert "It was cancelled." in words(post(operator, f"/deliveries/{one}", action="cancel"))
    assert "cancelled by olga" in words(operator.get(f"/deliveries/{one}"))
    assert "It will be tried again now." in words(post(operator, f"/deliveries/{one}", action="retry"))
    (chain,) = Queue(current.engine(), 1, "a worker").claim(1)
    assert [claimed.id for claimed in chain] == [one]
    assert "Too late" in words(post(operator, f"/deliveries/{one}", action="retry"))
    assert post(operator, f"/deliveries/{one}", action="x").status_code == 400
    for missing in ("9", str(2**63)):
        assert operator.get(f"/deliveries/{missing}").status_code == 404


@ON_BOTH
def test_an_event_says_where_it_went_and_is_sent_again(here, operator, there):
    sms(here, "hello", "AA-SI-1")
    assert "Deliveries" not in words(operator.get("/events/1"))
    target = hook(there)
    assert "It was not delivered anywhere." in words(operator.get("/events/1"))
    sent = post(operator, "/events/1/send", target=str(target.id))
    assert "It is on its way." in words(sent)
    (delivery,) = current.deliveries().find().deliveries
    assert delivery.replay_id
    page = operator.get("/events/1")
    assert f'href="/deliveries/{delivery.id}"' in page.text
    assert "shop waiting replay" in words(page)
    assert post(operator, "/events/99/send", target="shop").status_code == 404
    assert post(operator, "/events/1/send", target="nowhere").status_code == 404


@ON_BOTH
def test_a_fax_and_a_call_say_where_they_went(here, operator, there):
    hook(there)
    fax(here)
    for state in ("ringing", "ended"):
        arrive(here, "voice", session="S1", txn_ref="AA-C-1", call_state=state)
    Planner(current.engine()).plan()
    of_fax, *of_call = sorted(one.id for one in current.deliveries().find().deliveries)
    assert f'href="/deliveries/{of_fax}"' in operator.get("/faxes/1").text
    assert "Send again" in words(operator.get("/faxes/1"))
    page = operator.get("/calls/S1")
    assert [f'href="/deliveries/{one}"' in page.text for one in of_call] == [True, True]
    assert "event 3 to shop waiting" in words(page)


def test_what_is_quarantined_is_not_sent(here, operator, there):
    hook(there)
    sms(here, "hello", "AA-SI-1", to="+6599990000")
    with writing(current.engine()) as connection:
        connection.execute(EVENTS.update().values(quarantine="a reason"))
    assert "Send" not in words(operator.get("/events/1")).split("Original request")[0]
    assert post(operator, "/events/1/send", target="shop").status_code == 400
    assert current.deliveries().find().deliveries == []


@ON_BOTH
def test_a_replay_is_counted_confirmed_shown_and_stopped(here, operator, there):
    for number in range(3):
        sms(here, "stamp" if number else "other", f"AA-SI-{number}")
    target = hook(there)
    assert "No replays yet." in words(operator.get("/replays"))
    given = {"q": f"from:{SENDER} since:1h", "target": str(target.id)}
    asked = post(operator, "/replays", given)
    assert "Send 3 events to shop?" in words(asked)
    assert current.replays().find().replays == []
    counted = html.unescape(re.search(r'name="q" value="([^"]*)"', asked.text)[1])
    assert "since:20" in counted  # a time, which does not move
    started = post(operator, "/replays", given | {"q": counted, "sure": "yes"})
    assert "The replay has begun." in words(started)
    assert "data-moving" in started.text
    (replay,) = current.replays().find().replays
    assert (replay.search, replay.asked_by) == (str(Search.parse(counted)), "olga")
    current.replays().step()
    assert "0 of 3 delivered" in words(operator.get("/replays"))
    stopped = words(post(operator, f"/replays/{replay.id}/stop"))
    assert "stopped by olga" in stopped
    assert "3 cancelled" in stopped
    assert post(operator, "/replays/99/stop").status_code == 404
    assert post(operator, f"/replays/{2**63}/stop").status_code == 404


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"q": "kind:telegram", "target": "shop"}, "voice, fax, sms"),
        ({"q": "kind:fax", "target": "shop"}, "No events match."),
        ({"q": ""}, "Choose a target."),
    ],
)
def test_what_is_wrong_with_a_replay_is_said(here, operator, there, given, wrong):
    hook(there)
    answer = post(operator, "/replays", given)
    assert answer.status_code == 400
    assert wrong in words(answer)
    assert current.replays().find().replays == []


def test_who_may_only_read_sees_all_and_changes_nothing(here, app, there):
    hook(there)
    ids = planned(here)
    reader = signed_in(app, "rita", Scope.READ)
    pages = ("/targets", "/targets/shop", f"/deliveries/{ids[0]}", "/replays", "/events/1")
    for path in pages:
        text = reader.get(path).text
        main = text[text.index("<main") :]
        assert "<button" not in re.sub(r'<button [^>]*data-(copy|value)="[^>]*>', "", main)
        assert "/edit" not in main
    for path, given in (
        ("/targets/shop", {"action": "test"}),
        ("/targets/shop", {"action": "pause"}),
        ("/targets/shop", {"action": "retry", "id": "1"}),
        (f"/deliveries/{ids[0]}", {"action": "cancel"}),
        ("/events/1/send", {"target": "shop"}),
        ("/replays", {"q": "", "target": "shop", "sure": "yes"}),
        ("/replays/1/stop", {}),
    ):
        assert post(reader, path, given).status_code == 403, path
    assert there.got == []


def test_who_may_operate_does_not_say_where_things_go(here, operator, there):
    hook(there)
    assert operator.get("/targets/new/webhook").status_code == 403
    assert operator.get("/targets/shop/edit").status_code == 403
    assert "Secret" not in words(operator.get("/targets/shop?done=made"))
    for path, given in (
        ("/targets/new/webhook", {"name": "x", "option-url": there.url}),
        ("/targets/shop/edit", {"name": "x"}),
        *(("/targets/shop", {"action": action, "sure": "yes"}) for action in ("remove", "rotate", "secret")),
    ):
        assert post(operator, path, given).status_code == 403, path
    assert [target.name for target in current.targets().all()] == ["shop"]


def test_a_form_of_somebody_else_does_nothing(here, client, there):
    hook(there)
    for path in ("/targets/shop", "/targets/new/webhook", "/targets/shop/edit", "/replays", "/events/1/send"):
        assert client.post(path, data={"action": "pause", "name": "x"}).status_code == 400
    assert current.targets().get("shop").state is TargetState.ACTIVE


def test_who_masks_sees_no_numbers_no_texts_and_no_secrets(here, client, there):
    search = f'from:{SENDER} to:{NUMBER} "hush"'
    hook(there, search=search)
    current.targets().add("other", TargetSort.WEBHOOK, {"url": there.url}, by="tests")
    ids = planned(here, text="hush")
    with writing(current.engine()) as connection:
        said = {"request": "POST x", "answer": f"hush {SENDER}", "reason": f"no {SENDER} at mei@example.com"}
        attempt = said | {"delivered": False, "milliseconds": 1, "status": 500}
        began = current.deliveries().get(ids[0]).created_at
        connection.execute(insert(AttemptRow).values(delivery_id=ids[0], began_at=began, **attempt))
    current.replays().ask(current.targets().get("shop"), Search.parse(search), by="ada")
    post(client, "/mask", on="1")
    for path in ("/targets", "/targets/shop", f"/deliveries/{ids[0]}", "/replays", "/events/1"):
        page = client.get(path)
        assert page.status_code == 200
        for secret in ("hush", SENDER, SENDER[1:], NUMBER, "mei@", quote(SENDER)):
            assert secret not in page.text, (path, secret)
    secret = current.targets().get("shop").settings["secret"]
    assert secret not in post(client, "/targets/shop", action="secret").text
    assert client.get("/targets/shop/edit").status_code == 403


def test_what_code_makes_has_no_form(here, client, there):
    set_target(hook(there, "billing"), sort="handler", settings=HANDLER)
    page = client.get("/targets/billing")
    assert "/edit" not in page.text
    assert "Pause" in words(page)
    assert client.get("/targets/billing/edit").status_code == 404
    assert post(client, "/targets/billing/edit", name="mine").status_code == 404
    assert client.get("/targets/new/handler").status_code == 404
    assert "Handler" not in words(client.get("/targets/new/webhook"))


def test_a_name_that_looks_like_a_page_is_a_name(here, client, there):
    for name in ("new", "a.b+c@d", "Läden 24"):
        hook(there, name)
        assert name in words(client.get(f"/targets/{quote(name)}"))
    assert client.get("/targets/new/pigeon").status_code == 404
    assert client.get("/targets/none").status_code == 404
    assert post(client, "/targets/new", action="x").status_code == 400
