"""The console in Debian's Chromium, against the real server, with real signed callbacks coming in."""

import contextlib
import os
import re
import sqlite3
import time
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from console_demo import ADMIN, ARGUMENTS, CALLER, CHROMIUM, HOSTILE, PASSWORD, PATIENT, USER, Demo
from databases import new_file
from playwright.sync_api import Page, expect, sync_playwright
from receiving import Receiving
from sqlalchemy import make_url
from test_recorder import until
from test_serve import Service

from receiver.access.scopes import Scope
from receiver.access.users import Users
from receiver.db.engine import connect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CLIPBOARD = ["clipboard-read", "clipboard-write"]
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def chromium():
    if not Path(CHROMIUM).exists():
        reason = f"no Chromium at {CHROMIUM}: install it, or say where it is by CHROMIUM"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    expect.set_options(timeout=20_000)  # a machine may have other things to do
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def demo(chromium, tmp_path_factory):
    demo = Demo(tmp_path_factory.mktemp("console"), history_hours=3)
    demo.service.flask("contacts", "add", PATIENT, "Jürgen <Patient>, of the practice by the harbour")
    demo.service.flask("calls", "handled", "S20481", "--note", "rang back, comes on Friday")
    demo.provider.control.fax(CALLER, demo.fax)
    demo.provider.control.sms(CALLER, demo.voice, HOSTILE)
    demo.hostile, demo.fax_event = (event["id"] for event in demo.service.events()[:2])
    yield demo
    demo.close()


@pytest.fixture(scope="module")
def cookies(chromium, demo):
    """One sign-in for all tests but that of signing in."""
    context = chromium.new_context(base_url=demo.url)
    page = context.new_page()
    page.goto("/login")
    fill_in(page)
    page.wait_for_url(f"{demo.url}/")
    kept = context.cookies()
    context.close()
    return kept


@pytest.fixture
def open_page(chromium, demo, cookies):
    """A page of a browser that is signed in, mostly. What Chromium complains of fails the test."""
    contexts, complaints = [], []

    def open_(path: str, size=DESK, *, signed_in=True, **given):
        context = chromium.new_context(
            viewport=size, base_url=demo.url, timezone_id="Asia/Singapore", **given
        )
        contexts.append(context)
        context.add_cookies(cookies if signed_in else [])
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
        page.goto(path)
        return page

    yield open_
    for context in contexts:
        context.close()
    expected = re.compile("status of 4|ERR_INTERNET_DISCONNECTED")
    assert [said for said in complaints if not expected.search(said)] == []


def fill_in(page, password: str = PASSWORD, name: str = USER) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")


def violations(page: Page, *themes: str) -> list[tuple[str, str]]:
    """What an accessibility check finds: everything in the first theme, in others what colours decide."""
    first, *others = themes or ("light", "dark")
    page.emulate_media(color_scheme=first)
    found = Axe().run(page).response["violations"]
    for theme in others:
        page.emulate_media(color_scheme=theme)
        found += page.evaluate("axe.run({runOnly: ['color-contrast']}).then(results => results.violations)")
    return [(one["id"], one["nodes"][0]["html"][:200]) for one in found]


def pages(demo: Demo) -> list[str]:
    return [
        *("/", "/events", "/events?q=kind:fax", "/events?q=kind:telegram", "/events?q=invoice"),
        *(f"/events/{demo.hostile}", f"/faxes/{demo.fax_event}"),
        *("/calls", "/calls/S20481", "/conversations", f"/conversations/{demo.voice}/{CALLER}"),
        *("/faxes", "/faxes?q=kind:sms", "/numbers", f"/numbers/{demo.voice}", "/quarantine"),
        *("/account", "/events/99999", "/targets", "/replays", "/docs/api", "/search/help"),
        *("/contacts", "/contacts/1", "/calls?q=is:open", "/conversations?q=is:open"),
    ]


def test_one_signs_in_is_led_on_and_signs_out(chromium, demo):
    context = chromium.new_context(base_url=demo.url)
    page = context.new_page()
    page.goto("/calls?q=state:missed")
    expect(page).to_have_title(re.compile("Sign in"))
    fill_in(page, "not the password")
    expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong.")
    fill_in(page)
    # Not the address alone: that of the page that signs in ends in the same.
    expect(page).to_have_title(re.compile("Calls"))
    assert page.url.endswith("/calls?q=state:missed")
    page.goto("/account")
    page.get_by_role("button", name="Sign out").click()
    page.goto("/events")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    context.close()


def test_pages_whose_session_has_ended_elsewhere_lead_to_the_sign_in(chromium, demo):
    context = chromium.new_context(base_url=demo.url)
    account, *live = (context.new_page() for _ in range(3))
    account.goto("/account")
    fill_in(account)
    expect(account).to_have_title(re.compile("Account"))
    for page, path in zip(live, ("/", "/events?q=kind:sms"), strict=True):
        page.goto(path)
        expect(page.locator("#live")).to_have_attribute("data-state", "on")
    account.get_by_role("button", name="Sign out").click()
    expect(account).to_have_title(re.compile("Sign in"))
    demo.provider.control.sms(CALLER, demo.voice, "not for who has left")
    for page in live:
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    context.close()


def test_over_http_a_browser_is_told_why_it_cannot_sign_in(chromium, tmp_path):
    service = Service(
        new_file(tmp_path / "receiver.db"),
        tmp_path,
        SECRET_KEY="a secret for the console",
        PUBLIC_URL="https://receiver.example.com",
    )
    engine = connect(service.env["DATABASE_URL"])
    Users(engine).add(USER, PASSWORD, Scope.READ, by="tests")
    engine.dispose()
    service.start()
    browser = chromium.browser_type.launch(
        executable_path=CHROMIUM, args=[*ARGUMENTS, "--host-resolver-rules=MAP console.example.com 127.0.0.1"]
    )
    page = browser.new_page()
    page.goto(f"http://console.example.com:{service.port}/login")
    fill_in(page)
    expect(page.get_by_text("This page came over http")).to_be_visible()
    page.goto(f"{service.url}/login")
    fill_in(page)
    page.wait_for_url(f"{service.url}/")
    browser.close()
    service.stop()


def test_a_search_is_typed_and_its_mistakes_are_said(open_page):
    page = open_page("/")
    page.keyboard.press("/")
    page.keyboard.type('from:+6591234567 "page four"')
    page.keyboard.press("Enter")
    page.wait_for_url("**/events?q=*")
    expect(page.locator("#rows tr")).to_have_count(1)
    expect(page.locator("#rows")).to_contain_text("page four")
    page.get_by_role("link", name="Calls", exact=True).last.click()
    expect(page.get_by_text("No events match.")).to_be_visible()
    page.locator("#q").fill("kind:telegram sate:missed")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").get_by_role("listitem")).to_have_count(2)
    expect(page.get_by_role("alert")).to_contain_text("voice, fax, sms")
    expect(page.locator("#q")).to_have_attribute("aria-invalid", "true")


def test_a_search_is_suggested_explained_built_and_saved(open_page, demo):
    page = open_page("/calls", PHONE)
    field, options = page.locator("#q"), page.locator("#q-words [role=option]")
    page.keyboard.press("/")
    page.keyboard.type("out")
    expect(options).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Tab")
    expect(field).to_have_value("outcome:")
    expect(options).to_have_count(8)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert violations(page) == []
    page.keyboard.type("voi")
    expect(options).to_have_text(["outcome:voicemail"])
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(field).to_have_value("outcome:voicemail ")
    page.keyboard.type("to:")
    expect(options.filter(has_text=demo.voice)).to_have_count(1)
    page.keyboard.press("Escape")
    expect(options).to_have_count(0)
    expect(field).to_be_focused()
    field.fill("outcome:voicemail")
    page.keyboard.press("Enter")
    page.wait_for_url("**/calls?q=outcome*")
    page.keyboard.press("Escape")
    help_link = page.locator("header").get_by_role("link", name="Help")
    for opening in ("?", "Enter"):
        help_link.focus()
        page.keyboard.press(opening)
        dialog = page.get_by_role("dialog", name="Searching")
        expect(dialog).to_be_visible()
        assert violations(page) == []
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        expect(help_link).to_be_focused()
    page.get_by_text("Save this search").click()
    page.get_by_label("Name").fill("Messages")
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto("/calls")
    page.get_by_role("navigation", name="Saved searches").get_by_role("link", name="Messages").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_text("Build a search").click()
    expect(page.get_by_label("Outcome")).to_have_value("voicemail")
    page.get_by_label("Until the end of").fill("2020-01-31")
    assert violations(page) == []
    page.locator(".build").get_by_role("button", name="Search").click()
    expect(page.locator("#q")).to_have_value("outcome:voicemail until:2020-02-01")
    expect(page.get_by_text("No calls match.")).to_be_visible()
    page.get_by_text("Save this search").click()
    page.get_by_role("button", name="Delete Messages").click()
    expect(page.get_by_role("status").first).to_have_text("The saved search was deleted.")


def test_an_event_is_on_the_page_at_once(open_page, demo):
    page = open_page("/events?q=kind:sms")
    expect(page.locator("#live")).to_have_attribute("data-state", "on")
    asked = []
    page.on("request", lambda request: asked.append(request) if request.resource_type == "fetch" else None)
    page.evaluate(
        """() => { window.seen = new Promise((seen) => new MutationObserver((changes) => {
            const first = document.querySelector("#rows tr").textContent;
            if (first.includes("live from")) seen(performance.timeOrigin + performance.now());
        }).observe(document.getElementById("rows"), { childList: true })) }"""
    )
    sent = demo.provider.control.sms(CALLER, demo.voice, "live from the test")
    assert sent["notified"]
    answered = time.time() * 1000
    seen = page.evaluate("window.seen")
    assert seen - answered < 10_000  # 300 ms on a machine that does nothing else; the bench holds it to that
    expect(page.locator("#tail-news")).to_have_text("1 new event")
    demo.provider.control.fax(CALLER, demo.fax)
    demo.provider.control.sms(CALLER, demo.voice, "another one")
    expect(page.locator("#rows tr").first).to_contain_text("another one")
    expect(page.locator("#rows tr").nth(1)).to_contain_text("live from the test")
    assert {request.headers.get("x-unattended") for request in asked} == {"1"}


def test_a_list_draws_itself_anew_under_the_keyboard(open_page, demo):
    page = open_page("/faxes")
    expect(page.locator("#live")).to_have_attribute("data-state", "on")
    page.keyboard.press("j")
    held = page.evaluate("document.activeElement.getAttribute('href')")
    demo.provider.control.fax(CALLER, demo.fax)
    expect(page.locator("#list tr.fresh")).to_have_count(1)
    expect(page.locator("#list tr.fresh + tr a.open")).to_be_focused()
    assert page.evaluate("document.activeElement.getAttribute('href')") == held
    page.locator("#list tr.fresh .num").last.click()
    page.wait_for_url("**/faxes/*")


@pytest.mark.parametrize(("path", "rows"), [("/events", "#rows tr"), ("/conversations", "#list tbody tr")])
def test_a_page_goes_on_after_the_connection_broke(open_page, demo, path, rows):
    page = open_page(path)
    expect(page.locator("#live")).to_have_attribute("data-state", "on")
    page.context.set_offline(True)
    with page.expect_event("requestfailed"):  # for what the stream still told
        demo.provider.control.sms(CALLER, demo.voice, f"while it was away from {path}")
    page.context.set_offline(False)
    expect(page.locator(rows).first).to_contain_text(f"while it was away from {path}", timeout=15_000)
    expect(page.locator("#live")).to_have_attribute("data-state", "on")


def test_a_call_is_drawn(open_page):
    page = open_page("/calls")
    page.locator("tbody tr", has_text="4417#").locator("a.open").click()
    steps = page.locator(".line strong")
    expect(steps).to_have_text(
        ["Ringing", "Menu", "Menu", "Transfer", "Recorded", "Ended", "Recording of the call"]
    )
    expect(page.locator(".line .at").nth(3)).to_have_text("0:52")
    expect(page.locator(".outcome")).to_have_text("Nobody answered. The caller left a message.")
    expect(page.get_by_text("(leaves this site)")).to_have_count(2)


def test_a_row_opens_by_a_click_anywhere(open_page):
    page = open_page("/calls", permissions=CLIPBOARD)
    row = page.locator("tbody tr", has_text="4417#")
    with page.context.expect_page() as opened:
        row.locator(".tag").first.click(button="middle")
    expect(opened.value).to_have_url(re.compile("/calls/S20481$"))
    row.locator(".num").last.click()
    page.wait_for_url("**/calls/S20481")
    page.get_by_role("button", name="Copy +6582345678").click()
    assert page.evaluate("navigator.clipboard.readText()") == "+6582345678"
    expect(page.locator("#copied")).to_have_text("Copied")
    page.locator(".facts").get_by_role("link", name="+6582345678").click()
    page.wait_for_url("**/calls?q=number:*")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/calls/S*")


def test_the_quarantine_desk_releases_and_drops(open_page, demo):
    for text in ("forged 1", "forged 2", "forged 3"):
        demo.provider.control.sms(CALLER, demo.voice, text, wrong_signature=True)
    page = open_page("/quarantine")
    page.get_by_label("All on this page").check()
    expect(page.locator("#chosen")).to_contain_text("selected")
    page.get_by_label("All on this page").uncheck()
    page.locator("tr", has_text="forged 1").get_by_role("checkbox").check()
    page.get_by_role("button", name="Release…").click()
    assert violations(page) == []
    page.get_by_role("button", name="Release", exact=True).click()
    expect(page.get_by_role("status").first).to_have_text("Released 1 event.")
    page.get_by_role("link", name="signature invalid").click()
    expect(page.locator("tbody")).to_contain_text("forged 3")
    page.locator("tr", has_text="forged 2").get_by_role("checkbox").check()
    page.get_by_role("button", name="Drop…").click()
    page.get_by_role("button", name="Drop for good").click()
    expect(page.get_by_role("status").first).to_have_text("Dropped 1 event for good.")
    expect(page.locator("tbody")).not_to_contain_text("forged 2")
    expect(page.locator("tbody")).to_contain_text("forged 3")


def test_what_the_database_refused_is_tried_again_and_dropped(open_page, demo):
    page = open_page("/")
    places = page.get_by_role("navigation", name="Pages")
    expect(places.get_by_role("link", name="Set aside")).to_have_count(0)
    with contextlib.closing(sqlite3.connect(make_url(demo.database_url).database)) as database:
        refused = "WHEN NEW.text LIKE 'refuse me %' BEGIN SELECT RAISE(ABORT, 'refused by the test'); END"
        database.execute(f"CREATE TRIGGER ck BEFORE INSERT ON events {refused}")
        for number in (1, 2):
            demo.provider.control.sms(CALLER, demo.voice, f"refuse me {number} {HOSTILE}")
        until(lambda: "set aside 2" in demo.service.flask("spool", "status").stdout)
        database.execute("DROP TRIGGER ck")
    page.goto("/spool")
    one = page.locator("tbody a.open").last.get_attribute("href")
    for size in (PHONE, DESK):
        page.set_viewport_size(size)
        for path in ("/", "/spool", one):
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
            assert violations(page) == [], path
    page.goto("/")
    page.get_by_role("link", name="Look and decide").click()
    page.locator("tbody a.open").last.click()
    expect(page.locator("main")).to_contain_text("refused by the test")
    page.get_by_role("button", name="Drop…").click()
    page.get_by_role("button", name="Drop for good").click()
    expect(page.get_by_role("status").first).to_have_text("Dropped 1 callback for good.")
    page.get_by_label("All on this page").check()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("status").first).to_contain_text("1 callback waits for the database again.")
    until(lambda: "refuse me 2" in str(demo.service.events()[:1]))
    page.goto("/")
    expect(places.get_by_role("link", name="Set aside")).to_have_count(0)


def test_a_target_is_made_tried_fails_and_gets_a_replay(open_page, demo):
    page = open_page("/login?next=/targets", signed_in=False, permissions=CLIPBOARD)
    fill_in(page, name=ADMIN)
    page.get_by_role("link", name="New target").click()
    page.get_by_label("Name").fill("Shop")
    page.get_by_label("URL").fill("http://10.0.0.1/hook")
    page.get_by_role("button", name="Create target").click()
    expect(page.get_by_role("alert")).to_contain_text("not https")
    with Receiving() as there:
        page.get_by_label("URL").fill(there.url)
        page.get_by_label("Search", exact=True).fill("kind:sms")
        page.get_by_role("button", name="Create target").click()
        page.get_by_role("button", name="Copy").click()
        expect(page.locator("#copied")).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()").startswith("whsec_")
        page.get_by_role("button", name="Test").click()
        expect(page.get_by_role("status").first).to_have_text("It arrived.")
        page.goto("/targets/Shop")
        demo.provider.control.sms(CALLER, demo.voice, "for the shop")
        there.wait_for(2)
        until(lambda: page.reload() and page.locator("tbody").get_by_text("delivered").count() == 1)
        there.answer = lambda _: (503, {}, HOSTILE.encode())
        for number in range(6):
            demo.provider.control.sms(CALLER, demo.voice, f"for the shop {number}")
        until(lambda: page.reload() and page.locator(".head").get_by_text("failing").count() == 1)
        expect(page.locator(".head").first).to_contain_text("answered 503")
        delivery = page.locator("tbody a.open").last.get_attribute("href")
        of_target = ("/targets/Shop", "/targets/Shop/edit", "/targets/new/webhook", delivery)
        for size in (PHONE, DESK):
            page.set_viewport_size(size)
            for path in of_target:
                page.goto(path)
                assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
                assert violations(page) == [], path
        there.answer = lambda _: (204, {}, b"")
        page.goto("/targets/Shop")
        page.get_by_role("button", name="Try now").click()
        page.goto("/replays")
        page.get_by_label("Search", exact=True).fill(f"from:{CALLER} kind:sms")
        page.get_by_role("button", name="Count…").click()
        page.get_by_role("button", name="Send", exact=True).click()
        # Without a reload.
        expect(page.locator("tbody tr").first.locator(".tag")).to_have_text("done", timeout=20_000)
    page.goto("/targets/Shop")
    page.get_by_role("button", name="Remove…").click()
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_role("status").first).to_contain_text("The target was removed")


def test_an_admin_adds_somebody_makes_a_token_and_sees_it_on_record(open_page):
    page = open_page("/login?next=/people", signed_in=False, permissions=CLIPBOARD)
    fill_in(page, name=ADMIN)
    page.get_by_label("Name").fill("bo")
    page.get_by_role("button", name="Add").click()
    page.get_by_role("button", name="Copy the password").click()
    expect(page.locator("#copied")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#password").text_content()
    page.goto("/tokens")
    page.get_by_label("Name").fill("grafana")
    page.get_by_role("button", name="Create token").click()
    page.get_by_role("button", name="Copy the token").click()
    expect(page.locator("#copied")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith("rcv_")
    for theme, size in (("light", DESK), ("dark", PHONE)):
        page.set_viewport_size(size)
        for path in ("/people", f"/people/{ADMIN}", "/people/bo", "/tokens", "/record", "/account"):
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
            assert violations(page, theme) == [], path
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Record").click()
    expect(page.locator("tbody tr").first).to_contain_text("grafana")


def test_no_page_is_wider_than_a_phone(open_page, demo):
    page = open_page("/", PHONE)
    for path in pages(demo):
        page.goto(path)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE["width"], path


def test_the_pages_are_dark_where_the_system_is_or_the_person_wants(open_page):
    ground = "getComputedStyle(document.body).backgroundColor"
    dark, light = "rgb(15, 18, 24)", "rgb(245, 246, 248)"
    assert open_page("/", color_scheme="dark").evaluate(ground) == dark
    page = open_page("/account", color_scheme="light")
    assert page.evaluate(ground) == light
    page.get_by_role("button", name="Dark").click()
    page.goto("/events")
    assert page.evaluate(ground) == dark


def test_everything_is_reached_by_keys(open_page):
    page = open_page("/events")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    for key in "jjk":
        page.keyboard.press(key)
    first = page.locator("#rows tr").first
    expect(first).to_have_class(re.compile("here"))
    name = first.locator("a.open").get_attribute("aria-label")
    page.keyboard.press("Enter")
    expect(page).to_have_title(re.compile(name.lower()))


def test_the_command_that_repeats_a_request_is_copied(open_page):
    page = open_page("/events?q=invoice", permissions=CLIPBOARD)
    page.locator("#rows a").first.click()
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.locator("#copied")).to_have_text("Copied")
    assert "curl -X POST" in page.evaluate("navigator.clipboard.readText()")


def test_it_reads_without_javascript(open_page, demo):
    page = open_page("/", java_script_enabled=False)
    for path in pages(demo):
        page.goto(path)
        expect(page.locator("h1")).to_have_count(1)
    page.goto("/events?q=invoice")
    page.locator("#rows a").first.click()
    expect(page.get_by_text("As a curl command")).to_be_visible()


def test_times_are_those_of_the_person(open_page):
    page = open_page("/events")
    page.reload()
    expect(page.locator("footer")).to_contain_text("Asia/Singapore (UTC+08:00)")


def test_an_accessibility_check_finds_nothing(open_page, demo):
    page = open_page("/login", signed_in=False)
    assert violations(page) == []
    page = open_page("/")
    for path in pages(demo):
        page.goto(path)
        assert violations(page) == [], path


def test_what_needs_attention_stands_on_the_overview(open_page, demo):
    demo.point_elsewhere()
    page = open_page("/", size=PHONE)
    needs = page.get_by_role("region", name="Needs attention")
    expect(needs.get_by_role("listitem")).to_contain_text("goes to fax.example.com now")
    expect(needs.locator("code")).to_contain_text("receiver setup")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert violations(page) == []


def test_only_one_chart_is_drawn_at_any_width(open_page):
    page = open_page("/")
    for width in (320, 703, 704, 705, 960, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        expect(page.locator("svg.chart:visible")).to_have_count(1)
