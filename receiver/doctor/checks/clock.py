"""Is the clock right? The provider's answers carry the time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import requests

from receiver.doctor.check import Check, Patient
from receiver.doctor.report import in_words
from receiver.numbers.findings import Finding, graded
from receiver.outbound.limit import TimeLimit, WatchedAdapter
from receiver.providers.registry import PROVIDERS

OFF, WRONG = 5.0, 60.0
"""Seconds."""
_TIMEOUT = 5.0


def look(patient: Patient, found: list[Finding]) -> str:
    asked = (*patient.providers, *PROVIDERS.values())[0]
    api_url, _ = asked.account(patient.config)
    theirs = date_of(api_url)
    if theirs is None:
        return "not compared: the provider does not tell the time"
    off = abs((datetime.now(UTC) - theirs).total_seconds())
    if off > OFF:
        sentence = f"The clock is {in_words(timedelta(seconds=off))} off, by the provider's."
        found.append(graded(off > WRONG, "clock", sentence, "timedatectl set-ntp true"))
    return "right, by the provider's"


def date_of(url: str) -> datetime | None:
    """What a server's Date header says."""
    try:
        with TimeLimit(_TIMEOUT) as limit, requests.Session() as session:
            for scheme in ("http://", "https://"):
                session.mount(scheme, WatchedAdapter(limit.watch))
            answer = session.head(url, timeout=_TIMEOUT, allow_redirects=False)
        return parsedate_to_datetime(answer.headers["Date"])
    except (requests.RequestException, KeyError, ValueError):
        return None


CHECK = Check("clock", look, without_database=True)
