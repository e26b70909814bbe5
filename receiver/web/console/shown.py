"""How values are shown on a page: template filters, and documents of the log as the visitor may see them.

Pages are made from the same documents that the query API returns. All of it came from outside: Jinja escapes
it, its direction is isolated, and invisible characters that would do something are shown as codes.
"""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import phonenumbers
from flask import g
from markupsafe import Markup, escape

from receiver.providers.registry import PROVIDERS
from receiver.search.masking import mask_event
from receiver.vocabulary.mask import masked_number, masked_text
from receiver.vocabulary.printable import size

# Joiners are part of emoji and of several scripts, and harmless; line breaks and tabs are layout.
_HARMLESS = frozenset("\u200c\u200d\n\t")
_TITLES = {
    "call.ringing": "Call ringing",
    "call.ongoing": "Call ongoing",
    "call.ended": "Call ended",
    "fax.received": "Fax received",
    "fax.failed": "Fax failed",
    "sms.received": "SMS received",
    "test": "Test by this service",
    "unknown": "Unknown",
}


def masked() -> bool:
    """Whether this browser's pages hide numbers and texts."""
    return bool(g.visitor.masked)


def document(value: Mapping[str, Any]) -> dict[str, Any]:
    """A document of the log as this visitor may see it."""
    return mask_event(value) if masked() else dict(value)


def on_duty(done: Mapping[str, Any]) -> dict[str, Any]:
    """What people on duty did, as this visitor may see it: notes are masked, the names of people never."""
    note = done["note"]
    return {**done, "note": masked_text(note) if note and masked() else note}


def plain(value: object) -> Markup:
    """Any text from outside, isolated, with nothing in it that does anything."""
    return Markup("<bdi>{}</bdi>").format(_visible("" if value is None else str(value)))


def message(value: object) -> Markup:
    """A text that somebody wrote, with its own direction and line breaks."""
    return Markup('<bdi dir="auto" class="message">{}</bdi>').format(
        _visible("" if value is None else str(value))
    )


def body_text(body_base64: str) -> str | None:
    """A stored body as it was received, with escapes for what is not UTF-8; None if it is masked."""
    if masked():
        return None
    return base64.b64decode(body_base64).decode("utf-8", "backslashreplace")


def typed(value: object) -> str:
    """What somebody typed, for an input field, without characters that would have to be shown as codes."""
    return "".join(char for char in str(value or "") if _is_plain(char))


def _is_plain(char: str) -> bool:
    return char in _HARMLESS or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def _visible(text: str) -> Markup:
    shown: list[str] = []
    piece = 0
    text = text.replace("\r\n", "\n")
    for at, char in enumerate(text):
        if _is_plain(char):
            continue
        shown += [str(escape(text[piece:at])), str(_code(char))]
        piece = at + 1
    return Markup("".join([*shown, str(escape(text[piece:]))]))  # noqa: S704  # escaped piece by piece


def _code(char: str) -> Markup:
    name = unicodedata.name(char, "control character").lower()
    return Markup('<span class="code" title="{}">U+{:04X}</span>').format(name, ord(char))


def phone(value: object) -> Markup:
    """A telephone number, grouped for reading if it is a valid one."""
    number = "" if value is None else str(value)
    if not number:
        return Markup('<span class="none">not given</span>')
    if masked():
        return Markup('<bdi class="phone">{}</bdi>').format(_visible(number))
    if number.startswith("+") and number[1:].isascii() and number[1:].isdigit() and len(number) < 17:
        return _grouped(number)
    return Markup('<bdi class="phone">{}</bdi>').format(_visible(number))


@lru_cache(4096)  # a page of calls shows a hundred, and mostly the same
def _grouped(number: str) -> Markup:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return Markup('<bdi class="phone">{}</bdi>').format(number)
    grouped = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    # The spaces are styled, not text, so that the copied number can be searched for.
    parts = Markup("").join(Markup("<span>{}</span>").format(part) for part in grouped.split(" "))
    return Markup('<bdi class="phone">{}</bdi>').format(parts)


def own_number(number: str) -> str:
    """A number for an address or a title, as this visitor may see it."""
    return masked_number(number) if masked() else number


def title_of(type_: str) -> str:
    return _TITLES.get(type_, type_)


def kind_title(kind: str) -> str:
    return {"voice": "Calls", "fax": "Faxes"}.get(kind, "SMS")


def fax_error(code: str) -> str:
    """The provider's code for why a fax failed, as words."""
    return code.replace("_", " ")


def provider_title(name: str) -> str:
    """A provider as people write it. What was set aside may name one that this version does not have."""
    return PROVIDERS[name].title if name in PROVIDERS else name


FILTERS = (typed, phone, plain, message, body_text, size, title_of, kind_title, fax_error, provider_title)
"""What a template may write behind a `|`, by the function's name."""
