"""The table under the report: every number held, with what comes here and what came last."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Engine, select

from receiver.doctor.check import Patient
from receiver.doctor.report import NumberLine
from receiver.keys.urls import CallbackUrls
from receiver.models import EVENTS
from receiver.numbers.known import KnownNumber
from receiver.vocabulary.kinds import Kind


def number_lines(patient: Patient) -> Iterator[NumberLine]:
    """A line for each number held, by number."""
    urls, now = patient.watch.urls(), datetime.now(UTC)
    for number in patient.known.numbers:
        yield NumberLine(
            number=number.number,
            provider=number.provider,
            serves=_serves(number, urls.get(number.provider)),
            days_left=number.days_left(now),
            renews=number.auto_extend,
            last_event=_last_event(patient.engine, number.number),
        )


def _serves(number: KnownNumber, urls: CallbackUrls | None) -> str:
    return "+".join(kind for kind in Kind if urls is not None and urls.serves(number, kind))


def _last_event(engine: Engine, number: str) -> datetime | None:
    newest_first = EVENTS.c.id.desc()
    query = select(EVENTS.c.received_at).where(EVENTS.c.recipient == number).order_by(newest_first).limit(1)
    with engine.connect() as connection:
        return connection.scalar(query)
