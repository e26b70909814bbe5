"""Masking: showing the log to someone who may see that something came, but not who sent it or what it said.

What may be read is listed, everything else is masked: what is added later is hidden until it is put on the
list. Pure; the log itself is not changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from receiver.providers.registry import parameter_sorts
from receiver.vocabulary.fields import FIELDS, Sort
from receiver.vocabulary.mask import DOTS, masked_digits, masked_number, masked_text, masked_url

_OURS = frozenset(
    {"ids", "next", "method", "cause", *(name for name, one in FIELDS.items() if one.sort is Sort.OURS)}
)
"""Names whose words come from us."""

_SORTS: Mapping[str, Sort] = {
    **parameter_sorts(),
    **{name: field.sort for name, field in FIELDS.items()},
    # What calls, conversations and numbers say beyond the fields of their events.
    **dict.fromkeys(("number", "dest1", "dest2"), Sort.NUMBER),
    **dict.fromkeys(("state", "outcome", "cost", "sms_status", "split_count", "flow"), Sort.WORD),
    **dict.fromkeys(("recordings", "url"), Sort.LINK),
}
_READABLE = {Sort.WORD, Sort.TIME, Sort.AMOUNT, Sort.COUNT}
"""Sorts that hold a word, an amount, a time or a reference of the provider's, if they look like one."""
_WORD = re.compile(r"(?!\d{6})[A-Za-z0-9][A-Za-z0-9_.-]{0,63}|\d{4}-\d\d-\d\d[ T0-9:.Z+]{0,30}", re.ASCII)
_MASKS: Mapping[Sort, Callable[[str], str]] = {
    Sort.NUMBER: masked_number,
    Sort.KEYS: masked_digits,
    Sort.LINK: masked_url,
}

_PARAMETERS = parameter_sorts().keys() | {"dest1", "dest2", "sms_status", "split_count"}
"""Parameters whose names may be read. In a callback that is no form a name is what somebody wrote."""


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
    if name in _OURS or (_is_readable(name) and _WORD.fullmatch(text)):
        return text
    return _masked_problem(text) if name == "problems" else _MASKS.get(_sort(name), masked_text)(text)


def _sort(name: str) -> Sort:
    return _SORTS.get(name, Sort.LINK if name.endswith("_url") else Sort.TEXT)


def _is_readable(name: str) -> bool:
    return name.endswith("_at") or _sort(name) in _READABLE


def _masked_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as they came: nothing in them is ours."""
    return {
        name if name in _PARAMETERS else f"{DOTS} {at}": masked
        for at, (name, value) in enumerate(params.items(), 1)
        for masked in [_masked(name if name in _PARAMETERS else "", value)]
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
    return problem if not colon or name in _PARAMETERS | {"body", "query"} else f"{DOTS}: {sentence}"
