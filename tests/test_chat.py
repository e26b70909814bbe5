"""Chat: each service's own format, in which nothing that came in has any effect."""

import html
import json
import re
from collections.abc import Iterator

import pytest
from conftest import make_config, started
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from receiving import Receiving
from said import AT, THEM, US, a_parcel
from test_relay import arrive, sms, states, until, working

from receiver import current
from receiver.outbound.allow import AllowList
from receiver.outbound.guard import Guard
from receiver.relay.chat import discord, mattermost, slack, teams
from receiver.relay.chat.escape import JOINER
from receiver.relay.chat.services import SERVICES, service_at
from receiver.relay.chat.sort import Chat, ChatSender
from receiver.relay.sender import Surroundings, TargetError
from receiver.relay.target import TargetSort, TargetState
from receiver.relay.words import Said
from receiver.vocabulary.printable import printable_lines

HOSTILE = [
    "<!channel> <!here> <!everyone> <@U012AB3CD> <#C0123> <!subteam^S01>",
    "@everyone @here @channel @all <@123456789> <@&987> </run:1> <t:1600000000:R> <:a:1>",
    "[pay here](https://evil.example) <https://evil.example|bank> https://evil.example www.evil.example",
    "# heading\n## more\n-# small\n> quote\n>>> all\n* list\n- list\n+ list\n1. one\n1) one",
    "*b* **b** _i_ __u__ ~s~ ~~s~~ ||s|| `code` ```\nblock\n``` $x$ $$\nx\n$$ :smile: ~town-square #tag",
    "title\n=====\ntitle\n-----\n| a | b |\n|---|---|\n| 1 | 2 |\n    code\n---\n***",
    "&lt;!channel&gt; &#64;all &amp; &",
    "\\*not\\* \\\\ {{DATE(2026-01-01T00:00:00Z,SHORT)}} ${x} @{x} {{{{x",
]


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)


def seen(text: str) -> str:
    return text.replace(JOINER, "").replace("\u00a0", " ")


def rendered(text: str) -> tuple[str, set[str]]:
    """What a program that reads Markdown shows, and the elements that it makes."""
    page = MarkdownIt("commonmark", {"breaks": True}).enable(["table", "strikethrough"]).render(text)
    words = html.unescape(re.sub(r"<[^>]*>", "", re.sub(r"</p>\n<p>", "\n\n", page)))
    return seen(words), set(re.findall(r"<(\w+)", page))


def squeezed(text: str) -> str:
    return "".join(text.split())


markdown = pytest.mark.parametrize("escaped", [discord.escaped, mattermost.escaped])


@markdown
@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_shows_what_came_in_and_nothing_else(escaped, text):
    words, elements = rendered(escaped(text))
    assert elements <= {"p", "br"}
    assert squeezed(words) == squeezed(text)


@markdown
@given(st.text(st.sampled_from("ab \n#*_~`[](){}<>!|\\-+=.:@&;/1$^\"'")))
def test_markdown_does_so_whatever_it_is(escaped, text):
    words, elements = rendered(escaped(printable_lines(text)))
    assert elements <= {"p", "br"}
    assert squeezed(words) == squeezed(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_mattermost_finds_nobody_to_call_nothing_of_slack_and_no_address(text):
    shown = mattermost.message(Said("s", text.split("\n")[0], text))["text"]
    assert not re.search(r"@\w|<|://|www\.|:\w+:|~\w|#\w|\$\w", shown)


@pytest.mark.parametrize("text", HOSTILE)
def test_slack_gets_plain_text_only(text):
    message = slack.message(Said("s", text.split("\n")[0], text))
    assert [block["text"]["type"] for block in message["blocks"]] == ["plain_text", "plain_text"]
    assert not any(block["text"]["emoji"] for block in message["blocks"])
    assert not message["mrkdwn"]
    for shown in strings(message):
        assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)|://", shown)
    assert seen(html.unescape(message["blocks"][1]["text"]["text"])) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_teams_gets_text_runs_only(text):
    (attached,) = teams.message(Said("s", "headline", text))["attachments"]
    assert attached["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attached["content"]
    assert "msteams" not in card
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    runs = [run for block in card["body"] for run in block["inlines"]]
    assert {run["type"] for run in runs} == {"TextRun"}
    assert seen("\n".join(run["text"] for run in runs[1:])) == text
    assert not any("{{" in run["text"] or "://" in run["text"] for run in runs)


def test_discord_may_mention_nobody():
    message = discord.message(Said("s", "@everyone", "@everyone"))
    assert message["allowed_mentions"] == {"parse": []}
    assert message["content"] == "\\@everyone"
    assert message["embeds"] == [{"description": "\\@everyone"}]


@pytest.mark.parametrize("sign", ["x", "<", "&", "`", "😀", "\n", "{"])
def test_no_text_is_longer_than_a_service_takes(sign):
    said = Said("s", sign.strip("\n") * 5000, sign * 100_000)
    header, section = slack.message(said)["blocks"][:2]
    assert len(header["text"]["text"]) <= 150
    assert len(section["text"]["text"]) <= 3000
    message = discord.message(said)
    assert len(message["content"]) <= 2000
    assert len(message["embeds"][0]["description"]) <= 4096
    assert len(json.dumps(teams.message(said), ensure_ascii=False).encode()) < 28_000
    assert len(mattermost.message(said)["text"]) < 16_000


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("hooks.slack.com", "slack"),
        ("discord.com", "discord"),
        ("ptb.discord.com", "discord"),
        ("prod-12.westeurope.logic.azure.com", "teams"),
        ("default0a1b.2c.environment.api.powerplatform.com", "teams"),
        ("firm.cloud.mattermost.com", "mattermost"),
        ("hooks.slack.com.evil.example", None),
        ("evildiscord.com", None),
        ("chat.example.com", None),
    ],
)
def test_a_host_tells_its_service(host, name):
    found = service_at(host)
    assert (found and found.name) == name


@pytest.fixture
def around(tmp_path) -> Surroundings:
    config = make_config(f"sqlite:///{tmp_path}/none.db", tmp_path)
    return Surroundings(config, None, Guard(AllowList(["127.0.0.0/8", "*.webhook.office.com"])))


def test_an_address_that_tells_nothing_needs_the_name_of_the_service(around):
    with Receiving() as there:
        given = {"url": f"{there.url}/secret"}
        with pytest.raises(TargetError, match=r"slack, teams, discord, mattermost: 127.* does not tell"):
            Chat().read(given, {}, around)
        with pytest.raises(TargetError, match="'irc' is none of them"):
            Chat().read(given | {"service": "irc"}, {}, around)
        settings = Chat().read(given | {"service": "Mattermost"}, {}, around)
    assert Chat().read({}, settings, around) == settings
    assert Chat().read({"service": "slack"}, settings, around)["service"] == "slack"
    assert "secret" not in repr((Chat().shown(settings), Chat().place(settings)))
    assert Chat().place(settings) == f"Mattermost at 127.0.0.1:{there.port}"


@pytest.mark.parametrize(
    ("given", "reason"), [({}, "needs the address"), ({"url": "http://10.0.0.1/secret"}, "10.0.0.1")]
)
def test_what_cannot_be_sent_to_is_refused_on_saving(around, given, reason):
    with pytest.raises(Exception, match=reason) as caught:
        Chat().read(given | {"service": "slack"}, {}, around)
    assert "secret" not in str(caught.value)


def test_a_connector_of_teams_is_refused_with_what_to_make_instead(around, monkeypatch):
    monkeypatch.setattr(around.guard, "check", lambda _: None)  # its host has an address only outside
    with pytest.raises(TargetError, match=r"retired.*make a workflow"):
        Chat().read({"url": "https://firm.webhook.office.com/webhookb2/secret"}, {}, around)


def answered(around, service: str, status: int, body: bytes = b"", **headers: str):
    with Receiving(lambda _: (status, headers, body)) as there:
        sender = ChatSender({"url": f"{there.url}/secret", "service": service}, around)
        try:
            result = sender.send(a_parcel(text="hello"))
        finally:
            sender.close()
    assert "secret" not in repr(result)
    assert "hello" not in repr(result)
    return result


@pytest.mark.parametrize(
    ("service", "status", "body"),
    [("slack", 200, b"ok"), ("discord", 204, b""), ("teams", 202, b""), ("mattermost", 200, b"ok")],
)
def test_each_service_takes_it_in_its_own_way(around, service, status, body):
    assert answered(around, service, status, body).delivered


@pytest.mark.parametrize(
    ("body", "header", "wait"),
    [
        (b'{"message": "slow", "retry_after": 2.5}', "7", 2.5),
        (b'{"retry_after": "soon"}', "7", 7.0),
        (b'{"retry_after": 1e99}', "7", 7.0),
        (b"[[[", "7", 7.0),
    ],
)
def test_discord_says_in_its_body_how_long_to_wait(around, body, header, wait):
    result = answered(around, "discord", 429, body, **{"Retry-After": header})
    assert not result.delivered
    assert not result.final
    assert result.retry_after == wait


@pytest.mark.parametrize(("service", "status"), [("slack", 404), ("discord", 404), ("slack", 410)])
def test_a_webhook_that_is_gone_pauses_its_target(around, service, status):
    assert "make another" in answered(around, service, status, b"no_service").pause


def test_a_proxy_that_knows_nothing_for_a_while_pauses_nothing(around):
    result = answered(around, "mattermost", 404)
    assert result.pause is None
    assert not result.final


def test_what_slack_will_never_take_is_given_up(around):
    result = answered(around, "slack", 400, b"invalid_payload")
    assert result.final
    assert result.answer == "invalid_payload"


@pytest.mark.slow
@pytest.mark.parametrize("service", SERVICES)
def test_an_sms_and_a_missed_call_arrive_in_the_channel(database_url, tmp_path, service):
    config = make_config(database_url, tmp_path, outbound_allow=("127.0.0.0/8",), time_zone="Asia/Singapore")
    for app in started(config):
        with app.app_context(), Receiving() as there:
            target = current.targets().add(
                "chat", TargetSort.CHAT, {"url": there.url, "service": service}, search="kind:sms", by="tests"
            )
            current.targets().add(
                "calls",
                TargetSort.CHAT,
                {"url": there.url, "service": service},
                search="state:missed",
                by="tests",
            )
            with working():
                sms(app, 1)
                there.wait_for(1)
                ends = {"from": THEM, "to": US, "session": "a", "txn_ref": "a"}
                arrive(app, "voice", call_state="ringing", **ends)
                arrive(app, "voice", call_state="ended", **ends)
                there.wait_for(2)
                until(lambda: states() == ["delivered"] * 2)
                there.answer = lambda _: (410, {}, b"gone")
                sms(app, 2)
                until(lambda: current.targets().get("chat").state is TargetState.PAUSED)
            first, second = (seen("\n".join(strings(got.json))).replace("\\", "") for got in there.got[:2])
            assert f"SMS from {THEM} to {US}" in first
            assert "message 1" in first
            assert f"Missed call from {THEM} to {US}" in second
            assert "UTC" not in first
            assert there.url not in repr(target)


def test_the_day_is_told_of_what_happened_before_today(around):
    with Receiving() as there:
        sender = ChatSender({"url": there.url, "service": "slack"}, around)
        assert sender.send(a_parcel(text="late", received_at=AT.replace(year=2020))).delivered
        sender.close()
    assert "26 Nov 2020, 10:12 UTC" in there.got[0].json["text"]
