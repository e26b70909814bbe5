"""Parameters that become no field of an event, read as strictly as those that do.

They are kept as they came. What cannot be what its name says is told among the problems.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from receiver.providers.twilio.parameters import SORTS
from receiver.vocabulary.fields import Sort
from receiver.vocabulary.notification import Params


def unreadable(params: Params) -> list[str]:
    """The problems that there are with them."""
    problems = []
    for name, came in params.items():
        if (holds := _CHECKS.get(name)) is not None:
            value = came if isinstance(came, str) else came[0]
            if value and not holds(value):
                problems.append(f"{name}: unreadable")
    return problems


_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:;=/+ -]*", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,9}", re.ASCII)
_AMOUNT = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,20})?", re.ASCII)
_LINK = re.compile(r"https?://[^\s/]")


def _is_word(value: str) -> bool:
    # Most are references, which are letters and digits: asked so it takes a third of the time.
    return (value.isalnum() and value.isascii()) or _WORD.fullmatch(value) is not None


def _is_minute(value: str) -> bool:
    """Year, month, day, hour and minute, two digits each."""
    try:
        datetime.strptime(value, "%y%m%d%H%M")  # noqa: DTZ007  # of what zone is not documented
    except ValueError:
        return False
    return len(value) == len("YYMMDDhhmm")


_BY_SORT: dict[Sort, Callable[[str], object]] = {
    Sort.WORD: _is_word,
    Sort.COUNT: _COUNT.fullmatch,
    **dict.fromkeys((Sort.AMOUNT, Sort.PLACE), _AMOUNT.fullmatch),
    Sort.FLAG: {"true", "false"}.__contains__,
    Sort.TIME: _is_minute,
    Sort.LINK: _LINK.match,
}
"""What holds a name, a number or a text can be anything."""
_CHECKS = {name: _BY_SORT[sort] for name, sort in SORTS.items() if sort in _BY_SORT}
