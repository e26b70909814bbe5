"""Reading Twilio's answers: strict about what a decision rests on, liberal about words that are new."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from receiver.providers import fields
from receiver.providers.errors import UnexpectedAnswer
from receiver.providers.exchange import ApiCall
from receiver.providers.market import AvailableNumber, NumberSort, Rate, Requirement
from receiver.providers.twilio.market import sort_of
from receiver.providers.twilio.refusals import page_about

Json = Mapping[str, Any]

_NUMBER = re.compile(r"\+[1-9][0-9]{5,14}", re.ASCII)
_SID = re.compile(r"[A-Z]{2}[0-9a-fA-F]{32}", re.ASCII)
_GONE = "FAX"
"""A capability that answers still name, although nothing serves it."""
_ADDRESSES = {
    "any": "Twilio sells it only for an address, anywhere.",
    "local": "Twilio sells it only for an address in the number's own area.",
    "foreign": "Twilio sells it only for an address outside the number's country.",
}


def entries(call: ApiCall, answer: Json, field: str) -> list[Json]:
    """A list of objects, complete or not at all: nobody should decide on half of one."""
    listed = answer.get(field)
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise unreadable(call, f"holds no list of {field.replace('_', ' ')}")
    return listed


def unreadable(call: ApiCall, reason: str) -> UnexpectedAnswer:
    """What to raise for an answer that lacks what it must have."""
    sentence = f"the provider's answer {reason}. Please report this as a bug of Receiver."
    return UnexpectedAnswer(call.what, sentence, number=call.number)


def number(entry: Json) -> str:
    """A telephone number with its plus sign; empty if it is none."""
    found = fields.text(entry, "phone_number")
    return found if _NUMBER.fullmatch(found) else ""


def sid(entry: Json, field: str = "sid") -> str:
    """An identifier; empty if it is none."""
    found = fields.text(entry, field)
    return found if _SID.fullmatch(found) else ""


def capabilities(entry: Json) -> frozenset[str]:
    """What the number can do, in capital letters; without fax, which it says of numbers of old."""
    told = entry.get("capabilities")
    able = {name.upper() for name, can in told.items() if can is True} if isinstance(told, dict) else set()
    return frozenset(able - {_GONE})


def available(
    entry: Json, country: str, sort: NumberSort, others: tuple[Requirement, ...]
) -> AvailableNumber | None:
    """An offer, with what has to be there before it is sold; None if it has no number."""
    found = number(entry)
    if not found:
        return None
    return AvailableNumber(found, capabilities(entry), sort, _addresses(entry, country) + others)


def _addresses(entry: Json, country: str) -> tuple[Requirement, ...]:
    wanted = fields.text(entry, "address_requirements").lower()
    if wanted in {"", "none"}:
        return ()
    sentence = _ADDRESSES.get(wanted, "Twilio asks for an address of a kind that this version does not know.")
    return (Requirement(sentence, page_about(country)),)


def rate(entry: Json) -> Rate | None:
    """What a month of a sort of numbers costs; None for a sort that is not known here."""
    price = fields.money(entry, "current_price")
    if price is None:
        price = fields.money(entry, "base_price")
    sort = sort_of(fields.text(entry, "number_type"))
    return None if price is None or sort is None else Rate(1, price, sort)
