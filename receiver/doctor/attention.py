"""What needs attention, as far as that is known without a look at anything outside.

The overview, the API, `/metrics` and the doctor all take it from here, so that none knows less than another.
"""

from __future__ import annotations

from datetime import UTC, tzinfo

from sqlalchemy import Engine

from config import Config
from receiver.intake import set_aside
from receiver.intake.in_spool import SpoolState
from receiver.intake.spool import Spool, SpoolError
from receiver.numbers import findings
from receiver.numbers.cautioned import cautioned
from receiver.numbers.findings import Finding, error, errors_first
from receiver.search import index_lag


def attention(
    engine: Engine, config: Config, spool: SpoolState | None, zone: tzinfo = UTC
) -> tuple[Finding, ...]:
    """What the watch found when it last looked, and what settings, spool and index say now; errors first.

    `spool` is None when the spool cannot be used; times are told in this zone.
    """
    return errors_first(
        (
            *findings.read(engine),
            *cautioned(config),
            *(_NO_SPOOL if spool is None else set_aside.finding(spool)),
            *index_lag.finding(engine, zone),
        )
    )


def state_of(spool: Spool) -> SpoolState | None:
    """The state of the spool; None when it cannot be used."""
    try:
        return spool.ask(Spool.state)
    except SpoolError:
        return None


_NO_SPOOL = (error("spool", "The spool cannot be used.", "receiver spool status"),)
