"""Masking: showing the log to someone who may see that something came, but not who sent it or what it said.

What may be read is listed, everything else is masked: a field added later is hidden until it is put on the
list. Pure; the log itself is not changed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

DOTS = "••••"

_NUMBERS = frozenset({"sender", "recipient", "number", "from", "to", "dest", "dest1", "dest2"})
"""Fields that hold a telephone number, under our name or the provider's."""

_OURS = frozenset({"id", "ids", "next", "kind", "type", "signature", "quarantine_reason", "method"})
"""Fields whose words come from us."""

_WORDS = frozenset(
    {
        "ivr_block",
        "call_state",
        "dial_status",
        "transfer_status",
        "fax_status",
        "fax_error_code",
        "sms_status",
    }
    | {"txn_ref", "session", "state", "outcome", "currency", "rate", "debit", "cost", "duration"}
    | {"occurred_at", "received_at", "date", "split_count", "fax_pages"}
)
"""Fields that hold a word, an amount, a time or a reference of the provider's, if they look like one."""
_WORD = re.compile(r"(?!\d{6})[A-Za-z0-9][A-Za-z0-9_.-]{0,63}|\d{4}-\d\d-\d\d[ T0-9:.Z+]{0,30}", re.ASCII)

_PARAMETERS = (
    _NUMBERS
    | _WORDS
    | {"text", "msg", "tag", "digits", "record_url", "monitor_url", "fax_url", "body", "query"}
)
"""Names that may be read. In a callback that is no form a parameter's name is what somebody wrote."""


def masked_number(number: str) -> str:
    """`+6591234567` as `+65••••4567`: the same for the same number however it is spelled.

    Short numbers show less: under eight digits two, under five none.
    """
    digits = "".join(char for char in number if char.isascii() and char.isdigit())
    if not digits or len(digits) > 15 or re.search(r"[^\W\d_]", number):
        return masked_text(number)
    if len(digits) < 5:
        return DOTS
    if len(digits) < 8:
        return DOTS + digits[-2:]
    if len(digits) < 10:
        return DOTS + digits[-4:]
    # One digit for the countries of North America and for Russia, two for the others: enough to see where.
    country = digits[: 1 if digits[0] in "17" else 2]
    return f"+{country}{DOTS}{digits[-4:]}"


def masked_text(text: str) -> str:
    """Dots instead of the text, and how long it is. An empty text stays empty."""
    return f"{DOTS} ({len(text)} characters)" if text else ""


def masked_digits(digits: str) -> str:
    """Dots instead of the keys somebody pressed, be it one or a PIN; empty stays empty."""
    return DOTS if digits else ""


def masked_url(url: str) -> str:
    """Dots instead of a link: whoever has it can fetch what it leads to."""
    return f"https://{DOTS}" if url else ""


def mask_event(document: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON form of an event, a call, a conversation or a page of them, with nothing readable left in it.

    The shape is kept; times, kinds, states, amounts and the provider's references stay.
    """
    return {name: _masked(name, value) for name, value in document.items()}


def _masked(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        if name == "params":
            return _masked_params(value)
        return _masked_raw(value) if name == "raw" else mask_event(value)
    if isinstance(value, list | tuple):
        return [_masked(name, item) for item in value]
    text = str(value)
    if name in _OURS or ((name in _WORDS or name.endswith("_at")) and _WORD.fullmatch(text)):
        return text
    return _masked_text_of(name, text)


def _masked_text_of(name: str, text: str) -> str:
    if name in _NUMBERS:
        return masked_number(text)
    if name == "problems":
        return _masked_problem(text)
    if name == "digits":
        return masked_digits(text)
    return masked_url(text) if name.endswith("_url") else masked_text(text)


def _masked_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as they came: nothing in them is ours."""
    return {
        name if name in _PARAMETERS else f"{DOTS} {at}": masked
        for at, (name, value) in enumerate(params.items(), 1)
        for masked in [_masked("" if name in _OURS else name, value)]
    }


def _masked_raw(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Of a raw request only its method and the names of its headers can be shown."""
    shown: dict[str, Any] = {}
    for name, value in raw.items():
        if isinstance(value, Mapping):
            shown[name] = {header: masked_text(str(text)) for header, text in value.items()}
        else:
            shown[name] = value if name == "method" else masked_text(str(value))
    return shown


def _masked_problem(problem: str) -> str:
    """A problem is a sentence of ours, mostly after the name of a parameter, which may be anything."""
    name, colon, sentence = problem.rpartition(": ")
    return problem if not colon or name in _PARAMETERS else f"{DOTS}: {sentence}"
