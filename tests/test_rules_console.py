"""What is seen of the rules: the time line of a call that they answered, the way it took, and the rules."""

import re
from types import SimpleNamespace

import pytest
from answered import EXAMPLES, service
from axe_playwright_python.sync_playwright import Axe
from conftest import API_TOKEN, make_config, started
from console_demo import ARGUMENTS, CHROMIUM
from databases import new_file
from playwright.sync_api import expect, sync_playwright
from test_console import PASSWORD, form_token, signed_in

from receiver.access.record import ACTIONS, About, every
from receiver.access.scopes import Scope
from receiver.answering.switches import switched_on
from receiver.archive.archivist import Archivist
from receiver.simulator.twilio.server import SimulatorServer

CALLER = "+6591234567"
CLOSED = "</title><script>alert('x')</script> \\u202Ewe are closed"
"""Said after hours; the escape is TOML's."""
MARK, SWITCH = "</title><script>", '<b>on "holiday"'


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The shop of the examples with hostile words, and two calls: nobody picked up, and it was closed. Then
    two SMS."""
    path = tmp_path_factory.mktemp("shop")
    with SimulatorServer() as twilio:
        number = twilio.buy()
        rules = (EXAMPLES / "shop.toml").read_text(encoding="utf-8").replace("+6561234567", number)
        rules = rules.replace("Lim's Flowers is closed now.", CLOSED)
        rules = rules.replace('"on holiday"', "'" + SWITCH + "'")
        database = new_file(path / "receiver.db")
        with service(twilio, path, database, rules, secret_key="a secret for tests") as running:
            running.take(number)
            running.parts.rules.refresh()
            running.at("2026-11-26 10:00")
            unanswered = twilio.control.call(CALLER, number, dial=["busy", "no-answer"])["sid"]
            running.at("2026-11-26 22:00")
            closed = twilio.control.call(CALLER, number)["sid"]
            for text in ("Are you open?", "Hello?"):
                twilio.control.sms(CALLER, number, text)
            assert running.parts.answering.flush(10)
            yield SimpleNamespace(running=running, number=number, unanswered=unanswered, closed=closed)


@pytest.fixture(scope="module")
def operator(shop):
    return signed_in(shop.running.app, "olga", Scope.OPERATE)


def words(answer) -> str:
    assert answer.status_code == 200, answer.text
    text = re.sub(r"<[^>]*>", " ", answer.text)
    return " ".join(text.replace("&#34;", '"').replace("&lt;", "<").replace("&gt;", ">").split())


def test_the_time_line_says_what_was_decided_and_why(shop, operator):
    said = words(operator.get(f"/calls/{shop.unanswered}"))
    told = [
        f"Rule 2 applies: “shop” is open. Rule 1 does not: the switch “{SWITCH}” is off.",
        "counter 1 say",
        "+6591110001 was busy.",
        "+6591110002 did not answer.",
        "The flow goes on to voicemail.",
        "voicemail 1 record up to 120 s",
        "The recording is over.",
        "→ hang up",
    ]
    places = [said.index(one) for one in told]
    assert places == sorted(places)


def test_who_answered_is_said_of_a_call(shop, operator):
    """Rules that only speak are nobody."""
    shop.running.at("2026-11-26 10:00")
    rules, twilio = shop.running.parts.rules, shop.running.twilio
    reached = twilio.control.call(CALLER, shop.number, dial=["answered"])["sid"]
    rules.switches = frozenset([SWITCH])
    heard = twilio.control.call(CALLER, shop.number)["sid"]
    rules.switches = frozenset()
    assert shop.running.parts.answering.flush(10)
    assert "Somebody answered." in words(operator.get(f"/calls/{reached}"))
    said = words(operator.get(f"/calls/{heard}"))
    assert "Nobody answered. The caller heard what your rules say." in said
    assert "Played to the end." in said


def test_commands_and_api_say_it_too(shop, operator):
    app = shop.running.app
    shown = app.test_cli_runner().invoke(args=["calls", "show", shop.unanswered]).output
    assert "│   +6591110001 was busy.\n" in shown
    assert "│   → voicemail 2: say " in shown
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    address = f"/api/v1/calls/{shop.unanswered}"
    whole = app.test_client().get(address, headers=headers)
    first = whole.json["decisions"][0]
    assert (first["flow"], first["step"], first["event_id"]) == ("counter", 1, whole.json["events"][0]["id"])
    assert (first["why"][0]["cause"], first["why"][0]["rule"]) == ("rule", 2)
    masked = app.test_client().get(f"{address}?mask=true", headers=headers)
    assert [one["why"][0]["cause"] for one in masked.json["decisions"]][:3] == ["rule", "done", "busy"]
    assert "1110001" in whole.text
    assert not [hidden for hidden in ("1110001", "leave a message", "shop") if hidden in masked.text]


def test_it_is_seen_what_an_sms_was_answered_and_why_not(shop, operator):
    """On its page, in its conversation, by commands and API; masked without a word of it."""
    app, headers = shop.running.app, {"Authorization": f"Bearer {API_TOKEN}"}
    asked = app.test_client().get("/api/v1/events?kind=sms", headers=headers).json["events"]
    second, first = (event["id"] for event in asked)
    replied, before = 'reply "Thank you! We read this', "Replied within the period already."
    for there in (
        words(operator.get(f"/events/{first}")),
        app.test_cli_runner().invoke(args=["events", "show", str(first)]).output,
        app.test_client().get(f"/api/v1/events/{first}", headers=headers).json["decisions"][0]["does"],
    ):
        assert replied in there
        assert before not in there
    assert before in words(operator.get(f"/events/{second}"))
    conversation = f"/conversations/{shop.number}/{CALLER}"
    api = app.test_client().get(f"/api/v1{conversation}", headers=headers).json["messages"]
    assert [one["decisions"][0]["event_id"] for one in api] == [second, first]
    shown = app.test_cli_runner().invoke(args=["conversations", "show", shop.number, CALLER]).output
    in_one_line = " ".join(shown.replace("│", "").split())
    for there in (words(operator.get(conversation)), in_one_line):
        assert there.index(replied) < there.index(before)
    masked = app.test_client().get(f"/api/v1/events/{first}?mask=true", headers=headers).text
    assert "Thank you" not in masked


def test_the_way_a_call_took_is_marked(shop, operator):
    for session, taken, passed_by in (
        (shop.unanswered, ["open: shop → counter", "go → voicemail"], "always"),
        (shop.closed, ["always → after hours", "go → voicemail"], "open: shop"),
    ):
        page = operator.get(f"/calls/{session}").text
        way = re.findall(r'<text [^>]*class="way"[^>]*>([^<]*)', page)
        assert [row for row in way if "→" in row] == taken
        assert not [row for row in way if row.startswith(passed_by)]


def test_it_is_drawn_by_the_version_with_which_it_began(shop, operator):
    rules = shop.running.rules
    before = rules.read_text(encoding="utf-8")
    rules.write_text(before.replace("[flows]", "[flows]\nnew = ['hang up']", 1), encoding="utf-8")
    try:
        again = words(operator.get(f"/calls/{shop.closed}"))
        assert "The rules with which it began are not kept any more." not in again
        assert "always → after hours" in again
    finally:
        rules.write_text(before, encoding="utf-8")


def test_hostile_words_in_rules_do_nothing(shop, operator):
    for path in ("/rules", f"/calls/{shop.closed}"):
        page = operator.get(path).text
        assert MARK not in page, path
        assert "\u202e" not in page, path
        assert "&lt;/title&gt;&lt;script&gt;" in page, path


def test_whoever_masks_sees_no_numbers_and_no_texts(shop):
    client = signed_in(shop.running.app, "mia", Scope.READ)
    client.post("/mask", data={"form_token": form_token(client), "on": "1"})
    for path in ("/rules", f"/calls/{shop.closed}"):
        page = client.get(path).text
        for hidden in (shop.number, CALLER, "+6591110001", "we are closed", "Thank you. Good bye."):
            assert hidden not in page, (path, hidden)
    assert "<svg" in page  # signs, that is
    assert 'class="flow"' not in page


def test_switches_are_turned_by_those_who_may(shop, operator):
    engine = shop.running.parts.engine
    token = form_token(operator)
    for state in ("on", "off"):
        given = {"form_token": token, "name": SWITCH, "state": state}
        assert operator.post("/rules/switches", data=given | {"form_token": "0" * 64}).status_code == 400
        assert operator.post("/rules/switches", data=given).status_code == 303
        assert (SWITCH in switched_on(engine)) is (state == "on")
        assert f"is {state}" not in words(operator.get("/rules"))
    for wrong in ({"name": "no such", "state": "on"}, {"name": SWITCH, "state": "perhaps"}):
        assert operator.post("/rules/switches", data={"form_token": token} | wrong).status_code == 400
    done = [(one.action, one.who, one.whom) for one in every(engine, ACTIONS[About.RULES])]
    assert done == [("switch-off", "olga", SWITCH), ("switch-on", "olga", SWITCH)]
    admin = signed_in(shop.running.app, "ada", Scope.ADMIN)
    assert f"switch off {SWITCH} olga" in words(admin.get("/record?about=rules"))
    reader = signed_in(shop.running.app, "rita", Scope.READ)
    assert "/rules/switches" in reader.get("/rules").text
    assert "Turn on" not in reader.get("/rules").text
    given = {"form_token": form_token(reader), "name": SWITCH, "state": "on"}
    assert reader.post("/rules/switches", data=given).status_code == 403
    assert switched_on(engine) == {}


def test_a_bad_file_is_told_with_line_and_column(shop, operator):
    running = shop.running
    before = running.rules.read_text(encoding="utf-8")
    running.rules.write_text(before.replace("{ dial", "{ dail", 1), encoding="utf-8")
    running.parts.rules._looked_at = float("-inf")  # a second has passed
    try:
        said = words(operator.get("/rules"))
        assert re.search(r"Line \d+, column \d+ there is no step 'dail'", said.replace("&#39;", "'"))
        assert "The previous rules stay in force." in said
        running.parts.rules.refresh()
        overview = operator.get("/").text
        assert "The rules file rules.toml cannot be used: line" in overview
        assert '<a href="/rules">Look and decide</a>' in overview
    finally:
        running.rules.write_text(before, encoding="utf-8")
        running.parts.rules._looked_at = float("-inf")
        running.parts.rules.refresh()
    assert "cannot be used" not in operator.get("/").text


def test_a_voicemail_reads_so_and_is_heard_on_the_page(shop, operator):
    parts = shop.running.parts
    Archivist.of(parts.config, parts.engine).step()
    assert words(operator.get("/calls")).count("voicemail") >= 2
    page = operator.get(f"/calls/{shop.unanswered}").text
    assert "Nobody answered. The caller left a message." in page
    source = re.search(r'<audio controls preload="none" src="([^"]+)"', page)[1]
    assert operator.get(source).mimetype.startswith("audio/")
    assert f'<a href="{source}">Download</a>' in page


def test_without_rules_there_is_no_page_of_them(tmp_path):
    database = new_file(tmp_path / "receiver.db")
    for app in started(
        make_config(database, tmp_path, secret_key="a secret", public_url="http://127.0.0.1/")
    ):
        client = signed_in(app, "olga", Scope.READ)
        assert 'href="/rules"' not in client.get("/").text
        assert client.get("/rules").status_code == 404


@pytest.mark.browser
@pytest.mark.slow
def test_the_pages_are_for_everybody(shop, operator):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS])
        context = browser.new_context(base_url=shop.running.url)
        page = context.new_page()
        complaints = []
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto("/login?next=/rules")
        page.get_by_label("Name").fill("olga")
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Turn on").click()
        expect(page.get_by_role("button", name="Turn off")).to_be_visible()
        for width, scheme in ((390, "dark"), (1280, "light")):
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme=scheme)
            for path in ("/rules", f"/calls/{shop.unanswered}", f"/conversations/{shop.number}/{CALLER}"):
                page.goto(path)
                assert page.evaluate("document.documentElement.scrollWidth") <= width, path
                for drawing in page.locator(".drawing").all()[:1]:
                    assert drawing.evaluate("box => box.scrollWidth <= box.clientWidth"), path
                found = Axe().run(page).response["violations"]
                assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == [], path
        page.goto("/rules")
        page.get_by_role("button", name="Turn off").click()
        expect(page.get_by_role("button", name="Turn on")).to_be_visible()
        assert complaints == []
        browser.close()
