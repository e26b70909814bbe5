"""Reading the provider's answers.

Liberal in what comes back: the documents, the SDKs and the years disagree about its shape.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from receiver.providers.fields import text

_NUMBER = re.compile(r"[1-9][0-9]{5,14}", re.ASCII)


def entries(answer: Mapping[str, Any], field: str, key: str) -> list[Mapping[str, Any]]:
    """A list of objects. A missing list is empty, a lone object a list of one, a plain text its key."""
    listed = answer.get(field) or []
    several = listed if isinstance(listed, list) else [listed]
    objects = [{key: entry} if isinstance(entry, str) else entry for entry in several]
    return [entry for entry in objects if isinstance(entry, dict) and entry.get(key)]


def number(entry: Mapping[str, Any]) -> str:
    """A telephone number with its plus sign; empty if it is none."""
    digits = re.sub(r"[\s().\-]", "", text(entry, "number")).removeprefix("+")
    return f"+{digits}" if _NUMBER.fullmatch(digits) else ""


def capabilities(entry: Mapping[str, Any]) -> frozenset[str]:
    """`capability` or `capabilities`, by endpoint; several texts, or one with commas."""
    value = entry.get("capabilities") or entry.get("capability") or []
    texts = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return frozenset(word.strip().upper() for word in texts if isinstance(word, str) and word.strip())


def day(entry: Mapping[str, Any], field: str) -> date | None:
    """A date; the time of day that some versions of the provider add is left out."""
    try:
        return date.fromisoformat(text(entry, field)[:10])
    except ValueError:
        return None


def flag(entry: Mapping[str, Any], field: str) -> bool | None:
    return {"enabled": True, "true": True, "disabled": False, "false": False}.get(
        str(entry.get(field)).strip().lower()
    )
