"""The sort of target: a mail for each event, to one or more people."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from receiver.models import Event
from receiver.outbound.media import BY_TYPE
from receiver.outbound.trust import trusting
from receiver.relay.delivery import Parcel, Result
from receiver.relay.documents import Document
from receiver.relay.email.compose import Attached, Ids, compose
from receiver.relay.email.smtp import Handed, Post, SmtpError
from receiver.relay.options import Form, Option
from receiver.relay.planner import line_of
from receiver.relay.sender import Surroundings, TargetError
from receiver.relay.target import Target
from receiver.relay.words import pages, said_of
from receiver.search.voicemail import brings_voicemail
from receiver.settings.mail import mail_address, mail_server
from receiver.vocabulary.errors import OperatorError
from receiver.vocabulary.kinds import EventType, Kind
from receiver.vocabulary.printable import printable, size

MOST_RECIPIENTS = 20
LARGEST = 20 * 1024 * 1024
"""Bytes of an attachment: what most servers take."""
LONGEST_WAIT = timedelta(minutes=2)
"""How long an event waits for its documents, before the mail goes without."""
_LOOK_AGAIN = 3.0
_GROWTH = 1.4
"""What base64 makes of bytes, with room for the rest of the mail."""
_LARGEST_PICTURE = 2 * 1024 * 1024
_REMEMBERED = 500
_NO_SERVER = "mail needs the settings SMTP_URL and MAIL_FROM"


class Email:
    """See `receiver.relay.sender.Sort`."""

    about = (
        "Mail each event to one or more people, a fax or an MMS with its documents, and what a caller said"
        " (has:voicemail) with its sound."
    )
    options: tuple[Option, ...] = (
        Option(
            "to",
            "Who gets it.",
            Form.LINES,
            required=True,
            example="front@example.com",
        ),
    )
    lanes = 2

    def read(
        self, given: Mapping[str, Any], known: Mapping[str, Any], around: Surroundings
    ) -> dict[str, Any]:
        """From `to`: addresses in a list, or in a text with commas."""
        if around.config.smtp_url is None:
            raise TargetError(f"{_NO_SERVER}: see docs/deliver.md")
        settings: dict[str, Any] = {"to": [], "thread_key": secrets.token_hex(16)} | dict(known)
        if "to" in given:
            settings["to"] = read_recipients(given["to"])
        if not settings["to"]:
            raise TargetError("a mail needs somebody to go to")
        return settings

    def shown(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        return {"to": list(settings["to"])}

    def place(self, settings: Mapping[str, Any]) -> str:
        first, *others = settings["to"]
        return f"{first} and {len(others)} more" if others else str(first)

    def secret(self, settings: Mapping[str, Any]) -> None:
        return None

    def sender(self, target: Target, around: Surroundings) -> EmailSender:
        return EmailSender(target.settings, around)


class EmailSender:
    """Sends to the recipients of one target."""

    def __init__(self, settings: Mapping[str, Any], around: Surroundings) -> None:
        self._to: list[str] = settings["to"]
        self._key: str = settings["thread_key"]
        self._around = around
        self._tls = trusting()
        self._lock = threading.Lock()
        self._have: OrderedDict[str, frozenset[str]] = OrderedDict()
        """Who has it, by mail that not all have got yet. Lost at the end of the process: then all get it once
        more, with the same Message-ID."""

    def send(self, parcel: Parcel) -> Result:
        config = self._around.config
        if config.smtp_url is None or config.mail_from is None:
            return Result(delivered=False, request="", reason=_NO_SERVER)
        documents = self._documents(parcel)
        if any(document.waiting for document in documents) and _may_wait(parcel):
            return Result(delivered=False, request="", not_yet=_LOOK_AGAIN)
        try:
            loaded, about = _load(parcel, documents)
        except OperatorError as error:
            return Result(delivered=False, request="", reason=str(error))
        sender = mail_address(config.mail_from)
        ids = Ids(self._key, sender.domain)
        said, line = said_of(parcel, self._around), line_of(parcel.event)
        written = 0

        def write(most: int | None) -> bytes:
            nonlocal written
            attached, note = loaded, about
            octets = sum(len(file.content) for file in loaded)
            if loaded and most is not None and octets * _GROWTH > most:
                attached = []
                note = _left_out(
                    *(
                        ("document", f"it has {_much(octets)}")
                        if len(loaded) == 1
                        else ("files", f"they have {_much(octets)}")
                    )
                )
            mail = compose(
                said,
                sender=sender,
                to=self._to,
                message_id=ids.of(parcel.message_id),
                thread=ids.of(line) if line else None,
                now=datetime.now(UTC),
                attached=attached,
                note=note,
            ).as_bytes()
            written = len(mail)
            return mail

        post = Post(mail_server(config.smtp_url.get_secret_value()), self._around.guard, self._tls)
        with self._lock:
            have = self._have.get(parcel.message_id, frozenset())
        to = [address for address in self._to if address not in have]
        try:
            outcome: Handed | SmtpError = post.hand_over(sender.address, to, write)
        except SmtpError as error:
            outcome = error
        request = f"mail of {size(written)} for {', '.join(to)} to {post.server.host}:{post.server.port}"
        if isinstance(outcome, SmtpError) and not outcome.refused:
            return Result(
                delivered=False,
                request=request,
                status=outcome.status,
                reason=str(outcome),
                answer=outcome.answer,
                final=outcome.final,
            )
        return replace(self._settled(parcel, to, outcome), request=request)

    def close(self) -> None:
        """There is a connection for each mail."""

    def _documents(self, parcel: Parcel) -> Sequence[Document]:
        """None of a test: nothing was made up for it to have."""
        return () if parcel.test or not _called(parcel.event) else self._around.documents.find(parcel.event)

    def _settled(self, parcel: Parcel, to: list[str], outcome: Handed | SmtpError) -> Result:
        """What it means that the server takes it for some and not for others."""
        refused = outcome.refused
        accepted = frozenset(to) - refused.keys() if isinstance(outcome, Handed) else frozenset()
        later = [one for one in to if one not in accepted and refused.get(one, (400, ""))[0] < 500]
        with self._lock:
            have = self._have.pop(parcel.message_id, frozenset()) | accepted
            if later and have:
                self._have[parcel.message_id] = have
                while len(self._have) > _REMEMBERED:
                    self._have.popitem(last=False)
        reason = "; ".join(f"{one} was refused: {code} {words}" for one, (code, words) in refused.items())
        if later and have:
            reason += f" ({len(have)} of {len(self._to)} have it)"
        return Result(
            delivered=bool(have) and not later,
            request="",
            status=outcome.status,
            reason=reason or None,
            final=not have and not later,
        )


def read_recipients(given: Any) -> list[str]:
    """The addresses, each once; `TargetError` if one is none."""
    parts = given.replace("\n", ",").split(",") if isinstance(given, str) else [str(part) for part in given]
    found: list[str] = []
    for part in filter(None, (part.strip() for part in parts)):
        try:
            found.append(mail_address(part).address)
        except ValueError as error:
            raise TargetError(f"the address {printable(part)[:80]!r} {error}") from None
    found = list(dict.fromkeys(found))
    if len(found) > MOST_RECIPIENTS:
        raise TargetError(f"more than {MOST_RECIPIENTS} recipients: use a mailing list")
    return found


def _may_wait(parcel: Parcel) -> bool:
    return parcel.made_at is not None and datetime.now(UTC) - parcel.made_at < LONGEST_WAIT


def _called(event: Event) -> str | None:
    """What people call the documents that go with it; None if none do. Recordings of a conversation stay
    behind: its page plays them."""
    if event.type == EventType.FAX_RECEIVED:
        return "document"
    if event.type == EventType.SMS_RECEIVED and event.media:
        return "file"
    return "recording" if brings_voicemail(event) else None


def _load(parcel: Parcel, documents: Sequence[Document]) -> tuple[list[Attached], str | None]:
    """What goes with the mail, and a sentence of ours about it. `OperatorError` if it cannot be read now."""
    event = parcel.event
    called, is_fax = _called(event), event.type == EventType.FAX_RECEIVED
    if called is None:
        return [], None
    if parcel.test:
        return [], f"This is a test. A real mail comes with the {called}."
    if not documents:
        several = called == "file"
        return [], _left_out(
            "files" if several else called, f"no copy of {'them' if several else 'it'} was kept here"
        )
    loaded: list[Attached] = []
    notes: list[str] = []
    room = LARGEST
    for number, document in enumerate(documents, 1):
        what = called if len(documents) == 1 else f"{called} {number}"
        content, missing = _content(document, room)
        if content is None:
            notes.append(_left_out(what, missing))
            continue
        room -= len(content)
        loaded.append(_attached(event, document, content, number))
        if is_fax and document.pages and not event.fax_pages:
            notes.append(f"The document has {pages(document.pages)}.")
    return loaded, " ".join(notes) or None


def _content(document: Document, room: int) -> tuple[bytes | None, str]:
    """Its bytes, or why they do not go with the mail."""
    if document.waiting:
        return None, "it was not fetched yet. It may be on the console now"
    if document.reason is not None:
        return None, document.reason.rstrip(".")
    if document.size > room:
        return None, f"it has {_much(document.size)}"
    return document.read(), "it is not in the archive any more"


def _attached(event: Event, document: Document, content: bytes, number: int) -> Attached:
    picture = document.picture()
    if picture is not None and len(picture) > _LARGEST_PICTURE:
        picture = None
    media = BY_TYPE.get(document.media_type)
    which = f"-{number}" if number > 1 else ""
    kind = "voicemail" if event.kind == Kind.VOICE else event.kind
    name = f"{kind}-{event.id}{which}.{media.extension if media else 'bin'}"
    return Attached(name, document.media_type, content, picture)


def _left_out(what: str, why: str) -> str:
    return f"The {what} is not attached: {why}."


def _much(octets: int) -> str:
    return f"{size(octets)}, too much for a mail. See the console"
