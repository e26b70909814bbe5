"""A fax from the callback to the mail: fetched by the archive, drawn, attached."""

import pytest
from conftest import make_config, started
from documents import give, pdf, serving
from mailserver import MailServer
from said import THEM, US
from test_relay import arrive, due_now, states, until, working

from receiver import current
from receiver.archive.archivist import Archivist
from receiver.relay.target import TargetSort

pytestmark = pytest.mark.slow


def test_a_fax_comes_by_mail_with_what_the_archive_kept(database_url, tmp_path):
    with serving() as there, MailServer() as mail:
        settings = {"smtp_url": f"smtp://localhost:{mail.port}", "mail_from": "fax@example.com"}
        api = f"{there.url}/open/"
        for app in started(make_config(database_url, tmp_path, hoiio_api_url=api, **settings)):
            with app.app_context():
                current.targets().add("desk", TargetSort.EMAIL, {"to": ["a@example.com"]}, by="tests")
                there.answers["/1.pdf"] = give(pdf(2), "application/pdf")
                there.answers["/2.pdf"] = give(b"gone", status=404)
                for number in (1, 2):
                    about = {"txn_ref": f"AA-FI-{number}", "fax_status": "answered", "from": THEM, "to": US}
                    arrive(app, "fax", **about, fax_url=f"{there.url}/{number}.pdf")
                with working():
                    until(lambda: states() == ["waiting"] * 2)
                    Archivist.of(current.config(), current.engine()).step()
                    until(lambda: due_now() or states() == ["delivered"] * 2)
        lapsed, taken = sorted(mail.taken, key=lambda one: len(one.content))
    assert "The document is not attached: The server answers 404" in lapsed.text()
    assert "png" not in lapsed.content.decode()
    (attached,) = taken.mail.iter_attachments()
    assert attached.get_content() == pdf(2)
    pictures = [part for part in taken.mail.walk() if part.get_content_type() == "image/png"]
    assert len(pictures) == 1
    assert pictures[0].get_content().startswith(b"\x89PNG")
    assert "The document has 2 pages." in taken.text()
