"""Reading what is odd: charsets, wrong content types, JSON, compressed bodies."""

import gzip
import json
import zlib
from base64 import b64decode
from datetime import UTC, datetime
from urllib.parse import quote_from_bytes

import pytest
from conftest import API_TOKEN, KEY, signed

from receiver.providers.forms import read_parameters
from receiver.providers.hoiio.notifications import read_notification
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.limits import LARGEST_INFLATED
from receiver.web.asgi import environ_of


def zipped(data: bytes) -> bytes:
    """Compressed to the same bytes at any time."""
    return gzip.compress(data, mtime=0)


FORM = b"txn_ref=A1&msg=one&from=%2B6599991234"
READ = {"txn_ref": "A1", "msg": "one", "from": "+6599991234"}
PARTS = b"".join(
    b'--edge\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value.encode())
    for name, value in READ.items()
)
MULTIPART = PARTS + b"--edge--\r\n"
IN_PART = "msg: not wholly UTF-8, what is not was replaced"
PLAIN = b"txn_ref=A1\r\nmsg=one\r\nfrom=+6599991234\r\n"


def events(client) -> list[dict]:
    answer = client.get("/api/v1/events", headers={"Authorization": f"Bearer {API_TOKEN}"})
    return answer.json["events"]


def post(client, body: bytes, content_type: str = "", query: str = "", **headers: str) -> None:
    path = f"/callbacks/{KEY}/sms{query}"
    assert client.post(path, data=body, content_type=content_type, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (FORM, "multipart/form-data"),
        (FORM, "multipart/form-data; boundary=edge"),
        (FORM, "text/plain"),
        (FORM, "application/octet-stream"),
        (FORM, "text/xml; charset=utf-8"),
        (PLAIN, "text/plain"),
        (MULTIPART, "Multipart/Form-Data; boundary=edge"),
        (MULTIPART, "MULTIPART/FORM-DATA; BOUNDARY=edge"),
        (MULTIPART, 'multipart/form-data; boundary="edge"'),
        (MULTIPART, "multipart/form-data"),
        (MULTIPART, "multipart/form-data; boundary=other"),
        (MULTIPART, "multipart/mixed; boundary=edge"),
        (MULTIPART, "application/x-www-form-urlencoded"),
        (MULTIPART, "text/plain"),
        (MULTIPART, ""),
        (MULTIPART.replace(b"\r\n", b"\n"), "multipart/form-data; boundary=edge"),
        (json.dumps(READ).encode(), "text/plain"),
        (json.dumps(READ).encode(), "application/x-www-form-urlencoded"),
        (json.dumps(READ).encode(), "Application/JSON"),
        (FORM, "application/json"),
        (b"\xef\xbb\xbf" + FORM, ""),
        (b"%EF%BB%BF" + FORM, ""),
        (b"\xef\xbb\xbf" + json.dumps(READ).encode(), "application/json"),
        (b"\xef\xbb\xbf" + MULTIPART, "multipart/form-data; boundary=edge"),
        (b"\xff\xfe" + FORM.decode().encode("utf-16-le"), ""),
        (json.dumps(READ).encode("utf-16"), "application/json"),
        (zipped(FORM), ""),
        (zipped(FORM[:5]) + zipped(FORM[5:]), ""),
        (zipped(json.dumps(READ).encode()), "application/json"),
        (zipped(MULTIPART), "multipart/form-data; boundary=edge"),
        (zlib.compress(FORM), ""),
    ],
)
def test_it_reads_a_body_as_what_it_plainly_is(body, content_type):
    assert read_parameters(b"", body, content_type).params == READ


def test_it_reads_the_query_past_a_byte_order_mark():
    assert read_parameters(b"%EF%BB%BF" + FORM, b"").params == READ


@pytest.mark.parametrize(
    ("bodies", "content_type"),
    [
        ([b"\x00\x01", b"\x00\x02"], "application/octet-stream"),
        ([b"&", b"&&"], ""),
        ([b'{"msg": null}', b'{"msg": null, "from": null}'], "application/json"),
        ([b"msg=one&txn_ref=A1", b"msg=two&txn_ref=A1"], "multipart/form-data"),
        ([b"--edge\r\nmsg: one\r\n", b"--edge\r\nmsg: two\r\n"], "multipart/form-data; boundary=edge"),
        ([b"msg=%E4%BD%A0%E5%A5", b"msg=%E4%BD%A0%E5%A6"], ""),
        ([b"p=1&" * 1000 + b"msg=one", b"p=1&" * 1000 + b"msg=two"], ""),
        ([b'{"msg": "\\ud800"}', b'{"msg": "\\ud801"}'], "application/json"),
        (
            [PARTS + b'--edge\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n' + end
             for end in (b"1\r\n--edge--\r\n", b"2\r\n--edge--\r\n")],
            "multipart/form-data; boundary=edge",
        ),
    ],
)  # fmt: skip
def test_different_messages_are_different_events_and_the_same_one_is_a_repeat(client, bodies, content_type):
    query = "?txn_ref=A1"  # without one, a repeat is what comes within seconds
    for body in bodies:
        post(client, body, content_type, query=query)
    post(client, bodies[0], content_type, query=query)
    assert [event["repeats"] for event in events(client)] == [0, 1]


def served(app, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Take a callback in as the gateway hands it on."""
    scope = {"method": "POST", "path": f"/callbacks/{KEY}/sms", "query_string": b"", "headers": headers}
    answer = {}
    result = app(environ_of(scope, body), lambda status, *_: answer.update(status=status))
    b"".join(result)
    assert answer["status"].startswith("200")


def spelled(text: bytes, way: str) -> tuple[bytes, bytes, str]:
    """Query, body and content type of a message with this text."""
    escaped = b"txn_ref=A1&msg=" + quote_from_bytes(text).encode()
    if way == "query":
        return escaped, b"", ""
    if way == "form":
        return b"", escaped, ""
    head = b'--edge\r\nContent-Disposition: form-data; name="msg"\r\n\r\n'
    return b"", head + text + b"\r\n--edge--\r\n", "multipart/form-data; boundary=edge"


@pytest.mark.parametrize("way", ["query", "form", "multipart"])
@pytest.mark.parametrize(
    ("raw", "text", "problem"),
    [
        (b"\xe4\xbd\xa0\xe5\xa5\xbd", "你好", None),
        (
            b"\xe4\xbd\xa0\xe5\xa5\xbd\xe5\x90",
            "你好\ufffd",
            IN_PART,
        ),
        (b"\xbd\xa0\xe5\xa5\xbd", "\ufffd\ufffd好", IN_PART),
        (b"\xe4\xbd\xa0\xff", "你\ufffd", IN_PART),
        (b"hello \xe4\xbd", "hello \ufffd", IN_PART),
        (b"\xf0\x9f\x98\x80 ok \xf0\x9f", "😀 ok \ufffd", IN_PART),
        (b"caf\xe9", "café", "{}: not UTF-8, read as Latin-1"),
        (b"\xc7a va \xe0 l'\xe9cole", "Ça va à l'école", "{}: not UTF-8, read as Latin-1"),
    ],
)
def test_it_decodes_what_is_utf_8_and_replaces_what_is_not(way, raw, text, problem):
    query, body, content_type = spelled(raw, way)
    found = read_parameters(query, body, content_type)
    assert found.params["msg"] == text
    where = "query" if way == "query" else "body"
    assert found.problems == (() if problem is None else (problem.format(where),))


@pytest.mark.parametrize("way", ["query", "form", "multipart"])
@pytest.mark.parametrize(
    ("charset", "raw", "text"),
    [
        ("ISO-8859-1", b"caf\xe9", "café"),
        ("latin1", b"caf\xe9", "café"),
        ("windows-1252", b"it\x92s 5\x80", "it\u2019s 5€"),
        ("GBK", "你好".encode("gbk"), "你好"),
        ("gb2312", "你好".encode("gb2312"), "你好"),
        ('"Shift_JIS"', "こんにちは".encode("shift_jis"), "こんにちは"),
        ("koi8-r", "привет".encode("koi8-r"), "привет"),
    ],
)
def test_it_honours_a_declared_charset(way, charset, raw, text):
    query, body, content_type = spelled(raw, way)
    content_type = f"{content_type or 'application/x-www-form-urlencoded'}; charset={charset}"
    found = read_parameters(query, body, content_type)
    assert (found.params["msg"], found.problems) == (text, ())


def test_it_honours_the_charset_of_one_part():
    _, body, content_type = spelled(b"caf\xe9", "multipart")
    body = body.replace(b"\r\n\r\n", b"\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\n", 1)
    found = read_parameters(b"", body, content_type)
    assert (found.params, found.problems) == ({"msg": "café"}, ())


@pytest.mark.parametrize(
    ("charset", "raw", "text", "problem"),
    [
        ("utf-8", b"caf\xe9", "caf\ufffd", IN_PART),
        ("gbk", b"\xc4\xe3\xff", "你\ufffd", "msg: not wholly GBK, what is not was replaced"),
        ("nonsense", "é".encode(), "é", "body: the charset nonsense is not known"),
        ("rot13", b"abc", "abc", "body: the charset rot13 is not known"),
        ("idna", b"abc", "abc", "body: the charset idna is not known"),
        ("hex", b"abc", "abc", "body: the charset hex is not known"),
    ],
)
def test_it_says_what_a_declared_charset_was_not_good_for(charset, raw, text, problem):
    _, body, _ = spelled(raw, "form")
    found = read_parameters(b"", body, f"application/x-www-form-urlencoded; charset={charset}")
    assert (found.params["msg"], found.problems) == (text, (problem,))


@pytest.mark.parametrize("way", ["query", "multipart"])
def test_it_replaces_half_a_surrogate_pair_that_a_charset_spells(way):
    query, body, content_type = spelled(b"\xff+2AA-" if way == "query" else b"+2AA-", way)
    body = body.replace(b"\r\n\r\n", b"\r\nContent-Type: text/plain; charset=utf-7\r\n\r\n", 1)
    found = read_parameters(query, body, content_type or "text/plain; charset=utf-7")
    assert "msg: not wholly UTF-7, what is not was replaced" in found.problems
    assert found.params["msg"].encode()
    assert not found.exact


def test_bodies_that_differ_in_what_is_replaced_are_told_apart():
    for unit in (b"\x00\xd8", b"\x01\xd8"):
        body = "msg=h".encode("utf-16-le") + unit + "i&txn_ref=1".encode("utf-16-le")
        found = read_parameters(b"", body, "application/x-www-form-urlencoded; charset=utf-16le")
        assert found.params == {"msg": "h\ufffdi", "txn_ref": "1"}
        assert found.problems == ("body: not wholly UTF-16-LE, what is not was replaced",)
        assert not found.exact


@pytest.mark.parametrize(
    "charset", ["utf-16", "utf-32", "cp500", "utf-7", "\x00", "a" * 5000, "..", "aliases"]
)
def test_no_charset_makes_it_fail(charset):
    read_parameters(FORM, FORM + b"%ff", f"text/plain; charset={charset}")


def test_json_has_one_meaning():
    body = b"""{"txn_ref": "A1", "session": null, "duration": 2, "debit": 0.013, "msg": true, "tag": false,
        "digits": "1", "digits": "2", "from": "+1", "from": null, "x": {"a": [1, null]}, "y": ["a"]}"""
    found = read_parameters(b"", body, "application/json")
    assert found.params == {
        **{"txn_ref": "A1", "duration": "2", "debit": "0.013", "msg": "true", "tag": "false"},
        **{"digits": ["1", "2"], "from": "+1", "x": '{"a": [1, null]}', "y": '["a"]'},
    }
    assert found.problems == ("x: not a single value, kept as JSON", "y: not a single value, kept as JSON")


def test_calls_without_a_session_in_json_are_not_one_call(client):
    for number in range(2):
        body = {"call_state": "ringing", "session": None, "txn_ref": f"A{number}"}
        client.post(f"/callbacks/{KEY}/voice", json=body)
    assert [(event["session"], event["problems"]) for event in events(client)] == [
        (None, ["session: missing", "from: missing", "to: missing"])
    ] * 2


def test_it_decodes_json_with_a_bad_byte():
    found = read_parameters(b"", b'{"msg": "\xe4\xbd\xa0\xff"}', "application/json")
    assert (found.params, found.exact) == ({"msg": "你\ufffd"}, False)


@pytest.mark.parametrize(
    ("body", "encoding", "problem"),
    [
        (zipped(b"msg=one&x=" + b"a" * (2 * LARGEST_INFLATED)), "gzip", "larger than is read"),
        (zipped(b"msg=one&x=" + bytes(range(256)) * 50)[:-20], "gzip", "cut short"),
        (b"\x1f\x8bnonsense", "gzip", "damaged"),
        (b"\x8b\x01\x80msg", "br", "not read"),
    ],
)
def test_it_inflates_within_a_limit_and_says_where_it_stopped(body, encoding, problem):
    found = read_parameters(b"", body, "", encoding)
    assert not found.exact
    assert any(problem in one for one in found.problems)
    assert sum(len(value) for value in found.params.values()) <= LARGEST_INFLATED


def test_a_compressed_callback_is_read_and_kept_as_it_came(client):
    body = zipped(FORM)
    post(client, body, "application/x-www-form-urlencoded", **{"Content-Encoding": "gzip"})
    deflate = zlib.compressobj(wbits=-15)
    raw = deflate.compress(FORM.replace(b"A1", b"A2")) + deflate.flush()
    post(client, raw, "application/x-www-form-urlencoded", **{"Content-Encoding": "deflate"})
    newest, first = events(client)
    assert (first["text"], first["txn_ref"], first["quarantined"]) == ("one", "A1", False)
    assert (newest["params"]["msg"], newest["txn_ref"]) == ("one", "A2")
    answer = client.get(f"/api/v1/events/{first['id']}", headers={"Authorization": f"Bearer {API_TOKEN}"})
    assert gzip.decompress(b64decode(answer.json["raw"]["body_base64"])) == FORM


@pytest.mark.parametrize("body", [b"xmsg=one", b"x", b"x\x9cmsg=one", b"-", b"--", b"--x\r\n", b"\x1f"])
def test_it_reads_a_form_that_only_begins_like_something_else(body):
    assert read_parameters(b"", body).params


@pytest.mark.parametrize("date", ["2012-10-30", "20121030", "2012-W44-2"])
def test_a_day_without_a_time_is_not_taken_for_its_midnight(date):
    found = read_notification(Kind.FAX, read_parameters(b"fax_status=answered&date=" + date.encode(), b""))
    assert found.occurred_at is None
    assert "date: a day without a time" in found.problems


@pytest.mark.parametrize("date", ["2012-10-30 12:20:50", "20121030T122050", "2012-10-30 12:20:50.5"])
def test_a_day_with_a_time_is_a_moment(date):
    found = read_notification(Kind.FAX, read_parameters(b"fax_status=answered&date=" + date.encode(), b""))
    assert found.occurred_at.replace(microsecond=0) == datetime(2012, 10, 30, 4, 20, 50, tzinfo=UTC)


def test_headers_that_came_several_times_are_all_kept(app):
    served(app, [(b"x-forwarded-for", b"192.0.2.1"), (b"x-forwarded-for", b"192.0.2.2")], FORM)
    (event,) = events(app.test_client())
    shown = app.test_client().get(
        f"/api/v1/events/{event['id']}", headers={"Authorization": f"Bearer {API_TOKEN}"}
    )
    assert shown.json["raw"]["headers"]["X-Forwarded-For"] == "192.0.2.1, 192.0.2.2"


@pytest.mark.parametrize("right", [0, 1])
def test_a_signature_that_came_several_times_counts_if_one_is_right(app, right):
    name, signature = b"x-hoiio-signature", signed(FORM)["X-Hoiio-Signature"].encode()
    both = [signature, b"0" * 64] if right == 0 else [b"0" * 64, signature]
    served(app, [(name, value) for value in both], FORM)
    assert [event["signature"] for event in events(app.test_client())] == ["valid"]


def test_a_cookie_that_came_in_pieces_is_one():
    scope = {
        **{"method": "GET", "path": "/", "query_string": b""},
        "headers": [(b"cookie", b"a=1"), (b"cookie", b"b=2")],
    }
    assert environ_of(scope, b"")["HTTP_COOKIE"] == "a=1; b=2"
