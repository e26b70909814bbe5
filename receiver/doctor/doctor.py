"""The doctor: looks at everything that a callback depends on, and says what is wrong and what mends it.

Each area is looked at by itself: one that fails hides no other. Nothing is changed, apart from what is known
of the numbers, which is brought up to date on the way; what may be mended safely is `mend`.
"""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import requests
from sqlalchemy import Engine, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from config import LIVE_API_URL, Config, Signatures
from receiver.background.inspection import days_left, is_ours
from receiver.background.watch import Watch
from receiver.db import schema
from receiver.db.engine import SchemaError, reason_of
from receiver.intake.spool import Spool, SpoolError
from receiver.intake.writer import EventWriter
from receiver.keys import presence as processes
from receiver.keys import proof
from receiver.keys.ring import KeyRing, KeyState
from receiver.keys.urls import CallbackUrls
from receiver.models import EVENTS, JobState
from receiver.numbers import known as numbers
from receiver.numbers.findings import Finding, Severity
from receiver.numbers.known import Known, KnownNumber
from receiver.outbound.address import network_of
from receiver.providers.hoiio.zone import ZONE
from receiver.providers.numbers import NumberClient
from receiver.retention import quarantine
from receiver.setup.apply import Outcome, apply
from receiver.setup.journal import Journal
from receiver.setup.plan import Plan, repointed
from receiver.vocabulary.mask import masked_number
from receiver.vocabulary.printable import size

CERTIFICATE_DAYS, CERTIFICATE_LATE = 21, 7
"""Authorities renew 30 days before the end; whoever has fewer days left should have a look."""
CLOCK_SECONDS, CLOCK_WRONG = 5.0, 60.0
LITTLE_DISK, NO_DISK = 1024**3, 200 * 1024**2
SPOOL_WAITS = timedelta(minutes=1)
"""The service drains the spool within seconds of the database's return."""
_DATE_TIMEOUT = 5.0


@dataclass(frozen=True)
class Area:
    """One thing that was looked at. Without findings it is well, and `summary` says how it is."""

    name: str
    summary: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class NumberState:
    """How a number is, for a table."""

    number: str
    serves: str
    """Which kinds come here."""
    days_left: int | None
    renews: bool | None
    last_event: datetime | None


@dataclass(frozen=True)
class Report:
    """What the doctor found."""

    areas: tuple[Area, ...]
    numbers: tuple[NumberState, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for area in self.areas for finding in area.findings)

    @property
    def worst(self) -> Severity | None:
        """None if all is well."""
        found = {finding.severity for finding in self.findings}
        return Severity.ERROR if Severity.ERROR in found else Severity.WARNING if found else None


@dataclass(frozen=True)
class Doctor:
    """What an examination needs."""

    config: Config
    engine: Engine
    spool: Spool
    ring: KeyRing
    watch: Watch

    def examine(self) -> Report:
        """Look at everything. Takes seconds: the provider is asked, and PUBLIC_URL is called."""
        areas = [self._area("settings", self._settings), self._area("database", self._database)]
        usable = not areas[-1].findings
        areas += [self._area("spool", self._spool), self._area("disk", self._disk)]
        areas += [self._area("clock", self._clock)]
        if not usable:
            skipped = "not looked at: the database cannot be used"
            names = ("quarantine", "service", "address", "keys", "provider", "numbers")
            return Report((*areas, *(Area(name, skipped) for name in names)), ())
        areas += [
            self._area("quarantine", self._quarantine),
            self._area("service", self._service),
            self._area("address", self._address),
        ]
        found, known = self.watch.look(), numbers.read(self.engine)
        areas += self._watched(found, known)
        return Report(tuple(areas), tuple(self._states(known)))

    @staticmethod
    def _area(name: str, look: Callable[[list[Finding]], str]) -> Area:
        found: list[Finding] = []
        try:
            summary = look(found)
        except (SQLAlchemyError, OSError) as error:
            reason = reason_of(error) if isinstance(error, SQLAlchemyError) else error.strerror
            found.append(
                _error(f"{name}-unreadable", f"This could not be looked at: {reason}.", "flask doctor")
            )
            summary = ""
        return Area(name, summary, tuple(found))

    def _settings(self, found: list[Finding]) -> str:
        config = self.config
        if not config.has_credentials:
            found.append(
                _error(
                    "no-credentials",
                    "The provider's API cannot be used: HOIIO_APP_ID or HOIIO_ACCESS_TOKEN is not set.",
                    "Set both; they are in the provider's portal.",
                )
            )
        found += _address_findings(config)
        if config.signatures is Signatures.IGNORE:
            found.append(
                _warning(
                    "signatures-ignored",
                    "Callbacks with a wrong signature are trusted: SIGNATURES is `ignore`.",
                    "Set SIGNATURES=prefer, or require.",
                )
            )
        found += [
            _warning(
                "readable-secrets",
                f"{path} holds secrets, and other users of this machine can read it.",
                "flask doctor --fix",
            )
            for path in _readable(config)
        ]
        return "complete"

    def _database(self, found: list[Finding]) -> str:
        kind = "SQLite" if self.engine.dialect.name == "sqlite" else "PostgreSQL"
        try:
            schema.require_schema(self.engine)
            EventWriter(self.engine).probe()
        except SchemaError as error:
            sentence = f"{str(error)[:1].upper()}{str(error)[1:]}."
            unreachable = "cannot reach" in str(error)
            found.append(
                _error(
                    "database-away" if unreachable else "schema",
                    sentence,
                    "Start the database, or correct DATABASE_URL." if unreachable else "flask db upgrade",
                )
            )
            return ""
        except SQLAlchemyError as error:
            found.append(
                _error(
                    "database-writes",
                    f"The database takes no events: {reason_of(error)}.",
                    "Look at its disk and its log.",
                )
            )
            return ""
        return f"{kind}, takes events, schema {schema.newest_revision()}"

    def _spool(self, found: list[Finding]) -> str:
        try:
            self.spool.prove()
            state = self.spool.state()
        except SpoolError as error:
            sentence = f"{str(error)[:1].upper()}{str(error)[1:]}."
            found.append(_error("spool", sentence, "Make SPOOL_DIR writable for this user."))
            return ""
        if state.oldest and state.waiting and datetime.now(UTC) - state.oldest > SPOOL_WAITS:
            since = _ago(datetime.now(UTC) - state.oldest)
            found.append(
                _warning(
                    "spool-waits",
                    f"{state.waiting} callbacks wait for the database, the oldest for {since}.",
                    "flask spool drain",
                )
            )
        if state.set_aside:
            found.append(
                _warning(
                    "set-aside",
                    f"{state.set_aside} callbacks were set aside: the database refuses them.",
                    "flask spool status",
                )
            )
        return f"takes callbacks, {state.waiting or 'none'} waiting"

    def _disk(self, found: list[Finding]) -> str:
        places = {"SPOOL_DIR": self.config.spool_dir}
        if self.engine.dialect.name == "sqlite":
            places["DATABASE_URL"] = Path(self.engine.url.database or "").parent
        free = {name: shutil.disk_usage(path).free for name, path in places.items() if path.is_dir()}
        for name, left in free.items():
            if left < LITTLE_DISK:
                found.append(
                    Finding(
                        f"disk-{name.lower()}",
                        Severity.ERROR if left < NO_DISK else Severity.WARNING,
                        f"Only {size(left)} are free where {name} is.",
                        "Make room; `flask events prune` deletes what is old.",
                    )
                )
        return f"{size(min(free.values(), default=0))} free"

    def _clock(self, found: list[Finding]) -> str:
        theirs = _date_of(self.config.hoiio_api_url)
        if theirs is None:
            return "not compared: the provider does not tell the time"
        off = abs((datetime.now(UTC) - theirs).total_seconds())
        if off > CLOCK_SECONDS:
            found.append(
                Finding(
                    "clock",
                    Severity.ERROR if off > CLOCK_WRONG else Severity.WARNING,
                    f"The clock is {_ago(timedelta(seconds=off))} off, by the provider's.",
                    "timedatectl set-ntp true",
                )
            )
        return "right, by the provider's"

    def _quarantine(self, found: list[Finding]) -> str:
        state = quarantine.state(self.engine, self.config.quarantine_limit_mb)
        if state.bytes * 10 >= state.limit * 8:
            found.append(
                Finding(
                    "quarantine-full",
                    Severity.ERROR if state.full else Severity.WARNING,
                    f"The quarantine holds {size(state.bytes)} of {size(state.limit)}:"
                    " when it is full, callbacks that are not trusted are turned away.",
                    "flask events list --quarantined, then release or drop",
                )
            )
        return f"{state.events} events, {size(state.bytes)} of {size(state.limit)}"

    def _service(self, found: list[Finding]) -> str:
        serving = processes.alive(self.engine)
        if not serving:
            found.append(
                _error(
                    "not-serving",
                    f"No process has said in the last {processes.ALIVE.seconds} seconds that it serves.",
                    "flask serve",
                )
            )
        with self.engine.connect() as connection:
            failing = connection.execute(
                select(JobState.name, JobState.failure).where(JobState.failure.is_not(None))
            ).all()
        found += [
            _warning(
                f"job-{job.name}", f"The job {job.name} failed: {job.failure}.", "Look at the service's log."
            )
            for job in failing
        ]
        count = len(serving)
        return f"{count} process{'es' if count > 1 else ''} serving, jobs run"

    def _address(self, found: list[Finding]) -> str:
        urls = self.watch.urls()
        if urls is None:
            return "not looked at: PUBLIC_URL is not set"
        reached = proof.reach(urls.voice)
        if not reached.holds:
            sentence = f"PUBLIC_URL fails at {reached.failed}: {reached.sentence}"
            found.append(_error(f"address-{reached.failed}", sentence, reached.mend))
            return ""
        if reached.certificate_until is None:
            return "answers"
        left = (reached.certificate_until - datetime.now(UTC)).days
        if left <= CERTIFICATE_DAYS:
            found.append(
                Finding(
                    "certificate",
                    Severity.ERROR if left <= CERTIFICATE_LATE else Severity.WARNING,
                    f"The TLS certificate of PUBLIC_URL ends in {left} days.",
                    "Renew it, and let the proxy load the new one.",
                )
            )
        return f"answers, certificate good for {left} days"

    def _watched(self, found: Sequence[Finding], known: Known) -> Iterator[Area]:
        """The areas that the watch looks at, too."""

        def of(*codes: str) -> tuple[Finding, ...]:
            return tuple(finding for finding in found if finding.code.startswith(codes))

        about_keys = of("rotation-", "older-key-used", "key-")
        about_provider = of("provider-", "balance-")
        rest = tuple(each for each in found if each not in about_keys and each not in about_provider)
        ring = self.ring.list()
        current = next(key for key in ring if key.state is KeyState.CURRENT)
        accepted = sum(key.state is not KeyState.RETIRED for key in ring)
        yield Area("keys", f"{current.name} is current, {accepted} accepted", about_keys)
        if not self.config.has_credentials:
            yield Area("provider", "not asked: there are no credentials")
            yield Area("numbers", "not looked at: there are no credentials")
            return
        balance = "balance not told"
        if known.balance is not None:
            balance = f"balance {known.currency} {known.balance:f}"
        if known.failures and not about_provider:
            about_provider = (
                _warning(
                    "provider-silent", f"The provider could not be asked. {known.failure}", "flask doctor"
                ),
            )
        yield Area("provider", f"credentials work, {balance}", about_provider)
        count = len(known.numbers)
        yield Area("numbers", f"{count or 'none'} held", rest)

    def _states(self, known: Known) -> Iterator[NumberState]:
        urls = self.watch.urls()
        today = datetime.now(ZONE).date()
        for number in known.numbers:
            yield NumberState(
                number=number.number,
                serves=_serves(number, urls),
                days_left=days_left(number, today),
                renews=number.auto_extend,
                last_event=self._last_event(number.number),
            )

    def _last_event(self, number: str) -> datetime | None:
        query = (
            select(EVENTS.c.received_at)
            .where(EVENTS.c.recipient == number)
            .order_by(EVENTS.c.id.desc())
            .limit(1)
        )
        with self.engine.connect() as connection:
            return connection.scalar(query)


def mend(
    doctor: Doctor,
    client: Callable[[], NumberClient],
    journal: Callable[[], Journal],
    say: Callable[[str], None],
) -> None:
    """Do what is safe: upgrade the schema, close secret files to others, drain the spool, retire keys that
    are due, and bring numbers that come here by another key to the current one."""
    for path in _readable(doctor.config):
        path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o700)
        say(f"closed {path} to other users")
    before = schema.current_revision(doctor.engine)
    schema.upgrade(doctor.engine)
    if before != schema.current_revision(doctor.engine):
        say(f"upgraded the database to {schema.newest_revision()}")
    moved = 0
    while drained := doctor.spool.drain(EventWriter(doctor.engine)):
        moved += drained
    if moved:
        say(f"moved {moved} callbacks from the spool into the database")
    doctor.ring.refresh()
    urls = doctor.watch.urls()
    if urls is None or not doctor.config.has_credentials:
        return
    provider = client()
    stale = [step for number in provider.subscribed_numbers() if (step := repointed(number, urls))]
    if not stale:
        return
    ledger = journal()
    with ledger.lease(say=say):
        for progress in apply(Plan(tuple(stale)), provider, ledger):
            done = progress.outcome in (Outcome.DONE, Outcome.FOUND)
            number = masked_number(progress.step.number)
            say(f"{number}: {'moved to the current key' if done else progress.detail}")


def _serves(number: KnownNumber, urls: CallbackUrls | None) -> str:
    here = [
        name
        for name, url in ((number.mode or "calls", number.forward_to), ("sms", number.forward_sms_to))
        if urls is not None and url and is_ours(urls, url)
    ]
    return "+".join(here)


def _address_findings(config: Config) -> Iterator[Finding]:
    if config.public_url is None:
        yield _error(
            "no-address",
            "The provider cannot be told where to call: PUBLIC_URL is not set.",
            "Set PUBLIC_URL to how this service is reached from outside.",
        )
        return
    if config.hoiio_api_url != LIVE_API_URL:
        return  # a rehearsal: its provider is on this machine, too
    parts = urlsplit(config.public_url)
    if network_of(parts.hostname or "").local:
        yield _error(
            "local-address",
            f"The provider cannot reach {parts.hostname}: PUBLIC_URL is not a public address.",
            "Set PUBLIC_URL to how this service is reached from outside.",
        )
    elif parts.scheme == "http":
        yield _warning(
            "plain-http",
            "Messages and the callback key travel unencrypted: PUBLIC_URL is http.",
            "Put a proxy with TLS in front, and set PUBLIC_URL=https://…",
        )


def _readable(config: Config) -> list[Path]:
    """Files with secrets that others may read."""
    candidates = [Path(".env"), config.spool_dir / "keys.json"]
    database = make_url(config.database_url)
    if database.drivername == "sqlite" and database.database:
        candidates.append(Path(database.database))
    return [path for path in candidates if path.is_file() and _open(path) and _open(path.absolute().parent)]


def _open(path: Path) -> bool:
    """Whether others than its owner may read a file, or look into a folder."""
    return bool(path.stat().st_mode & 0o077)


def _date_of(url: str) -> datetime | None:
    """What a server's Date header says."""
    try:
        with requests.Session() as session:
            answer = session.head(url, timeout=_DATE_TIMEOUT, allow_redirects=False)
        return parsedate_to_datetime(answer.headers["Date"])
    except (requests.RequestException, KeyError, ValueError):
        return None


def _error(code: str, sentence: str, mend: str) -> Finding:
    return Finding(code, Severity.ERROR, sentence, mend)


def _warning(code: str, sentence: str, mend: str) -> Finding:
    return Finding(code, Severity.WARNING, sentence, mend)


def _ago(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}s"
    return f"{seconds} seconds"
