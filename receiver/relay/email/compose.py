"""A mail about an event. Pure.

Nothing that came in can add a header, be read as an encoded word, or be HTML.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from typing import cast

from receiver.relay.words import Said
from receiver.settings.mail import MailAddress

# Seven bits, so that any server takes it. A long Message-ID would be folded into what nobody can read.
_POLICY = SMTP.clone(cte_type="7bit", max_line_length=400)
_PICTURE = "first-page@receiver"


@dataclass(frozen=True, slots=True)
class Ids:
    """How a mail program knows a mail again, and puts it with others. Tells nobody who wrote to whom."""

    key: str = field(repr=False)
    """Random, of the target."""
    domain: str

    def of(self, what: str) -> str:
        """Always the same for the same."""
        digest = hmac.digest(self.key.encode(), what.encode("utf-8", "backslashreplace"), "sha256")
        return f"<{digest.hex()[:32]}@{self.domain}>"


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that goes with a mail."""

    name: str
    media_type: str
    content: bytes = field(repr=False)
    picture: bytes | None = field(default=None, repr=False)
    """Its first page, PNG."""


def compose(
    said: Said,
    *,
    sender: MailAddress,
    to: Sequence[str],
    message_id: str,
    thread: str | None,
    now: datetime,
    attached: Sequence[Attached] = (),
    note: str | None = None,
) -> EmailMessage:
    """The mail. `thread` is the id of what it belongs to; `note` a sentence of ours below it all."""
    mail = EmailMessage(_POLICY)
    mail["Subject"] = _header(said.subject)
    mail["From"] = Address(sender.name, addr_spec=sender.address)
    mail["To"] = [Address(addr_spec=address) for address in to]
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = message_id
    if thread is not None:
        # Nobody ever sent this one. Programs put together what names the same.
        mail["In-Reply-To"] = thread
        mail["References"] = thread
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    parts = [part for part in (said.headline, said.text, note) if part]
    mail.set_content("\n\n".join(parts) + "\n")
    picture = next((file.picture for file in attached if file.picture), None)
    mail.add_alternative(_html(said, note, picture is not None), subtype="html")
    if picture is not None:
        html = cast(MIMEPart, mail.get_payload(1))
        html.add_related(
            picture, "image", "png", cid=f"<{_PICTURE}>", disposition="inline", filename="first-page.png"
        )
    for file in attached:
        maintype, _, subtype = file.media_type.partition("/")
        mail.add_attachment(file.content, maintype, subtype, filename=file.name)
    return mail


def _header(text: str) -> str:
    """What came in as a word of a header; it holds no line break any more."""
    return text.replace("=?", "= ?")


def _html(said: Said, note: str | None, picture: bool) -> str:
    parts = [f"<p><strong>{escape(said.headline)}</strong></p>"]
    if said.text:
        lines = "<br>\n".join(escape(said.text).split("\n"))
        parts.append(f'<blockquote dir="auto">{lines}</blockquote>')
    if note:
        parts.append(f"<p>{escape(note)}</p>")
    if picture:
        parts.append(
            f'<p><img src="cid:{_PICTURE}" alt="The first page"'
            ' style="max-width: 100%; border: 1px solid #ccc"></p>'
        )
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en">\n<body>\n{body}\n</body>\n</html>\n'
