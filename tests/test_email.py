"""E-mail, by a real server: what arrives, what it is put with, and what becomes of a refusal."""

import contextlib
import socket
import ssl
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.headerregistry import Address

import pytest
import trustme
from conftest import make_config, started
from mailserver import LOGIN, PASSWORD, MailServer
from said import THEM, US, a_parcel
from test_relay import arrive, due_now, sms, states, until

from receiver import current
from receiver.outbound.allow import AllowList
from receiver.outbound.guard import Guard
from receiver.relay.delivery import Parcel
from receiver.relay.documents import Document
from receiver.relay.email.sort import LARGEST, Email, EmailSender
from receiver.relay.sender import Surroundings, TargetError
from receiver.relay.target import TargetSort
from receiver.relay.trial import made_up
from receiver.relay.worker import Worker
from receiver.search.query import Search
from receiver.vocabulary.errors import OperatorError

FROM = "Reception <fax@example.com>"
PDF = b"%PDF-1.4 of three pages"
PNG = b"\x89PNG\r\n\x1a\n of the first"


class Kept:
    """What is kept of each fax: as it is told."""

    def __init__(self, document: Document | None = None) -> None:
        self.document = document

    def find(self, event):
        assert event.kind == "fax"
        return () if self.document is None else (self.document,)


def kept(content: bytes = PDF, **given) -> Document:
    about = {"size": len(content), "pages": 3, "read": lambda: content, "picture": lambda: PNG}
    return Document(**about | given)


@pytest.fixture
def around(tmp_path):
    """What senders work with, for a server at this port; nothing in these tests reads the database."""

    def make(port: int, *, url: str = "smtp://localhost:{}", documents=None, **settings) -> Surroundings:
        settings = {"smtp_url": url.format(port), "mail_from": FROM} | settings
        config = make_config(f"sqlite:///{tmp_path}/none.db", tmp_path, **settings)
        return Surroundings(config, None, Guard(AllowList()), documents or Kept())

    return make


def sender(around: Surroundings, to="a@example.com") -> EmailSender:
    settings = Email().read({"to": to}, {}, around)
    return EmailSender(settings, around)


@pytest.fixture
def authority(tmp_path, monkeypatch) -> trustme.CA:
    """One that this machine trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return authority


def served(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def test_an_sms_is_a_mail_that_anybody_can_read(around):
    with MailServer() as there:
        result = sender(around(there.port), "a@example.com, Bob <b@Example.com>").send(
            a_parcel(text="hi <b>\r\nline \u20ac two")
        )
        (taken,) = there.taken
    assert result.delivered
    assert result.status == 250
    assert "hi" not in repr(result)
    assert "91234567" not in repr(result)
    assert (taken.sender, taken.to) == ("fax@example.com", ["a@example.com", "b@example.com"])
    assert taken.content.isascii()
    assert taken.mail["Subject"] == f"SMS from {THEM}"
    assert taken.mail["From"].addresses == (Address("Reception", addr_spec="fax@example.com"),)
    assert taken.mail["To"] == "a@example.com, b@example.com"
    assert taken.mail["Auto-Submitted"] == "auto-generated"
    assert f"SMS from {THEM} to {US}, 26 Nov 2025, 10:12 UTC" in taken.text()
    assert "hi <b>\nline \u20ac two\n" in taken.text()
    assert "hi &lt;b&gt;<br>\nline \u20ac two" in taken.text("html")


HOSTILE = [
    "+65\r\nBcc: evil@example.com",
    "+65\n\nbody",
    "=?utf-8?q?=0D=0ABcc=3A_evil=40example=2Ecom?=",
    "=?utf-8?b?DQpCY2M6IGV2aWxAZXhhbXBsZS5jb20=?=",
    "\u202e<script>alert(1)</script>\x00\x0b\u2028Bcc: x@example.com",
    '"><img src=x>' + "\u6f22" * 300,
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_came_in_adds_no_header_no_recipient_and_no_html(around, hostile):
    with MailServer() as there:
        assert (
            sender(around(there.port))
            .send(a_parcel(sender=hostile, text=f"{hostile}\r\n.\r\nQUIT"))
            .delivered
        )
        (taken,) = there.taken
    assert taken.to == ["a@example.com"]
    allowed = {"Subject", "From", "To", "Date", "Message-ID", "In-Reply-To", "References"} | {
        "Auto-Submitted",
        "X-Auto-Response-Suppress",
        "MIME-Version",
        "Content-Type",
    }
    assert set(taken.mail.keys()) <= allowed
    assert len(taken.mail.keys()) == len(set(taken.mail.keys()))
    assert "\n" not in taken.mail["Subject"]
    assert not taken.mail.defects
    assert "<script" not in taken.text("html")
    assert "<img" not in taken.text("html")
    assert taken.text().endswith("QUIT\n")


def ids(mail) -> tuple[str, str | None, str | None]:
    return mail["Message-ID"], mail["In-Reply-To"], mail["References"]


def test_mails_of_a_conversation_belong_together_and_name_nobody(around):
    with MailServer() as there:
        mine = sender(around(there.port))
        for parcel in (
            a_parcel(text="one"),
            a_parcel(text="one"),
            replace(a_parcel(text="two"), message_id="evt_8"),
            replace(a_parcel(text="other", sender="+6599999999"), message_id="evt_9"),
            replace(a_parcel("call.ringing", session="s1"), message_id="evt_10"),
            replace(a_parcel("call.ended", quarantine="x", session="s1"), message_id="evt_11"),
            replace(a_parcel("fax.received"), message_id="evt_12"),
        ):
            assert mine.send(parcel).delivered
        first, again, second, other, ringing, ended, fax = (ids(taken.mail) for taken in there.taken)
        assert sender(around(there.port)).send(a_parcel(text="one")).delivered
        elsewhere = ids(there.taken[-1].mail)
    assert first == again
    assert first[0] != second[0]
    assert first[1] == first[2] == second[1] == second[2]
    assert other[1] not in {first[1], None}
    assert ringing[1] == ended[1] not in {first[1], None}
    assert fax[1] is None
    # Who does not know the target's own key cannot try which numbers give an id.
    assert elsewhere[1] != first[1]
    assert not any("91234567" in value for value in (*first, *elsewhere))
    assert first[0].endswith("@example.com>")


def test_a_long_domain_leaves_the_ids_whole(around):
    domain = f"{'a' * 60}.{'b' * 60}.example.com"
    with MailServer() as there:
        assert sender(around(there.port, mail_from=f"fax@{domain}")).send(a_parcel(text="x")).delivered
        (taken,) = there.taken
    assert f"\r\nReferences: {taken.mail['References']}\r\n".encode() in taken.content
    assert taken.mail["Message-ID"].endswith(f"@{domain}>")


def test_a_fax_comes_with_its_document_and_a_picture(around):
    with MailServer() as there:
        mine = sender(around(there.port, documents=Kept(kept())))
        assert mine.send(a_parcel("fax.received")).delivered
        (taken,) = there.taken
    (attached,) = taken.mail.iter_attachments()
    assert attached.get_content_type() == "application/pdf"
    assert attached.get_filename() == "fax-7.pdf"
    assert attached.get_content() == PDF
    related = next(part for part in taken.mail.walk() if part.get_content_type() == "multipart/related")
    page, picture = related.iter_parts()
    assert f'src="cid:{picture["Content-ID"].strip("<>")}"' in page.get_content()
    assert picture.get_content() == PNG
    assert picture.get_content_disposition() == "inline"
    assert "The document has 3 pages." in taken.text()


def test_a_tiff_without_a_picture_comes_too(around):
    document = kept(media_type="image/tiff", picture=lambda: None, pages=None)
    with MailServer() as there:
        assert sender(around(there.port, documents=Kept(document))).send(a_parcel("fax.received")).delivered
        (taken,) = there.taken
    (attached,) = taken.mail.iter_attachments()
    assert (attached.get_content_type(), attached.get_filename()) == ("image/tiff", "fax-7.tif")
    assert "cid:" not in taken.text("html")


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (None, "no copy of it was kept here"),
        (Document(reason="The link had lapsed."), "The link had lapsed."),
        (kept(size=LARGEST + 1), "it has 20 MB, too much for a mail"),
        (kept(read=lambda: None), "not in the archive any more"),
    ],
)
def test_a_mail_says_why_it_has_no_document(around, document, why):
    with MailServer() as there:
        assert sender(around(there.port, documents=Kept(document))).send(a_parcel("fax.received")).delivered
        (taken,) = there.taken
    assert list(taken.mail.iter_attachments()) == []
    assert why in taken.text()
    assert why in taken.text("html")


def test_an_archive_that_cannot_be_read_now_is_a_failure_for_now(around):
    def read():
        raise OperatorError("the archive cannot be used")

    with MailServer() as there:
        result = sender(around(there.port, documents=Kept(kept(read=read)))).send(a_parcel("fax.received"))
        assert there.taken == []
    assert (result.delivered, result.final, result.reason) == (False, False, "the archive cannot be used")


def test_a_server_that_takes_little_gets_the_mail_without_the_document(around):
    document = kept(b"x" * 80_000)
    with MailServer(largest=100_000) as there:
        assert sender(around(there.port, documents=Kept(document))).send(a_parcel("fax.received")).delivered
        (taken,) = there.taken
    assert "it has 78 kB, too much for a mail" in taken.text()


def test_a_fax_waits_for_its_document_but_not_for_ever(around):
    documents = Kept(Document(waiting=True))
    with MailServer() as there:
        mine = sender(around(there.port, documents=documents))
        now = datetime.now(UTC)
        result = mine.send(a_parcel("fax.received", made_at=now))
        assert result.not_yet is not None
        assert there.taken == []
        documents.document = kept()
        assert mine.send(a_parcel("fax.received", made_at=now)).delivered
        documents.document = Document(waiting=True)
        assert mine.send(a_parcel("fax.received", made_at=now - timedelta(minutes=3))).delivered
        with_it, without = there.taken
    assert len(list(with_it.mail.iter_attachments())) == 1
    assert "it was not fetched yet" in without.text()


@pytest.mark.parametrize(("search", "what"), [("has:voicemail", "recording"), ("kind:fax", "document")])
def test_a_test_mail_says_what_a_real_one_comes_with(around, search, what):
    parcel = Parcel("evt_test_1", made_up(Search.parse(search)), attempt=1, test=True)
    with MailServer() as there:
        # A copy that waits is none of a test, and not looked for.
        assert sender(around(there.port, documents=Kept(Document(waiting=True)))).send(parcel).delivered
        (taken,) = there.taken
    assert list(taken.mail.iter_attachments()) == []
    for sort in ("plain", "html"):
        assert f"This is a test. A real mail comes with the {what}." in taken.text(sort)
        assert "not attached" not in taken.text(sort)


def test_it_logs_in_by_starttls(around, authority):
    tls = served(authority.issue_cert("127.0.0.1"))
    with MailServer(starttls=tls, login=True) as there:
        result = sender(around(there.port, url=f"smtp://{LOGIN}@127.0.0.1:{{}}")).send(a_parcel(text="x"))
        assert result.delivered, result
        assert there.taken[0].secure


def test_it_logs_in_by_tls(around, authority):
    tls = served(authority.issue_cert("localhost"))
    with MailServer(tls=tls) as there:
        result = sender(around(there.port, url="smtps://localhost:{}")).send(a_parcel(text="x"))
        assert result.delivered, result
        assert there.taken[0].secure


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
@pytest.mark.parametrize("fault", ["name", "authority"])
def test_a_certificate_that_is_not_valid_gets_no_password(around, authority, scheme, fault):
    certificate = (
        authority.issue_cert("other.example.com") if fault == "name" else trustme.CA().issue_cert("127.0.0.1")
    )
    tls = served(certificate)
    given = {"tls": tls} if scheme == "smtps" else {"starttls": tls}
    with MailServer(login=scheme == "smtp", **given) as there:
        result = sender(around(there.port, url=f"{scheme}://{LOGIN}@127.0.0.1:{{}}")).send(a_parcel(text="x"))
        assert there.taken == []
    assert not result.delivered
    assert not result.final
    assert result.reason.startswith(f"the certificate of 127.0.0.1:{there.port} is not valid")


def test_nothing_is_said_to_a_server_without_starttls(around):
    with MailServer() as there:
        result = sender(around(there.port, url=f"smtp://{LOGIN}@127.0.0.1:{{}}")).send(a_parcel(text="x"))
        assert there.taken == []
    assert "does not offer STARTTLS" in result.reason


def test_a_wrong_password_is_a_failure_with_a_reason_that_tells_no_secret(around, authority):
    tls = served(authority.issue_cert("127.0.0.1"))
    with MailServer(starttls=tls, login=True) as there:
        url = "smtp://fax%40example.com:sesame@127.0.0.1:{}"
        result = sender(around(there.port, url=url)).send(a_parcel(text="x"))
    assert (result.delivered, result.final, result.pause, result.status) == (False, False, None, 535)
    assert "does not take the user name and password in SMTP_URL (answered 535)" in result.reason
    assert "sesame" not in repr(result)


@pytest.mark.parametrize(
    ("given", "reason", "status", "final"),
    [
        ({"data": lambda: "451 later"}, "did not take the mail (answered 451)", 451, False),
        ({"data": lambda: "554 spam"}, "did not take the mail (answered 554)", 554, True),
        ({"recipient": lambda _: "450 greylisted"}, "a@example.com was refused: 450 greylisted", 450, False),
        ({"recipient": lambda _: "550 nobody"}, "a@example.com was refused: 550 nobody", 550, True),
        ({"recipient": lambda _: "421 leave"}, "a@example.com was refused: 421 leave", 421, False),
        ({"sender": lambda _: "553 not you"}, "does not let MAIL_FROM send (answered 553)", 553, False),
    ],
)
def test_a_failure_is_for_now_or_for_good(around, given, reason, status, final):
    with MailServer(**given) as there:
        result = sender(around(there.port)).send(a_parcel(text="hello"))
        assert there.taken == []
    assert not result.delivered
    assert reason in result.reason
    assert (result.status, result.final) == (status, final)
    assert "hello" not in repr(result)


def test_some_recipients_get_it_though_others_do_not_and_nobody_gets_it_twice(around):
    later = {"b@example.com": "450 not now", "c@example.com": "550 nobody"}
    with MailServer(recipient=later.get) as there:
        mine = sender(around(there.port), "a@example.com,b@example.com,c@example.com")
        first = mine.send(a_parcel(text="x"))
        assert (first.delivered, first.final) == (False, False)
        assert "b@example.com was refused: 450 not now" in first.reason
        assert "1 of 3 have it" in first.reason
        del later["b@example.com"]
        second = mine.send(a_parcel(text="x"))
        assert second.delivered
        assert second.reason == "c@example.com was refused: 550 nobody"
        assert [taken.to for taken in there.taken] == [["a@example.com"], ["b@example.com"]]
        one, two = (taken.mail for taken in there.taken)
    assert one["Message-ID"] == two["Message-ID"]
    assert one["To"] == two["To"] == "a@example.com, b@example.com, c@example.com"


def test_who_was_not_reached_before_the_server_left_is_not_taken_for_served(around):
    leaves = {"b@example.com": "421 leave"}
    with MailServer(recipient=leaves.get) as there:
        mine = sender(around(there.port), "a@example.com,b@example.com")
        assert not mine.send(a_parcel(text="x")).delivered
        leaves.clear()
        assert mine.send(a_parcel(text="x")).delivered
        assert [taken.to for taken in there.taken] == [["a@example.com", "b@example.com"]]


def test_a_server_that_is_not_there_is_a_failure_for_now(around):
    with MailServer() as there:
        pass
    result = sender(around(there.port)).send(a_parcel(text="x"))
    assert (result.delivered, result.final) == (False, False)
    assert "cannot be reached" in result.reason


def test_a_server_that_drips_does_not_hold_it(around, monkeypatch):
    monkeypatch.setattr("receiver.relay.email.smtp._LONGEST", 0.5)
    stop = threading.Event()

    def drip():
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            while not stop.wait(0.05):
                connection.sendall(b"220-more\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        begun = time.monotonic()
        result = sender(around(listener.getsockname()[1])).send(a_parcel(text="x"))
        assert time.monotonic() - begun < 5
        stop.set()
        thread.join(5)
    assert not result.delivered
    assert "broke off, or took too long" in result.reason


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "somebody to go to"),
        ({"to": "nobody"}, "'nobody' must look like"),
        ({"to": "a@example.com\r\nBcc: b@example.com"}, "must look like"),
        ({"to": ["a@example.com>\r\nRCPT TO:<b@example.com"]}, "must look like"),
        ({"to": "a b@example.com"}, "must look like"),
        ({"to": "\u00e4@example.com"}, "must look like"),
        ({"to": [f"{number}@example.com" for number in range(21)]}, "more than 20"),
    ],
)
def test_a_recipient_is_a_plain_address(around, given, reason):
    with pytest.raises(TargetError, match=reason):
        Email().read(given, {}, around(25))


def test_a_target_shows_who_gets_it_and_no_key(around):
    settings = Email().read({"to": ["a@example.com", "b@example.com", "a@example.com"]}, {}, around(25))
    assert Email().shown(settings) == {"to": ["a@example.com", "b@example.com"]}
    assert Email().place(settings) == "a@example.com and 1 more"
    changed = Email().read({"to": "c@example.com"}, settings, around(25))
    assert changed == settings | {"to": ["c@example.com"]}


def test_without_a_server_no_target_is_made_and_nothing_is_sent(around):
    nowhere = around(25)
    mine = sender(nowhere)
    bare = nowhere.config.model_copy(update={"smtp_url": None})
    with pytest.raises(TargetError, match="SMTP_URL and MAIL_FROM"):
        Email().read({"to": "a@example.com"}, {}, replace(nowhere, config=bare))
    left = EmailSender({"to": ["a@example.com"], "thread_key": "k"}, replace(nowhere, config=bare))
    assert "SMTP_URL" in left.send(a_parcel(text="x")).reason
    mine.close()


@pytest.mark.slow
def test_what_arrives_is_mailed_and_a_fax_waits_for_its_document(database_url, tmp_path):
    documents = Kept(Document(waiting=True))
    with MailServer() as there:
        config = make_config(
            database_url, tmp_path, smtp_url=f"smtp://localhost:{there.port}", mail_from=FROM
        )
        for app in started(config):
            with app.app_context():
                current.targets().add("desk", TargetSort.EMAIL, {"to": ["a@example.com"]}, by="tests")
                worker = Worker(replace(current.surroundings(), documents=documents))
                thread = threading.Thread(target=worker.run)
                thread.start()
                sms(app, 1)
                (first,) = there.wait_for(1)
                ends = {"from": THEM, "to": US, "session": "a", "txn_ref": "a"}
                arrive(app, "voice", call_state="ringing", **ends)
                arrive(app, "voice", call_state="ended", **ends)
                there.wait_for(3)
                arrive(
                    app,
                    "fax",
                    **{"txn_ref": "AA-FI-1", "fax_status": "answered", "from": THEM, "to": US},
                    fax_url="https://fax.example.com/1.pdf",
                )
                until(lambda: states().count("waiting") == 1)
                documents.document = kept()
                until(lambda: due_now() or states() == ["delivered"] * 4)
                worker.stop()
                thread.join(15)
        taken = there.taken
    assert first.text().splitlines()[-1] == "message 1"
    subjects = sorted(one.mail["Subject"] for one in taken)
    assert subjects == sorted(
        [f"SMS from {THEM}", f"Call from {THEM}", f"Missed call from {THEM}", f"Fax from {THEM}"]
    )
    assert [part.get_content() for part in taken[-1].mail.iter_attachments()] == [PDF]


def test_the_password_is_shown_nowhere(around):
    surroundings = around(25, url=f"smtp://{LOGIN}@mail.example.com:{{}}")
    assert PASSWORD not in repr(surroundings)
    assert "p%40ss" not in repr(surroundings)
