"""Whatever bytes come to a callback URL: the answer is 200, and those bytes are in the log."""

from io import BytesIO
from urllib.parse import quote_from_bytes, urlencode

import pytest
from conftest import KEY, make_config, started
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from receiver.models import Event, Repeat
from receiver.providers.twilio.provider import TWILIO

SQLITE = settings(max_examples=60, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
POSTGRESQL = settings(SQLITE, max_examples=20)

KINDS = st.sampled_from(["voice", "fax", "sms", "other", *(f"twilio/{word}" for word in TWILIO.paths)])
NAMES = st.sampled_from(
    [
        "txn_ref",
        "msg",
        "from",
        "to",
        "date",
        "currency",
        "debit",
        "tag",
        "session",
        "call_state",
        "digits",
        "duration",
        "rate",
        "fax_status",
        "fax_url",
        "record_url",
        "dest",
        "ivr_block",
        *TWILIO.parameters,
        "MediaUrl0",
        "MediaContentType0",
    ]
)
VALUES = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=400),
    st.datetimes().map(str),
    st.decimals().map(str),
    st.sampled_from(["ringing", "ended", "answered", "failed", "+6591234567", " 6591234567", "\x00"]),
)
PARAMETERS = st.dictionaries(st.one_of(NAMES, st.text(st.characters(codec="utf-8"), max_size=80)), VALUES)
HEADER = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=80
)
CONTENT_TYPES = st.one_of(
    HEADER,
    st.sampled_from(["application/json", "application/x-www-form-urlencoded", "multipart/form-data"]),
    HEADER.map(lambda rest: "multipart/form-data; boundary=" + rest),
    HEADER.map(lambda rest: "application/x-www-form-urlencoded; charset=" + rest),
)
BODIES = st.one_of(
    st.binary(max_size=2000),
    PARAMETERS.map(lambda fields: urlencode(fields).encode()),
    st.binary(max_size=200).map(lambda part: b"--x\r\n" + part + b"\r\n--x--\r\n"),
    st.binary(max_size=200).map(
        lambda part: b"--x\r\nContent-Disposition: " + part + b"\r\n\r\nv\r\n--x--\r\n"
    ),
    st.binary(max_size=200).map(lambda part: b'{"msg": "' + part + b'"}'),
)
PIECES = [
    b"hi",
    b"+2AA-",
    b"+3AA-",
    b"\\ud800",
    b"\\udc00",
    b"%ff",
    b"%00",
    b"\xff",
    b"\xed\xa0\x80",
    b"\x1b$B",
]
NO_TEXT = st.lists(st.sampled_from(PIECES), max_size=6).map(b"".join)
"""Halves of pairs and what else no database stores, as one charset or another spells them."""
CHARSETS = st.sampled_from(
    ["utf-7", "utf-8", "utf-16", "utf-16-le", "utf-32", "cp500", "hz", "iso2022_jp", ""]
)
LIKELY_TYPES = st.one_of(CONTENT_TYPES, st.just("multipart/form-data; boundary=x"))


FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"


class Receiver:
    """An application with a database, and a check that a callback was answered and kept."""

    def __init__(self, app):
        self._client = app.test_client()
        self._engine = app.extensions["receiver"].engine
        self._last = {Event: 0, Repeat: 0}

    def keeps(self, body: bytes, *, query: str = "", content_type: str = "", kind: str = "sms") -> None:
        """Post it; exactly one row came to the log, and it holds what was sent."""
        path = f"/callbacks/{KEY}/{kind}"
        # A stream, not `data`: from that the client would build a form of its own for some content types.
        answer = self._client.post(
            path,
            query_string=query,
            input_stream=BytesIO(body),
            content_length=len(body),
            content_type=content_type,
        )
        assert answer.status_code == 200
        assert self._new_rows() == [(body, query.encode())]

    def _new_rows(self) -> list[tuple[bytes, bytes]]:
        found = []
        with self._engine.connect() as connection:
            for table, last in self._last.items():
                wanted = select(table.id, table.body, table.query_string).where(table.id > last)
                for number, body, query in connection.execute(wanted.order_by(table.id)):
                    self._last[table] = number
                    found.append((bytes(body), bytes(query)))
        return found


@pytest.fixture
def on_sqlite(tmp_path):
    for app in started(make_config(f"sqlite:///{tmp_path}/receiver.db", tmp_path)):
        yield Receiver(app)


@pytest.fixture
def on_postgresql(postgres_databases, tmp_path):
    name = postgres_databases.take()
    for app in started(make_config(postgres_databases.url(name), tmp_path)):
        yield Receiver(app)
    postgres_databases.give_back(name)


@SQLITE
@given(body=BODIES, kind=KINDS)
def test_it_keeps_any_body(on_sqlite, body, kind):
    on_sqlite.keeps(body, kind=kind)


@SQLITE
@given(body=BODIES, content_type=LIKELY_TYPES)
def test_it_keeps_a_body_of_any_content_type(on_sqlite, body, content_type):
    on_sqlite.keeps(body, content_type=content_type)


@SQLITE
@given(query=st.binary(max_size=1000), body=BODIES)
def test_it_keeps_any_query(on_sqlite, query, body):
    on_sqlite.keeps(body, query=quote_from_bytes(query, safe="&=+%"))


@SQLITE
@given(fields=PARAMETERS, in_query=PARAMETERS, kind=KINDS)
def test_it_keeps_any_parameters(on_sqlite, fields, in_query, kind):
    on_sqlite.keeps(urlencode(fields).encode(), query=urlencode(in_query), kind=kind)


def keeps_no_text(receiver: Receiver, raw: bytes, charset: str) -> None:
    """Where each way to send it has a place for text."""
    part = b"--x\r\nContent-Disposition: form-data; name=msg\r\nContent-Type: text/plain; charset="
    declared = f"; charset={charset}"
    receiver.keeps(part + charset.encode() + b"\r\n\r\n" + raw + b"\r\n--x--\r\n", content_type=MULTIPART)
    receiver.keeps(b"msg=" + raw, query=f"tag={quote_from_bytes(raw)}", content_type=FORM + declared)
    receiver.keeps(b"", query=f"msg=%ff{quote_from_bytes(raw)}", content_type=f"text/plain{declared}")
    receiver.keeps(b'{"msg": "' + raw + b'"}', content_type=f"application/json{declared}")


@SQLITE
@given(raw=NO_TEXT, charset=CHARSETS)
def test_it_keeps_what_is_no_text_in_any_charset(on_sqlite, raw, charset):
    keeps_no_text(on_sqlite, raw, charset)


@pytest.mark.postgres
@POSTGRESQL
@given(raw=NO_TEXT, charset=CHARSETS)
def test_it_keeps_what_is_no_text_in_any_charset_on_postgresql(on_postgresql, raw, charset):
    keeps_no_text(on_postgresql, raw, charset)


@pytest.mark.postgres
@POSTGRESQL
@given(body=BODIES, content_type=LIKELY_TYPES, query=st.binary(max_size=300), kind=KINDS)
def test_it_keeps_any_bytes_on_postgresql(on_postgresql, body, content_type, query, kind):
    on_postgresql.keeps(
        body, content_type=content_type, query=quote_from_bytes(query, safe="&=+%"), kind=kind
    )


@pytest.mark.postgres
@POSTGRESQL
@given(fields=PARAMETERS, in_query=PARAMETERS, kind=KINDS)
def test_it_keeps_any_parameters_on_postgresql(on_postgresql, fields, in_query, kind):
    on_postgresql.keeps(urlencode(fields).encode(), query=urlencode(in_query), kind=kind)
