"""`/metrics`, for Prometheus: the counters of this process, and what the database says now.

Counters are those of the process that answers. With several processes, scrape each by its own address. What
comes from the database is the same in all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from receiver import current
from receiver.access.scopes import Scope
from receiver.answering.failures import Reason
from receiver.background.integrity import Whole
from receiver.current import Parts
from receiver.doctor.attention import attention
from receiver.intake.counters import BUCKETS
from receiver.intake.in_spool import SpoolState
from receiver.intake.refusals import Cause
from receiver.intake.spool import SpoolError
from receiver.intake.ticket import Outcome
from receiver.keys import presence
from receiver.models import JobState
from receiver.numbers import known as numbers
from receiver.numbers.findings import Severity
from receiver.relay.deliveries import Deliveries
from receiver.relay.delivery import DeliveryState
from receiver.relay.planner import Planner
from receiver.relay.target import TargetState, all_targets
from receiver.search.index import behind
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.mask import masked_number
from receiver.web.access import require

metrics = Blueprint("metrics", __name__)


@metrics.get("/metrics")
def show() -> Response:
    """All metrics, in the format that was asked for."""
    require(Scope.READ)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Receiver(current.parts()))
    ProcessCollector(registry=registry)
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(registry), content_type=content_type)


class _Receiver(Collector):
    """Our metrics, read when they are scraped: nothing on the receive path knows Prometheus."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        yield from self._counted()
        try:
            spool, room = self._parts.spool.ask(lambda spool: (spool.state(), spool.room()))
        except SpoolError:
            spool, room = None, (0, 0)
        yield _gauge("receiver_spool_up", "Whether the spool can be read.", spool is not None)
        if spool is not None:
            yield from _spool(spool, *room)
        up = not self._parts.recorder.failing
        try:
            # All or nothing: half of it would look as if the other half had been fixed.
            stored = list(self._stored(spool))
        except SQLAlchemyError:
            stored, up = [], False
        yield _gauge("receiver_database_up", "Whether the database takes callbacks and answers.", up)
        yield from stored
        whole = self._parts.integrity.known
        if whole is not None:
            damaged = "Whether the last look at the SQLite file found damage."
            yield _gauge("receiver_database_damaged", damaged, whole is Whole.DAMAGED)

    def _counted(self) -> Iterator[Metric]:
        counted, admission = self._parts.recorder.counters, self._parts.admission
        callbacks = CounterMetricFamily(
            "receiver_callbacks", "Callbacks by outcome.", labels=("kind", "outcome")
        )
        for kind in Kind:
            for outcome in Outcome:
                callbacks.add_metric((kind, outcome.value), counted.callbacks[kind.value, outcome.value])
        yield callbacks
        older = CounterMetricFamily(
            "receiver_older_key_callbacks", "Callbacks with an older key that are believed.", labels=("key",)
        )
        for name, count in self._parts.keys.uses_of_older.items():
            older.add_metric((name,), count)
        yield older
        refused = CounterMetricFamily(
            "receiver_refused_callbacks", "Callbacks refused at the door.", labels=("cause",)
        )
        for cause in Cause:
            refused.add_metric((cause,), self._parts.refusals.counted[cause])
        yield refused
        failed = CounterMetricFamily(
            "receiver_answering_failed_steps", "Steps of calls that failed.", labels=("reason",)
        )
        for reason in Reason:
            failed.add_metric((reason,), self._parts.answering.calls.failures.counted[reason])
        yield failed
        yield _gauge("receiver_queue_length", "Callbacks waiting for a commit.", self._parts.recorder.waiting)
        commits, total = [], 0
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), tuple(counted.commits), strict=True):
            total += count
            commits.append((bound, total))
        yield HistogramMetricFamily(
            "receiver_commit_seconds",
            "Duration of transactions with callbacks.",
            buckets=commits,
            sum_value=counted.commit_seconds,
        )
        yield _gauge("receiver_quarantine_bytes", "Size of the quarantine.", admission.held)
        full = "Size at which the quarantine is full."
        yield _gauge("receiver_quarantine_limit_bytes", full, admission.limit)

    def _stored(self, spool: SpoolState | None) -> Iterator[Metric]:
        engine = self._parts.engine
        found = GaugeMetricFamily("receiver_findings", "What needs attention.", labels=("code", "severity"))
        counts: dict[tuple[str, Severity], int] = {}
        for finding in attention(engine, self._parts.config, spool):
            counts[finding.code, finding.severity] = counts.get((finding.code, finding.severity), 0) + 1
        for labels, count in counts.items():
            found.add_metric(labels, count)
        yield found
        yield _gauge("receiver_processes", "Serving processes.", len(presence.alive(engine)))
        yield from _accounts(numbers.read(engine))
        yield from _deliveries(engine)
        age = GaugeMetricFamily(
            "receiver_job_age_seconds", "Seconds since a job last ended.", labels=("job",)
        )
        failing = GaugeMetricFamily(
            "receiver_job_failing", "Whether the last run of a job failed.", labels=("job",)
        )
        with engine.connect() as connection:
            for job in connection.execute(select(JobState.name, JobState.ran_at, JobState.failure)):
                if job.ran_at is not None:
                    age.add_metric((job.name,), _age(job.ran_at))
                failing.add_metric((job.name,), job.failure is not None)
            unindexed = behind(connection)
        yield from (age, failing)
        yield _gauge(
            "receiver_index_behind_events", "Events that are not indexed and counted yet.", unindexed
        )


def _spool(state: SpoolState, used: int, limit: int) -> Iterator[Metric]:
    records = GaugeMetricFamily("receiver_spool_records", "Callbacks in the spool.", labels=("state",))
    records.add_metric(("waiting",), state.waiting)
    records.add_metric(("set_aside",), state.set_aside)
    yield records
    yield _gauge("receiver_spool_bytes", "Size of the spool.", used)
    yield _gauge("receiver_spool_limit_bytes", "Size at which the spool is full.", limit)
    age = 0.0 if state.oldest is None else _age(state.oldest)
    yield _gauge("receiver_spool_oldest_seconds", "Age of the oldest callback in the spool.", age)


def _deliveries(engine: Engine) -> Iterator[Metric]:
    log = Deliveries(engine)
    counts, oldest = log.counts(), log.oldest_waiting()
    state = GaugeMetricFamily(
        "receiver_target_state", "0: active, 1: paused, 2: failing.", labels=("target", "sort")
    )
    waiting = GaugeMetricFamily("receiver_deliveries_waiting", "Not delivered yet.", labels=("target",))
    dead = GaugeMetricFamily("receiver_deliveries_dead", "Given up.", labels=("target",))
    age = GaugeMetricFamily(
        "receiver_deliveries_oldest_seconds", "Age of the oldest that waits.", labels=("target",)
    )
    targets = all_targets(engine)
    for target in targets:
        own, name = counts.get(target.id, {}), target.label
        state.add_metric((name, target.sort), list(TargetState).index(target.state))
        waiting.add_metric((name,), own.get(DeliveryState.WAITING, 0))
        dead.add_metric((name,), own.get(DeliveryState.DEAD, 0))
        age.add_metric((name,), _age(oldest[target.id]) if target.id in oldest else 0)
    yield from (state, waiting, dead, age)
    late = "Events that no deliveries were made of yet."
    # Without targets nobody looks at the log, and nothing is late.
    yield _gauge("receiver_relay_behind_events", late, Planner(engine).behind() if targets else 0)


def _accounts(known: numbers.Known) -> Iterator[Metric]:
    now = datetime.now(UTC)
    # Two numbers may look the same once they are masked; the one that expires first is what matters.
    ends: dict[str, int] = {}
    for number in known.numbers:
        left, name = number.days_left(now), masked_number(number.number)
        if left is not None:
            ends[name] = min(left, ends.get(name, left))
    expiry = GaugeMetricFamily(
        "receiver_number_expiry_days", "Days until a subscription ends.", labels=("number",)
    )
    for name, left in ends.items():
        expiry.add_metric((name,), left)
    yield expiry
    yield _gauge("receiver_numbers", "Numbers held.", len(known.numbers))
    labels = ("provider",)
    failures = GaugeMetricFamily(
        "receiver_provider_failures", "Requests in a row that the provider failed.", labels=labels
    )
    age = GaugeMetricFamily(
        "receiver_provider_age_seconds", "Seconds since the provider last answered.", labels=labels
    )
    balance = GaugeMetricFamily("receiver_account_balance", "Credit left.", labels=("provider", "currency"))
    for account in known.accounts:
        failures.add_metric((account.provider,), account.failures)
        if account.checked_at is not None:
            age.add_metric((account.provider,), _age(account.checked_at))
        if account.balance is not None:
            balance.add_metric((account.provider, account.currency), float(account.balance))
    yield from (failures, age, balance)


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=float(value))


def _age(when: datetime) -> float:
    return max(0.0, (datetime.now(UTC) - when).total_seconds())
