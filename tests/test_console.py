"""The console, without a browser: who gets in, what every page forbids, and hostile words on every page."""

import html
import json
import re
import subprocess
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import islice
from pathlib import Path
from urllib.parse import quote, unquote_plus, urlencode

import pytest
from conftest import KEY, ON_BOTH, make_config, on_sqlite, signed, started
from documents import MP3, give, pdf, serving

from receiver.access import users
from receiver.access.scopes import Scope
from receiver.app import create_app
from receiver.archive.archivist import Archivist
from receiver.db.schema import upgrade
from receiver.numbers import findings
from receiver.numbers.findings import Finding, Severity
from receiver.search.index import LogIndex
from receiver.simulator.hoiio.server import SimulatorServer

database_url = on_sqlite

PASSWORD = "correct horse battery"
SENDER, NUMBER = "+6591234567", "+6511111111"


@pytest.fixture
def config(database_url, tmp_path):
    return make_config(
        database_url, tmp_path, secret_key="a-secret-for-tests", public_url="http://127.0.0.1/"
    )


@pytest.fixture
def anonymous(app):
    return app.test_client()


@pytest.fixture
def client(app):
    return signed_in(app, "olga", Scope.OPERATE)


def signed_in(app, name: str, role: Scope):
    users.Users(app.extensions["receiver"].engine).add(name, PASSWORD, role, by="tests")
    client = app.test_client()
    given = {"form_token": form_token(client, "/login"), "name": name, "password": PASSWORD}
    assert client.post("/login", data=given).status_code == 303
    return client


def form_token(client, path: str = "/account") -> str:
    return re.search(r'name="form_token" value="(\w+)"', client.get(path).text)[1]


def arrive(app, kind: str, headers: dict[str, str] | None = None, **fields: str) -> None:
    body = urlencode(
        {"from": SENDER, "to": NUMBER} | {name.rstrip("_"): fields[name] for name in fields}
    ).encode()
    answer = app.test_client().post(
        f"/callbacks/{KEY}/{kind}", data=body, headers=signed(body) | (headers or {})
    )
    assert answer.status_code == 200


def sms(app, text: str, ref: str = "AA-SI-1", **more: str) -> None:
    arrive(
        app, "sms", txn_ref=ref, msg=text, date="2026-03-01 10:00:00", currency="SGD", debit="0.013", **more
    )


def fax(app, **fields: str) -> None:
    arrive(app, "fax", **{"txn_ref": "AA-F-1", "date": "2026-03-01 10:00:00", "duration": "1"} | fields)


def a_call(app, **more: str) -> None:
    base = {"session": "S1", "txn_ref": "AA-C-1"} | more
    arrive(app, "voice", **base, ivr_block="answer", call_state="ringing")
    arrive(app, "voice", **base, ivr_block="gather", call_state="ongoing", digits="42#")
    arrive(app, "voice", **base, ivr_block="transfer", call_state="ongoing", transfer_status="busy")
    bill = {
        "date": "2026-03-01 10:00:00",
        "duration": "2",
        "currency": "SGD",
        "rate": "0.020",
        "debit": "0.040",
    }
    arrive(app, "voice", **base, ivr_block="hangup", call_state="ended", **bill)


def forged(app, text: str = "forged") -> None:
    body = urlencode({"from": SENDER, "to": NUMBER, "txn_ref": f"Q-{text}", "msg": text}).encode()
    headers = signed(body) | {"X-Hoiio-Signature": "0" * 64}
    assert app.test_client().post(f"/callbacks/{KEY}/sms", data=body, headers=headers).status_code == 200


def counted(app) -> None:
    """The counts follow the log in the background; here, at once."""
    LogIndex(app.extensions["receiver"].engine).run()


PAGES = [
    *(
        "/",
        "/events",
        "/events?q=kind:sms",
        "/events?q=nonsense:x",
        "/events/1",
        "/events/99999",
        "/events/tail?after=0",
    ),
    *(
        "/calls",
        "/calls/S1",
        "/calls/none",
        "/events/2/call",
        "/conversations",
        f"/conversations/{NUMBER}/{SENDER}",
        "/search/help",
    ),
    *("/events/1/conversation", "/faxes", "/faxes/6", "/numbers", "/quarantine", "/account", "/login"),
]


@pytest.fixture
def log(app):
    sms(app, "hello")
    a_call(app)
    fax(app, fax_status="answered", fax_url="https://files.example.com/a.pdf")
    forged(app)
    counted(app)


# Who gets in.


def test_a_stranger_sees_the_login_page_and_nothing_else(anonymous, log):
    for path in PAGES:
        if path == "/login":
            continue
        answer = anonymous.get(path)
        assert answer.status_code == 303, path
        assert answer.location.startswith("/login"), path
        assert SENDER not in answer.text, path


def test_every_address_of_the_console_asks_who_is_there(app, anonymous):
    open_to_all = {"console.static", "console.login.form", "console.login.sign_in"}
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("console.") or rule.endpoint in open_to_all:
            continue
        path = re.sub(r"<[^>]*>", "1", rule.rule)
        for method in rule.methods & {"GET", "POST"}:
            answer = anonymous.open(path, method=method)
            assert (answer.status_code, answer.location[:6]) == (303, "/login"), rule.rule


def test_nothing_of_it_answers_on_the_public_side(config):
    app = create_app(config, private=False)
    for path in ("/", "/login", "/events", "/static/console.js", "/account", "/quarantine"):
        assert app.test_client().get(path).status_code == 404
    app.extensions["receiver"].engine.dispose()


def test_it_works_on_the_private_side_alone(config):
    app = create_app(config, public=False)
    upgrade(app.extensions["receiver"].engine)
    client = signed_in(app, "olga", Scope.READ)
    for path in ("/", "/events", "/numbers", "/quarantine"):
        assert client.get(path).status_code == 200
    app.extensions["receiver"].engine.dispose()


@pytest.mark.parametrize(
    ("wanted", "led_to"),
    [
        ("/events?q=kind:sms", "/events?q=kind:sms"),
        ("https://evil.example.com/", "/"),
        ("//evil.example.com/", "/"),
        ("/\\evil.example.com/", "/"),
        ("/\tevil", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_after_signing_in_one_is_led_to_pages_of_ours_only(app, wanted, led_to):
    users.Users(app.extensions["receiver"].engine).add("olga", PASSWORD, Scope.READ, by="tests")
    client = app.test_client()
    given = {"form_token": form_token(client, "/login"), "name": "olga", "password": PASSWORD, "next": wanted}
    assert client.post("/login", data=given).location == led_to


def test_no_form_is_taken_that_is_not_ours(app, client):
    other = signed_in(app, "eve", Scope.READ)
    for path in ("/login", "/logout", "/account", "/mask", "/theme", "/quarantine"):
        for token in ("", "0" * 64, form_token(other)):
            answer = client.post(path, data={"form_token": token, "name": "olga", "password": PASSWORD})
            assert answer.status_code == 400, path
    assert client.get("/account").status_code == 200


def test_a_page_can_be_asked_for_its_headers_alone(client):
    assert client.head("/events").status_code == 200
    assert client.head("/account").headers["Content-Type"] == client.get("/account").headers["Content-Type"]


# What every page says.


@ON_BOTH
def test_every_page_forbids_what_it_does_not_need(client, log):
    for path in PAGES:
        answer = client.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy, path
        assert "unsafe" not in policy, path
        assert "frame-ancestors 'none'" in policy, path
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        assert answer.headers["Cache-Control"] == "no-store", path
        # Nothing on the page that the policy would have to stop.
        assert not re.search(r"<script(?![^>]*src=\"/static/)|<style|\sstyle=|\son\w+=\"", answer.text), path
        assert not re.search(r"(src|href)=\"(https?:)?//", answer.text), path


class Outline(HTMLParser):
    """What a screen reader goes by."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.ids, self.labels = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append(tag)
        self.ids += [given["id"]] if "id" in given else []
        self.labels += [given["for"]] if tag == "label" and "for" in given else []


def test_every_page_has_landmarks_one_heading_and_distinct_ids(client, log):
    for path in PAGES:
        if "tail" in path or path == "/login":
            continue
        page = Outline(client.get(path).text)
        assert [page.tags.count(tag) for tag in ("main", "header", "nav")] >= [1, 1, 1], path
        assert page.tags.count("h1") == 1, path
        assert len(page.ids) == len(set(page.ids)), path
        assert set(page.labels) <= set(page.ids), path


# The pages.


@ON_BOTH
def test_the_overview_counts_what_arrived(client, app, log):
    page = client.get("/").text
    assert "3 calls, faxes and SMS in 24 hours" in page
    assert re.search(r'Quarantine</span><span class="value">1<', page)
    forged(app, "again")
    assert re.search(r'Quarantine</span><span class="value">2<', client.get("/").text)
    assert page.count('<rect class="voice"') == page.count('<rect class="sms"') == 2  # once for phones


@ON_BOTH
def test_the_overview_counts_calls_as_their_list_does(client, app):
    for session in ("S1", "S2"):
        a_call(app, session=session, txn_ref=f"AA-{session}")
    fax(app, fax_status="failed", fax_error_code="busy")
    for range_ in ("1h", "24h", "7d", "30d"):
        page = client.get(f"/?range={range_}").text
        assert "<title>" in page
        assert f'<a class="chip" href="/?range={range_}" aria-current="true"' in page
        listed = client.get(html.unescape(re.search(r'<a href="(/calls[^"]+)">2</a>', page)[1])).text
        assert listed.count('class="when"') == 2
        assert "2 calls, 1 fax</title>" in page
        assert re.search(r"Missed calls</span><span class=\"value\">2<.*?of 2 calls", page)


@ON_BOTH
def test_the_search_box_understands_the_search_language(client, app, log):
    sms(app, "the contract is signed", "AA-SI-2")
    page = client.get("/events", query_string={"q": 'from:+6591234567 kind:sms since:1h "contract is"'}).text
    assert "the contract is signed" in page
    assert "hello" not in page


def test_what_is_wrong_with_a_search_is_said_beside_the_box(client, log):
    answer = client.get("/events?q=kind:telegram")
    assert answer.status_code == 400
    assert 'aria-invalid="true" aria-describedby="search-error"' in answer.text
    assert re.search(r'id="search-error"[^>]*>.*kind:.*voice, fax, sms', answer.text, re.DOTALL)
    assert 'value="kind:telegram"' in answer.text
    assert client.get("/calls?q=since:1h+until:2h").status_code == 400


def test_every_mistake_of_a_search_is_said_at_once(client, log):
    page = client.get("/calls", query_string={"q": "kind:<b> outcom:busy since:soon"}).text
    said = re.search(r'id="search-error" role="alert">(.*?)</div>', page, re.DOTALL)[1]
    assert said.count("<li>") == 3
    assert "did you mean outcome:?" in said
    assert "&lt;b&gt;" in said


def test_the_chips_keep_the_rest_of_the_search(client, log):
    page = client.get("/events", query_string={"q": "from:+6591234567 has:problems"}).text
    chips = [unquote_plus(link) for link in re.findall(r'class="chip" href="([^"]+)"', page)]
    assert "/events?q=kind:fax from:+6591234567 has:problems" in chips
    assert "/events?q=from:+6591234567" in chips


@ON_BOTH
def test_calls_are_chosen_by_what_became_of_them(client, log):
    page = client.get("/calls?q=outcome:busy")
    assert "/calls/S1" in page.text
    assert re.search(r'aria-current="true">Busy', page.text)
    assert "q=outcome:%22no+answer%22" in page.text
    assert "No calls match." in client.get("/calls?q=outcome:voicemail").text
    wrong = client.get("/calls?q=outcome:ok")
    assert (wrong.status_code, "voicemail, abandoned" in wrong.text) == (400, True)
    assert "whole calls" in client.get("/events?q=outcome:busy").text


def test_faxes_are_filtered(client, app):
    fax(app, fax_status="failed", fax_error_code="line_dropped")
    fax(app, txn_ref="AA-F-2", from_="+6598765432", fax_status="answered", fax_url="https://files.example/1")
    sms(app, "no fax")
    shown = re.compile(r'href="/faxes/(\d+)"')
    for asked, ids in (
        ("", ["2", "1"]),
        ("number:+6598765432", ["2"]),
        ("state:failed", ["1"]),
        ("type:fax.received", ["2"]),
        ("kind:sms", []),
        ("is:quarantined", []),
        ("type:test", []),
    ):
        assert shown.findall(client.get("/faxes", query_string={"q": asked}).text) == ids, asked
    assert "line dropped" in client.get("/faxes").text
    assert "No faxes match." in client.get("/faxes?q=kind:sms").text
    wrong = client.get("/faxes?q=kind:telegram")
    assert (wrong.status_code, "voice, fax, sms" in wrong.text) == (400, True)


def test_the_newest_page_of_a_list_says_what_moves_it(client, log):
    for path, moved_by in (
        ("/events?q=invoice", "invoice"),
        ("/calls?q=outcome:busy", "kind:voice -is:quarantined"),
        ("/faxes?q=state:failed", "kind:fax state:failed -is:quarantined"),
        ("/conversations", "kind:sms type:sms.received -is:quarantined"),
    ):
        page = html.unescape(client.get(path).text)
        after, search = re.search(r'data-after="(\d+)" data-q="([^"]*)"', page).groups()
        assert (int(after) > 0, search) == (True, moved_by)
        assert client.get("/events/stream", query_string={"q": search, "after": after}).status_code == 200
    assert "data-after" not in client.get("/faxes?before=3").text


def test_a_list_is_exported_as_it_is_searched_and_seen(client, app, log):
    sms(app, "caf\u00e9 =1+1", "AA-SI-2", from_="+6598765432")
    for name, q, lines, said in (
        ("events", "kind:sms from:+6598765432", 1, "caf\u00e9 =1+1"),
        ("calls", "", 1, ",missed,busy,"),
        ("calls", "outcome:voicemail", 0, "session,"),
        ("conversations", f"from:{SENDER}", 1, "hello"),
        ("faxes", f"from:{SENDER}", 1, "files.example.com/a.pdf"),
        ("faxes", "kind:sms", 0, "fax_url"),
    ):
        listed = html.unescape(client.get(f"/{name}", query_string={"q": q}).text)
        link = re.search(r'href="(/export/[^"]+)" download', listed)
        assert bool(link) is bool(lines), (name, q)
        answer = client.get(link[1] if link else f"/export/{name}?q={quote(q)}")
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}.csv"'
        assert (len(answer.text.splitlines()), said in answer.text) == (lines + 1, True), answer.text
        as_json = client.get(f"/export/{name}?q={quote(q)}&format=ndjson")
        assert len([json.loads(line) for line in as_json.text.splitlines()]) == lines
    assert client.get("/export/events?format=pdf").status_code == 400
    assert client.get("/export/events?q=kind:telegram").status_code == 400
    client.post("/mask", data={"form_token": form_token(client), "on": "1"})
    for name in ("events", "calls", "conversations", "faxes"):
        masked = client.get(f"/export/{name}").text
        for secret in (SENDER, NUMBER, "hello", "files.example.com/a.pdf"):
            assert secret not in masked, name


def test_numbers_are_links_to_what_else_concerns_them(client, log):
    calls, event = client.get("/calls").text, client.get("/events/1").text
    assert f'href="/calls?q=number:{quote(SENDER)}"' in calls
    assert f'href="/events?q=number:{quote(SENDER)}"' in event
    assert f'href="/conversations/{NUMBER}/{SENDER}"' in event


def test_a_number_behind_a_channel_has_its_links_and_a_conversation(client, app):
    ends = "whatsapp:+6591234567", "whatsapp:+6511111111"
    sms(app, "hello", from_=ends[0], to=ends[1])
    page = client.get("/events/1").text
    for end in ends:
        assert f'href="/events?q=number:{quote(end, safe=":")}"' in page
        assert client.get("/events", query_string={"q": f"number:{end}"}).text.count("/events/1") > 0
    address = f"/conversations/{ends[1]}/{ends[0]}"
    assert f'href="{address}"' in page
    assert "hello" in client.get(address).text


@pytest.mark.parametrize(
    ("sender", "withheld"),
    [
        *((word, True) for word in ("anonymous", "UNKNOWN", "Restricted", "Private number", "unavailable")),
        ("sip:anonymous@anonymous.invalid", True),
        ("client:Anonymous", True),
        *((word, False) for word in ("sip:alice@example.com", "client:desk", "Private Bank", "anonymously")),
        ("whatsapp:+6591234567", False),
    ],
)
def test_a_word_for_a_number_that_is_not_shown_is_no_number(client, app, sender, withheld):
    arrive(app, "voice", call_state="ringing", txn_ref="AA-C-1", session="S1", from_=sender)
    for path in ("/events/1", "/calls/S1", "/calls"):
        page = client.get(path).text
        assert ('class="none" title="' in page) is withheld
        assert html.escape(f"q=number:{quote(sender)}") not in page or not withheld


def test_only_a_caller_who_withheld_the_number_is_said_to_have(client, app):
    sms(app, "who am I", from_="Anonymous")
    sms(app, "nobody", "AA-SI-2", from_="", to="")
    sms(app, "to nobody", "AA-SI-3", to="")
    assert "withheld" in client.get("/events/1").text
    for path in ("/events/2", "/events/3"):
        page = client.get(path).text
        assert "withheld" not in page
        assert "not given" in page
        assert "Conversation</a>" not in page


@ON_BOTH
def test_pages_hold_still_while_events_come_in(client, app):
    for at in range(60):
        sms(app, f"text {at:02}", f"AA-SI-{at}")
    first = client.get("/events").text
    older = html.unescape(re.search(r'href="([^"]+)" rel="next"', first)[1])
    sms(app, "late", "AA-SI-late")
    second = client.get(older).text
    shown = re.findall(r"text (\d\d)", first) + re.findall(r"text (\d\d)", second)
    assert shown == [f"{at:02}" for at in reversed(range(60))]


@ON_BOTH
def test_the_tail_gives_what_is_new_and_where_to_go_on(client, app):
    sms(app, "first")
    newest = re.search(r'data-after="(\d+)"', client.get("/events").text)[1]
    sms(app, "second", "AA-SI-2")
    answer = client.get(f"/events/tail?after={newest}&q=kind:sms")
    assert "second" in answer.text
    assert "first" not in answer.text
    assert client.get(f"/events/tail?after={answer.headers['X-Newest']}").text.strip() == ""


def test_an_event_shows_its_request_and_the_command_that_repeats_it(client, app, log):
    page = html.unescape(client.get("/events/1").text)
    command = re.search(r'id="curl"[^>]*>(.*?)</pre>', page, re.DOTALL)[1]
    assert command.startswith('curl -X POST "http://127.0.0.1/callbacks/$CALLBACK_KEY/hoiio/sms"')
    assert KEY not in page
    assert "X-Hoiio-Signature: " in command
    assert "--data-raw 'from=%2B6591234567" in command


def test_the_command_sends_what_came_whatever_the_shell_makes_of_it(client, app):
    query = "txn_ref=AA-SI-1&msg=Hi!&note=`a`\"b\"$HOME\\!!c'd'"
    assert app.test_client().post(f"/callbacks/{KEY}/sms", query_string=query).status_code == 200
    page = html.unescape(client.get("/events/1").text)
    command = re.search(r'id="curl"[^>]*>(.*?)</pre>', page, re.DOTALL)[1]
    for shell in ("sh", "bash"):
        said = ["-c", f"CALLBACK_KEY=key; curl() {{ printf '%s\\n' \"$3\"; }}; {command}"]
        sent = subprocess.run([shell, *said], capture_output=True, text=True, check=True).stdout
        assert sent == f"http://127.0.0.1/callbacks/key/hoiio/sms?{query}\n"


@ON_BOTH
def test_an_event_shows_each_time_it_came_again(client, app):
    sms(app, "hello")
    assert "Repeats</h2>" not in client.get("/events/1").text
    sms(app, "hello")
    first = client.get("/events/1").text
    assert first.count('<details class="repeat">') == 1
    again = urlencode({"msg": "hello", "txn_ref": "AA-SI-1", "date": "2026-03-01 10:00:00", "debit": "0.013"})
    again += f"&currency=SGD&from={quote(SENDER)}&to={quote(NUMBER)}"
    headers = signed(again.encode())
    assert app.test_client().post(f"/callbacks/{KEY}/sms", data=again, headers=headers).status_code == 200
    page = client.get("/events/1").text
    assert page.count('<details class="repeat">') == 2
    assert page.index("&amp;msg=hello&amp;") < page.index("<bdi>msg=hello&amp;")
    client.post("/mask", data={"form_token": form_token(client), "on": "1"})
    masked = client.get("/events/1").text
    assert masked.count('<details class="repeat">') == 2
    assert masked.count("The body is masked.") == 3
    assert "hello" not in masked


def test_an_unknown_address_leads_home_who_is_signed_in_and_tells_a_stranger_nothing(client, anonymous):
    for path in ("/nowhere", "/wp-login.php", "/events/../x", "/logout"):
        page = client.get(path)
        assert (page.status_code, 'href="/">Go to the overview' in page.text) == (404, True)
        assert page.headers["Cache-Control"] == "no-store"
        stranger = anonymous.get(path)
        assert (stranger.status_code, stranger.text) == (404, "")
    assert client.get(f"/callbacks/{KEY}/nothing").text == client.post("/callbacks/x/y/z").text == ""


def test_what_needs_attention_is_told_with_what_mends_it(client, app):
    assert "Needs attention" not in client.get("/").text
    found = [
        Finding("ends-soon", Severity.WARNING, "A number <b>ends</b> in 3 days.", "receiver numbers extend"),
        Finding(
            "elsewhere",
            Severity.ERROR,
            "A number points elsewhere.",
            f"receiver setup --number {NUMBER}",
            NUMBER,
        ),
    ]
    findings.store(app.extensions["receiver"].engine, found, now=datetime.now(UTC))
    page = client.get("/").text
    section = page[page.index("Needs attention") : page.index("Calls, faxes and SMS<")]
    assert "A number &lt;b&gt;ends&lt;/b&gt; in 3 days." in section
    assert section.index("points elsewhere") < section.index("in 3 days")
    assert f"<code>receiver setup --number {NUMBER}</code>" in section
    client.post("/mask", data={"form_token": form_token(client), "on": "1"})
    masked = client.get("/").text
    assert NUMBER not in masked
    assert ["extend" in one for one in re.findall(r'data-value="([^"]+)"', masked)] == [True]


@ON_BOTH
def test_a_call_is_drawn_from_ringing_to_its_end(client, log):
    page = client.get("/calls/S1").text
    steps = re.findall(r"<strong>([^<]+)</strong>", page)
    assert steps[:4] == ["Ringing", "Menu", "Transfer", "Ended"]
    assert "42#" in page
    assert "Nobody answered" in page
    assert "2 min billed, <bdi>0.040</bdi>" in page
    assert "missed" in client.get("/calls?q=state:missed").text
    assert "S1" not in client.get("/calls?q=state:answered").text


@ON_BOTH
def test_a_session_may_be_any_text(client, app):
    a_call(app, session="/../a b?c#d<e>")
    link = html.unescape(
        re.search(r'class="when"><a class="open" href="([^"]+)"', client.get("/calls").text)[1]
    )
    assert "Ringing" in client.get(link).text


def test_a_recording_is_a_link_that_says_it_leads_away_and_tells_nothing(client, app):
    base = {"session": "S1", "txn_ref": "AA-C-1", "call_state": "ongoing", "ivr_block": "record"}
    arrive(app, "voice", **base, record_url="https://files.example.com/a.mp3")
    arrive(app, "voice", **base, record_url="javascript:alert(1)")
    page = client.get("/calls/S1").text
    link = re.search(r'<a href="https://files.example.com/a.mp3"[^>]*>', page)[0]
    assert "noreferrer" in link
    assert "leaves this site" in page
    assert 'href="javascript' not in page


@ON_BOTH
def test_a_long_message_is_joined_and_its_parts_are_there(client, app):
    text = "".join(f"{at:04}" for at in range(100))
    for place, start in enumerate(range(0, 400, 152)):
        sms(app, text[start : start + 152], f"AA-SI-{place}")
    page = client.get(f"/conversations/{NUMBER}/{SENDER}").text
    assert text in page
    assert "Joined from 3 parts" in page
    assert page.count('href="/events/') == 3
    part = client.get("/events/2").text
    line = part[part.index("Part 2 of 3 of one message") :].partition("</p>")[0]
    assert re.findall(r'href="(/events/\d)"|<strong>(\d)</strong>', line) == [
        ("/events/1", ""),
        ("", "2"),
        ("/events/3", ""),
    ]
    sms(app, "short", "AA-SI-9", from_="+6598765432")
    assert "of one message" not in client.get("/events/4").text


# Faxes.


@pytest.fixture
def provider():
    with SimulatorServer() as provider:
        yield provider


def test_a_fax_document_is_fetched_and_can_do_nothing(database_url, tmp_path, provider):
    held = provider.request("number/get_choices", country="SG")["entries"][0]["number"]
    provider.request("number/subscribe", number=held, duration="1")
    provider.request("number/update_forwarding", number=held, mode="fax", forward_to="http://127.0.0.1:9/")
    sent = provider.control.fax(SENDER, held)["deliveries"][0]["parameters"]
    settings = {"secret_key": "a-secret-for-tests", "hoiio_api_url": provider.open_url}
    for app in started(make_config(database_url, tmp_path, **settings, public_url="http://127.0.0.1/")):
        client = signed_in(app, "olga", Scope.READ)
        fax(app, fax_status="answered", fax_url=sent["fax_url"])
        fax(app, txn_ref="AA-F-2", fax_status="answered", fax_url=sent["fax_url"] + "x")
        answer = client.get("/faxes/1/document")
        assert answer.data.startswith(b"%PDF-")
        assert answer.mimetype == "application/pdf"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Disposition"].startswith('attachment; filename="fax-')
        lapsed = client.get("/faxes/2/document")
        assert lapsed.status_code == 502
        assert "probably expired" in lapsed.text


def test_a_kept_fax_shows_its_first_page_and_gives_what_was_kept(database_url, tmp_path):
    with serving() as server:
        server.answers["/a.pdf"] = give(pdf(2))
        server.answers["/gone.pdf"] = give(b"", status=404)
        settings = {"secret_key": "a-secret-for-tests", "hoiio_api_url": f"{server.url}/open/"}
        config = make_config(database_url, tmp_path, **settings, public_url="http://127.0.0.1/")
        for app in started(config):
            client = signed_in(app, "olga", Scope.READ)
            fax(app, fax_status="answered", fax_url=f"{server.url}/a.pdf")
            fax(app, txn_ref="AA-F-2", fax_status="answered", fax_url=f"{server.url}/gone.pdf")
            assert "Not fetched yet" in client.get("/faxes/1").text
            Archivist.of(config, app.extensions["receiver"].engine).step()
            del server.answers["/a.pdf"]
            page = client.get("/faxes/1").text
            assert "Kept: PDF, 2 pages" in page
            picture = client.get(re.search(r'<img src="([^"]+)"', page)[1])
            assert (picture.mimetype, picture.data[:4]) == ("image/png", b"\x89PNG")
            assert client.get("/faxes/1/document").data == pdf(2)
            assert client.get("/events/1/documents/fax_url").data == pdf(2)
            assert "server answers 404" in client.get("/faxes/2").text
            listed = client.get("/faxes").text
            assert (listed.count(">PDF</span>"), listed.count(">lapsed</span>")) == (1, 1)
            lapsed = client.get("/faxes/2/document")
            assert (lapsed.status_code, "server answers 404" in lapsed.text) == (502, True)
            assert client.get("/events/2/documents/fax_url").status_code == 404
            client.post("/mask", data={"form_token": form_token(client), "on": "1"})
            assert "<img src" not in client.get("/faxes/1").text
            for path in (
                "/faxes/1/document",
                "/events/1/documents/fax_url",
                "/events/1/documents/fax_url/preview",
            ):
                assert client.get(path).status_code == 403


def test_a_kept_recording_plays_in_the_page(database_url, tmp_path):
    with serving() as server:
        server.answers["/a.mp3"] = give(MP3)
        settings = {"secret_key": "a-secret-for-tests", "hoiio_api_url": f"{server.url}/open/"}
        config = make_config(database_url, tmp_path, **settings, public_url="http://127.0.0.1/")
        for app in started(config):
            client = signed_in(app, "olga", Scope.READ)
            base = {"session": "S1", "txn_ref": "AA-C-1", "call_state": "ongoing", "ivr_block": "record"}
            arrive(app, "voice", **base, record_url=f"{server.url}/a.mp3")
            Archivist.of(config, app.extensions["receiver"].engine).step()
            for path in ("/calls/S1", "/events/1"):
                answer = client.get(path)
                assert "media-src 'self'" in answer.headers["Content-Security-Policy"]
                source = re.search(r'<audio controls preload="none" src="([^"]+)"', answer.text)[1]
                part = client.get(source, headers={"Range": "bytes=0-9"})
                assert (part.status_code, part.data, part.mimetype) == (206, MP3[:10], "audio/mpeg")
            client.post("/mask", data={"form_token": form_token(client), "on": "1"})
            assert "<audio" not in client.get("/calls/S1").text
            assert "<audio" not in client.get("/events/1").text


def test_the_document_of_a_fax_that_is_not_trusted_is_not_fetched(client, app):
    forged_fax = urlencode(
        {"from": SENDER, "to": NUMBER, "txn_ref": "F1", "fax_status": "answered"} | {"fax_url": "x"}
    )
    headers = signed(forged_fax.encode()) | {"X-Hoiio-Signature": "00" * 32}
    app.test_client().post(f"/callbacks/{KEY}/fax", data=forged_fax, headers=headers)
    assert "before it is released" in client.get("/faxes/1").text
    answer = client.get("/faxes/1/document")
    assert answer.status_code == 404
    assert "Release it first" in answer.text


def test_a_link_into_the_private_network_is_not_followed(client, app):
    fax(app, fax_status="answered", fax_url="http://169.254.169.254/latest/meta-data")
    answer = client.get("/faxes/1/document")
    assert answer.status_code == 502
    assert "not https" in answer.text


def test_a_failed_fax_says_why(client, app):
    fax(app, fax_status="failed", fax_error_code="busy")
    page = client.get("/faxes/1").text
    assert "The fax failed: <bdi>busy</bdi>" in page
    assert "has no document" in page
    assert client.get("/faxes/1/document").status_code == 404


# Quarantine.


@ON_BOTH
def test_quarantined_events_are_released_and_dropped_in_bulk(client, app):
    for text in ("one", "two", "three"):
        forged(app, text)
    desk = client.get("/quarantine").text
    ids = re.findall(r'name="id" value="(\d+)"', desk)
    assert len(ids) == 3
    for page in (desk, client.get(f"/events/{ids[0]}").text):
        assert "HOIIO_ACCESS_TOKEN is not the account&#39;s: receiver doctor" in page
    token = form_token(client, "/quarantine")
    release = {"form_token": token, "action": "release", "id": ids[:1]}
    assert "Release 1 event?" in client.post("/quarantine", data=release).text
    sure = release | {"sure": "yes"}
    released = client.post("/quarantine", data=sure, follow_redirects=True).text
    assert "Released 1 event." in released
    undo = {
        "form_token": token,
        "action": "undo",
        "release": re.search(r'name="release" value="(\d+)"', released)[1],
    }
    undone = client.post("/quarantine", data=undo, follow_redirects=True).text
    assert "Put 1 event back into quarantine." in undone
    assert 'name="release"' not in undone
    client.post("/quarantine", data=sure)
    asked = client.post("/quarantine", data={"form_token": token, "action": "drop", "id": ids[1:]})
    assert "Drop 2 events?" in asked.text
    assert len(re.findall(r'name="id"', client.get("/quarantine").text)) == 2
    sure = {"form_token": token, "action": "drop", "id": ids[1:], "sure": "yes"}
    assert "Dropped 2 events" in client.post("/quarantine", data=sure, follow_redirects=True).text
    assert "Nothing is quarantined" in client.get("/quarantine").text


@ON_BOTH
def test_the_reasons_of_the_quarantine_are_filters(client, app):
    forged(app)
    page = client.get("/quarantine").text
    chosen = html.unescape(re.search(r'href="(/quarantine\?reason=[^"]+)"', page)[1])
    assert len(re.findall(r'name="id"', client.get(chosen).text)) == 1
    assert "Nothing is quarantined for this reason" in client.get("/quarantine?reason=rain").text


@ON_BOTH
def test_an_event_leads_to_its_neighbours_and_can_be_released_there(client, app, log):
    first, second = client.get("/events/1").text, client.get("/events/2").text
    assert re.search(r'href="/events/2" rel="next"', first)
    assert 'rel="prev"' not in first
    assert re.search(r'href="/events/1" rel="prev"', second)
    assert "just now" in first
    assert "Copy JSON" in first
    forged(app)
    (held,) = re.findall(r'name="id" value="(\d+)"', client.get("/quarantine").text)[:1]
    assert "Release…</button>" in client.get(f"/events/{held}").text


def test_who_may_only_read_decides_nothing(app):
    forged(app)
    reader = signed_in(app, "rita", Scope.READ)
    page = reader.get("/quarantine").text
    assert "forged" in page
    assert 'name="id"' not in page
    answer = reader.post(
        "/quarantine", data={"form_token": form_token(reader), "action": "release", "id": "1"}
    )
    assert answer.status_code == 403
    assert "role operate" in answer.text
    assert "forged" in reader.get("/quarantine").text


# The mask.


def test_the_mask_hides_numbers_and_texts_on_every_page(client, app):
    sms(app, "a secret text")
    a_call(app)
    fax(app, fax_status="answered", fax_url="https://files.example.com/secret.pdf")
    forged(app, "a secret forgery")
    counted(app)
    token = form_token(client)
    assert (
        client.post("/mask", data={"form_token": token, "on": "1", "next": "/events"}).location == "/events"
    )
    for path in (
        "/",
        "/events",
        "/events/1",
        "/events/2",
        "/events/6",
        "/events/tail?after=0",
        "/calls",
        "/calls/S1",
    ):
        assert_masked(client.get(path).text, path)
    for path in ("/events/1/conversation", "/conversations", "/faxes", "/faxes/6", "/numbers", "/quarantine"):
        assert_masked(client.get(path).text, path)
    assert client.get("/faxes/6/document").status_code == 403
    client.post("/mask", data={"form_token": token, "on": "0"})
    assert "a secret text" in client.get("/events/1").text


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        (f"/conversations/{NUMBER}/{SENDER}?before=12", "/conversations"),
        (f"/numbers/{NUMBER}", "/numbers"),
        ("/calls/S1", "/calls"),
        ("/calls?q=state%3Amissed&before=12", "/calls?q=state%3Amissed&before=12"),
        ("/calls?q=state%3Amissed+secret", "/calls"),
        (f"/events?q=from%3A{quote(SENDER)}&done=saved", "/events"),
        ("/events?q=secret:x", "/events"),
        (f"/contacts?number={quote(SENDER)}&next=/conversations/{NUMBER}/{SENDER}", "/contacts"),
        ("/?range=7d", "/?range=7d"),
        ("/events/1/conversation", "/events/1/conversation"),
    ],
)
def test_the_mask_leads_away_from_an_address_that_tells(client, address, masked):
    given = {"form_token": form_token(client), "next": address}
    assert client.post("/mask", data=given | {"on": "1"}).location == masked
    assert client.post("/mask", data=given | {"on": "0"}).location == address


@pytest.mark.parametrize("path", ["/calls/S1", f"/conversations/{NUMBER}/{SENDER}"])
def test_from_a_call_or_a_conversation_the_mask_leads_to_the_same(client, log, path):
    page = client.get(path).text
    back = re.search(r'action="/mask">.*?name="next" value="([^"]+)"', page, re.DOTALL)[1]
    masked = client.post("/mask", data={"form_token": form_token(client), "on": "1", "next": back}).location
    assert re.fullmatch(r"/events/\d+/(call|conversation)", masked)
    assert re.search("<title>.*", client.get(masked).text)[0] == re.search("<title>.*", page)[0]


def assert_masked(page: str, path: str) -> None:
    assert "secret" not in page, path
    assert "42#" not in page, path
    assert not re.search(r"9123|1111111", re.sub(r"<[/]?span>", "", page)), path


# Hostile words.

HOSTILE = {
    "markup": "<script>alert(1)</script><img src=x onerror=alert(1)>\"'><b>",
    "template": "{{ 7*7 }} {% raw %} ${7*7}",
    "direction": "pay \u202egnp.exe\u202c \u2066\u2067\u2069 \u200f\u061c",
    "control": "\x1b[2J\x1b]0;title\x07\x08\x7f\x9b31m \x00 end",
    "formula": '=HYPERLINK("http://evil.example.com";"x")',
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f \U0001f1f8\U0001f1ec",
    "lines": "one\r\ntwo\u2028three\u2029four\x85five",
    "long": "x" * 10_000,
    "rtl": "\u0645\u0631\u062d\u0628\u0627 abc \u05e9\u05dc\u05d5\u05dd",
}
FORBIDDEN = re.compile(
    "[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]"
)


def harmless(client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code < 500, path
    assert not FORBIDDEN.search(answer.text), path
    tags = Outline(answer.text).tags
    assert "img" not in tags, path
    assert tags.count("script") <= 1, path
    assert "b" not in tags, path
    return answer.text


@ON_BOTH
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_message_is_harmless_wherever_it_is_shown(client, app, text):
    sms(app, text)
    counted(app)
    for path in (
        "/",
        "/events",
        "/events/1",
        "/events/tail?after=0",
        "/conversations",
        "/events/1/conversation",
    ):
        page = harmless(client, path)
        assert '<bdi dir="auto" class="message">' in page
        assert "49" not in page or "{{" in page or "7*7" not in text
    harmless(client, f"/conversations/{NUMBER}/{SENDER}")


@pytest.mark.parametrize(
    "field",
    ["from_", "to", "txn_ref", "session", "digits", "tag", "dest", "ivr_block", "call_state", "currency"],
)
def test_every_field_of_a_call_is_harmless(client, app, field):
    fields = {"session": "S1", "txn_ref": "T1", "ivr_block": "answer", "call_state": "ringing"}
    for text in HOSTILE.values():
        arrive(app, "voice", **fields | {field: text})
    counted(app)
    links = re.findall(r'class="when"><a class="open" href="([^"]+)"', client.get("/calls").text)
    events = [f"/events/{at}" for at in range(1, len(HOSTILE) + 1)]
    for path in ("/", "/events", "/events/1/call", "/calls", *events, *map(html.unescape, links)):
        harmless(client, path)


@pytest.mark.parametrize("field", ["fax_url", "fax_status", "fax_error_code", "date", "debit", "extra<b>"])
def test_every_field_of_a_fax_is_harmless(client, app, field):
    fax(app, **{"fax_status": "failed", field: HOSTILE["markup"] + HOSTILE["direction"]})
    for path in ("/events", "/events/1", "/faxes", "/faxes/1"):
        harmless(client, path)


@ON_BOTH
def test_hostile_headers_and_bodies_are_harmless(client, app):
    body = b"\xff\xfe<script>\x1b[31m" + "\u202e".encode()
    headers = signed(body) | {"User-Agent": "<script>alert(1)</script>", "Content-Type": "text/<b>"}
    app.test_client().post(f"/callbacks/{KEY}/sms?<img src=x>=%00", data=body, headers=headers)
    page = harmless(client, "/events/1")
    assert "base64 -d" in page
    harmless(client, "/quarantine")


@ON_BOTH
def test_a_hostile_search_is_harmless(client):
    for text in HOSTILE.values():
        harmless(client, "/events?" + urlencode({"q": text}))
        harmless(client, "/events?" + urlencode({"q": f"from:{text}"}))


def test_static_files_are_what_they_say(client):
    static = Path(__file__).parent.parent / "receiver/web/static"
    [version] = set(re.findall(r'"/static/(\w+)/', client.get("/").text))
    for path in static.iterdir():
        answer = client.get(f"/static/{version}/{path.name}")
        assert answer.status_code == 200
        assert answer.data == path.read_bytes()
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert client.get(f"/static/older/{path.name}").headers["Cache-Control"] == "no-cache"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert ("javascript" in answer.mimetype) == (path.suffix == ".js")
    assert client.get(f"/static/{version}/../login.py").status_code == 404


def test_the_live_stream_ends_with_the_sign_in(client, monkeypatch):
    monkeypatch.setattr("receiver.web.live.HEARTBEAT", 0.1)
    pieces = client.get("/events/stream").iter_encoded()
    assert next(pieces).startswith(b"retry")
    assert client.post("/logout", data={"form_token": form_token(client)}).status_code == 303
    assert len(list(islice(pieces, 20))) < 20


@ON_BOTH
def test_our_own_tests_are_events_but_no_faxes_calls_or_messages(app, client, api):
    for kind in ("voice", "fax", "sms"):
        body = b"receiver_test=1"
        answer = app.test_client().post(f"/callbacks/{KEY}/{kind}", data=body, headers=signed(body))
        assert answer.status_code == 200
    fax(app, fax_status="failed")
    for _ in ("not counted yet", "counted"):
        assert client.get("/events?q=type:test").text.count("Test by this service") == 3
        for page in ("/events", "/faxes", "/calls", "/conversations"):
            assert "Test by this service" not in client.get(page).text
        assert client.get("/faxes").text.count("<tr role") == 2
        assert client.get("/faxes/2").status_code == 404
        assert "/faxes/2" not in client.get("/events/2").text
        stats = api("/stats")
        assert stats["kinds"] == [{"kind": "fax", "type": "fax.failed", "events": 1}]
        assert [(one["number"], one["events"]) for one in stats["numbers"]] == [(NUMBER, 1)]
        counted(app)
