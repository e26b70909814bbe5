"""Is the clock right? The provider's answers carry the time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import requests

from receiver.doctor.check import Check, Patient
from receiver.doctor.report import NotLooked, in_words
from receiver.numbers.findings import Finding, graded
from receiver.outbound.limit import TimeLimit, WatchedAdapter

OFF, WRONG = 5.0, 60.0
"""Seconds."""
_TIMEOUT = 5.0


def look(patient: Patient, found: list[Finding]) -> str:
    if not patient.providers:
        return NotLooked("there are no credentials")
    api_url, _ = patient.providers[0].account(patient.config)
    theirs = date_of(api_url)
    if theirs is None:
        return NotLooked("the provider did not tell the time")
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
        told = parsedate_to_datetime(answer.headers["Date"])
    except (requests.RequestException, KeyError, ValueError):
        return None
    return told if told.tzinfo else told.replace(tzinfo=UTC)  # -0000 is UTC, too, and read as no zone


CHECK = Check("clock", look, without_database=True)
