"""A log of years, made in minutes: the database writes it itself, with what the service would have written.

Of twenty events twelve are of three calls (answered, missed, with a long menu), seven are SMS, one is a fax.
A few senders and numbers make most of it, and many appear once. Some texts are long and come in parts; some
events came twice, have problems, or stand in quarantine.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from urllib.parse import quote_plus

from sqlalchemy import Connection, Engine, text

from bench.report import say
from bench.service import BenchError
from receiver.search.entries import block_marks, indexed_words, tsvector
from receiver.search.words import INDEX_VERSION, words

PORTION = 500_000
SECONDS_APART = 3.456
"""Ten million events make 400 days."""
SENDERS, NUMBERS, FAX_NUMBERS = 500_000, 200, 10
MESSAGES, LONG_MESSAGES = 20_000, 64
COMMON_SENDER, COMMON_NUMBER, FAX_NUMBER = "+6580000000", "+6531580000", "+6565310000"
_HEADERS = (
    "Host: receiver.example.com\r\nUser-Agent: provider\r\nContent-Type: application/x-www-form-urlencoded"
)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words by how often they stand in a text."""

    ordered: tuple[str, ...]

    @property
    def common(self) -> str:
        return self.ordered[0]

    @property
    def middling(self) -> str:
        return self.ordered[400]


def vocabulary() -> Vocabulary:
    """The same each time."""
    chance = random.Random(7)
    syllables = [first + vowel for first in "bdfghklmnprstvz" for vowel in "aeiou"]
    made = {"".join(chance.choices(syllables, k=chance.randint(2, 4))) for _ in range(4500)}
    return Vocabulary(tuple(sorted(made, key=lambda word: (len(word), word))))


def build(engine: Engine, count: int) -> None:
    """Fill an empty, migrated database with that many events, indexed and counted."""
    lite = engine.dialect.name == "sqlite"
    started = time.monotonic()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        sql = _Sqlite() if lite else _Postgres()
        sql.prepare(connection)
        _write_messages(connection, lite)
        indexes = list(sql.take_indexes(connection))
        for first in range(1, count + 1, PORTION):
            last = min(count, first + PORTION - 1)
            connection.execute(text(sql.events(first, last, count)))
            connection.execute(text(sql.words(first, last)))
            say(f"{engine.dialect.name}: {last:,} of {count:,} events, {time.monotonic() - started:.0f} s")
        for statement in indexes:
            connection.execute(text(statement))
            say(f"{engine.dialect.name}: {statement.split(' ON ')[0]}, {time.monotonic() - started:.0f} s")
        for statement in sql.counts(count):
            connection.execute(text(statement))
        sql.finish(connection)
        connection.execute(text("DROP TABLE bench_messages"))
    check(engine, count)
    say(f"{engine.dialect.name}: built in {time.monotonic() - started:.0f} s")


def _write_messages(connection: Connection, lite: bool) -> None:
    known = vocabulary().ordered
    chance = random.Random(11)
    weights = list(accumulate(1 / (place + 2) for place in range(len(known))))
    rows = []
    for number in range(MESSAGES):
        if number < LONG_MESSAGES:
            message = " ".join(chance.choices(known, cum_weights=weights, k=60))[:152]
            message = message.rstrip().ljust(152, "x")
        else:
            message = " ".join(chance.choices(known, cum_weights=weights, k=chance.randint(3, 14)))
            message += ("", "", "", " 你好世界", " 😀 naïve Café")[number % 5]
        found = words(message)
        vector = tsvector(found)
        rows.append((number, message, quote_plus(message), " ".join(found), vector, len(found)))
    connection.execute(
        text(
            "CREATE TABLE bench_messages (id integer PRIMARY KEY, message text, encoded text, words text,"
            " vector text, places integer)"
        )
    )
    mark = "?" if lite else "%s"
    connection.exec_driver_sql(f"INSERT INTO bench_messages VALUES ({', '.join([mark] * 6)})", rows)


_NUMBERED = """
    SELECT n, n / 20 AS g, n % 20 AS p,
        CASE WHEN n % 20 < 4 THEN 0 WHEN n % 20 < 6 THEN 1 WHEN n % 20 < 12 THEN 2
            WHEN n % 20 = 13 AND n / 20 % 10 = 0 THEN 3 ELSE n % 20 - 9 END + (n / 20) * 11 AS e
    FROM numbers
"""


_CODE = (
    "CASE WHEN odd THEN 'sunknown' WHEN kind = 'voice' THEN 'v' || call_state WHEN kind = 'sms'"
    " THEN 'sreceived' WHEN fax_status = 'failed' THEN 'ffailed' ELSE 'freceived' END"
)


class _Sql:
    """The statements, in one dialect. `n` is the event's id, `g` its group of twenty, `p` its place there,
    `e` the call or message it belongs to."""

    def bytes(self, value: str) -> str:
        raise NotImplementedError

    def whole(self, value: str) -> str:
        raise NotImplementedError

    def numbers(self, first: int, last: int) -> str:
        raise NotImplementedError

    def moment(self, count: int) -> str:
        raise NotImplementedError

    def date(self) -> str:
        raise NotImplementedError

    def _told(self, first: int, last: int, count: int) -> str:
        """What each event says."""
        sender = self.whole(f"{SENDERS} * u * u * u * u")
        number = self.whole(f"{NUMBERS} * v * v * v")
        return f"""
            WITH RECURSIVE {self.numbers(first, last)},
            numbered AS ({_NUMBERED}),
            drawn AS (SELECT *, (e * 7919 % 1000003) / 1000003.0 AS u, (e * 104729 % 999983) / 999983.0 AS v
                FROM numbered),
            told AS (SELECT n, g, p, e, {self.moment(count)} AS moment,
                CASE WHEN p < 12 THEN 'voice' WHEN p < 19 THEN 'sms' ELSE 'fax' END AS kind,
                '65' || (80000000 + {sender}) AS sender,
                CASE WHEN p = 19 THEN '65' || (65310000 + e % {FAX_NUMBERS})
                    ELSE '65' || (31580000 + {number}) END AS recipient,
                CASE WHEN p IN (0, 4, 6) THEN 'ringing' WHEN p IN (3, 5, 11) THEN 'ended'
                    WHEN p < 12 THEN 'ongoing' END AS call_state,
                CASE WHEN p IN (0, 4, 5, 6) THEN 'answer' WHEN p = 2 THEN 'record'
                    WHEN p IN (3, 11) THEN 'hangup' WHEN p < 12 THEN 'gather' END AS ivr_block,
                CASE WHEN p IN (1, 7, 8, 9, 10) THEN cast(1 + g % 9 AS text) END AS digits,
                CASE WHEN p = 19 AND g % 20 = 7 THEN 'failed' WHEN p = 19 THEN 'answered' END AS fax_status,
                p = 18 AND g % 1000 = 3 AS odd,
                g % 50 = 9 AND p IN (1, 13) AS doubtful,
                g % 20 = 5 AND p = 14 AS forged,
                CASE WHEN p = 12 AND g % 10 = 0 THEN e % {LONG_MESSAGES}
                    ELSE {LONG_MESSAGES} + e * 31 % {MESSAGES - LONG_MESSAGES} END AS m
                FROM drawn)
        """

    def events(self, first: int, last: int, count: int) -> str:
        ends = "'&from=%2B' || sender || '&to=%2B' || recipient"
        dated = f"'&date=' || {self.date()} || '&currency=SGD'"
        odd = "CASE WHEN doubtful THEN '&order=XK' || g ELSE '' END"
        body = f"""
            CASE kind WHEN 'voice' THEN
                'ivr_block=' || ivr_block || '&call_state=' || call_state
                || CASE WHEN digits IS NOT NULL THEN '&digits=' || digits ELSE '' END
                || CASE WHEN p = 2 THEN '&record_url=https%3A%2F%2Fexample.com%2Frec%2F' || n || '.mp3'
                    ELSE '' END
                || '&session=S' || e || '&txn_ref=AA-C-' || e || {ends}
                || CASE WHEN call_state = 'ended'
                    THEN {dated} || '&duration=2&rate=0.020&debit=0.040' ELSE '' END
            WHEN 'sms' THEN
                'txn_ref=AA-SI-' || n
                || CASE WHEN odd THEN '' WHEN m < {LONG_MESSAGES} THEN '&msg=' || encoded
                    ELSE '&msg=' || encoded || '+ref' || n END
                || {ends} || {dated} || '&debit=0.013'
            ELSE
                'fax_status=' || fax_status || '&txn_ref=AA-F-' || n || {ends} || {dated}
                || '&duration=1&debit=0.050' || CASE fax_status WHEN 'failed' THEN '&fax_error_code=busy'
                    ELSE '&fax_url=https%3A%2F%2Fexample.com%2Ffax%2F' || n || '.pdf' END
            END || {odd}
        """
        return f"""
            INSERT INTO events (id, identity, arrival, kind, type, txn_ref, session, sender, recipient, text,
                occurred_at, received_at, signature, quarantine, repeats, problems, ivr_block, call_state,
                digits, record_url, fax_status, fax_url, fax_error_code, duration, currency, rate, debit,
                method, query_string, headers, body, peer)
            {self._told(first, last, count)}
            SELECT n,
                CASE kind WHEN 'voice' THEN 'AA-C-' || e WHEN 'sms' THEN 'AA-SI-' || n ELSE 'AA-F-' || n END
                    || '/' || kind || '/' || p, 'made-' || n, kind,
                CASE WHEN odd THEN 'unknown' WHEN kind = 'voice' THEN 'call.' || call_state
                    WHEN kind = 'sms' THEN 'sms.received' WHEN fax_status = 'failed' THEN 'fax.failed'
                    ELSE 'fax.received' END,
                CASE kind WHEN 'voice' THEN 'AA-C-' || e WHEN 'sms' THEN 'AA-SI-' || n ELSE 'AA-F-' || n END,
                CASE kind WHEN 'voice' THEN 'S' || e END, '+' || sender, '+' || recipient,
                CASE WHEN kind = 'sms' AND NOT odd THEN message || CASE WHEN m < {LONG_MESSAGES} THEN ''
                    ELSE ' ref' || n END END,
                CASE WHEN kind <> 'voice' OR call_state = 'ended' THEN moment END, moment,
                CASE WHEN forged THEN 'invalid' ELSE 'valid' END,
                CASE WHEN forged THEN 'signature invalid' END, CASE WHEN n % 500 = 0 THEN 1 ELSE 0 END,
                CASE WHEN doubtful THEN 'order: not a documented parameter of ' || kind END,
                ivr_block, call_state, digits,
                CASE WHEN p = 2 THEN 'https://example.com/rec/' || n || '.mp3' END, fax_status,
                CASE WHEN fax_status = 'answered' THEN 'https://example.com/fax/' || n || '.pdf' END,
                CASE WHEN fax_status = 'failed' THEN 'busy' END,
                CASE WHEN call_state = 'ended' THEN 2 WHEN kind = 'fax' THEN 1 END,
                CASE WHEN kind <> 'voice' OR call_state = 'ended' THEN 'SGD' END,
                {self.money("CASE WHEN call_state = 'ended' THEN '0.020' END")},
                {
            self.money(
                "CASE WHEN call_state = 'ended' THEN '0.040' WHEN kind = 'sms' THEN '0.013'"
                " WHEN kind = 'fax' THEN '0.050' END"
            )
        },
                'POST', {self.bytes("''")}, {self.bytes(f"'{_HEADERS}'")}, {self.bytes(body)}, '203.0.113.7'
            FROM told JOIN bench_messages ON bench_messages.id = m
        """

    def money(self, value: str) -> str:
        return value

    def _word_parts(self) -> list[tuple[str, str | None]]:
        """Each word of an event that is not in its text, and when it has it."""
        voice, sms, fax = "kind = 'voice'", "kind = 'sms'", "kind = 'fax'"
        recorded, sent = "p = 2", "fax_status = 'answered'"
        return [
            ("'ref' || n", f"{sms} AND NOT odd AND m >= {LONG_MESSAGES}"),
            ("ivr_block", voice),
            ("call_state", voice),
            ("digits", "digits IS NOT NULL"),
            *((word, recorded) for word in ("'https'", "'example'", "'com'", "'rec'", "n", "'mp3'")),
            ("'s' || e", voice),
            ("fax_status", fax),
            ("'aa'", None),
            ("CASE kind WHEN 'voice' THEN 'c' WHEN 'sms' THEN 'si' ELSE 'f' END", None),
            ("CASE kind WHEN 'voice' THEN e ELSE n END", None),
            ("sender", None),
            ("recipient", None),
            ("'busy'", "fax_status = 'failed'"),
            *((word, sent) for word in ("'https'", "'example'", "'com'", "'fax'", "n", "'pdf'")),
            ("'order'", "doubtful"),
            ("'xk' || g", "doubtful"),
            (f"'§a§' || {_CODE}", None),
            ("'§f' || sender", None),
            (f"'§f' || sender || '§' || {_CODE}", None),
            ("'§t' || recipient", None),
            (f"'§t' || recipient || '§' || {_CODE}", None),
            ("CASE WHEN doubtful THEN '§p1' ELSE '§p0' END", None),
            (f"'§pa§' || {_CODE}", "doubtful"),
            (f"'§pf' || sender || '§' || {_CODE}", "doubtful"),
            (f"'§pt' || recipient || '§' || {_CODE}", "doubtful"),
        ]

    def counts(self, count: int) -> Iterator[str]:
        yield (
            "INSERT INTO repeats (identity, arrival, received_at, signature, method, query_string, headers,"
            " body, peer) SELECT identity, arrival || '-2', received_at, signature, method, query_string,"
            " headers, body, peer FROM events WHERE repeats > 0"
        )
        yield (
            f"INSERT INTO hours (hour, first_id, last_id) SELECT {self.hour()}, min(id), max(id) FROM events"
            " GROUP BY 1"
        )
        yield (
            "INSERT INTO hour_counts (hour, kind, type, number, events)"
            f" SELECT {self.hour()}, kind, type, recipient, count(*) FROM events WHERE quarantine IS NULL"
            " GROUP BY 1, 2, 3, 4"
        )
        yield (
            "INSERT INTO number_counts (number, kind, type, events)"
            " SELECT number, kind, type, sum(events) FROM hour_counts GROUP BY 1, 2, 3"
        )
        yield (
            "INSERT INTO conversations (number, sender, messages, last_id)"
            " SELECT recipient, sender, count(*), max(id) FROM events WHERE kind = 'sms'"
            " AND type = 'sms.received' AND quarantine IS NULL GROUP BY 1, 2"
        )
        yield f"UPDATE index_state SET event_id = {count}, version = {INDEX_VERSION}"

    def hour(self) -> str:
        raise NotImplementedError

    def words(self, first: int, last: int) -> str:
        raise NotImplementedError

    def prepare(self, connection: Connection) -> None:
        raise NotImplementedError

    def take_indexes(self, connection: Connection) -> Iterator[str]:
        """Drop the indexes, giving for each the statement that brings it back."""
        raise NotImplementedError

    def finish(self, connection: Connection) -> None:
        raise NotImplementedError


class _Sqlite(_Sql):
    def bytes(self, value: str) -> str:
        return f"CAST({value} AS BLOB)"

    def whole(self, value: str) -> str:
        return f"CAST({value} AS INTEGER)"

    def numbers(self, first: int, last: int) -> str:
        return f"numbers (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})"

    def moment(self, count: int) -> str:
        ago = f"-{count * SECONDS_APART:.0f} seconds"
        return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', '{ago}', (n * {SECONDS_APART}) || ' seconds')"

    def date(self) -> str:
        return "strftime('%Y-%m-%d+%H', moment, '+8 hours') || strftime('%%3A%M%%3A%S', moment)"

    def hour(self) -> str:
        return "substr(received_at, 1, 13) || ':00:00.000000'"

    def words(self, first: int, last: int) -> str:
        parts = " || ".join(
            f"{word} || ' '" if when is None else f"CASE WHEN {when} THEN {word} || ' ' ELSE '' END"
            for word, when in self._word_parts()
        )
        return f"""
            INSERT INTO event_words (rowid, words)
            {self._told(first, last, last)}
            SELECT n, rtrim(CASE WHEN kind = 'sms' AND NOT odd THEN words || ' ' ELSE '' END || {parts})
            FROM told CROSS JOIN bench_messages ON bench_messages.id = m
        """

    def prepare(self, connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA synchronous = OFF")
        connection.exec_driver_sql("PRAGMA cache_size = -500000")
        connection.exec_driver_sql(
            "INSERT INTO event_words (event_words, rank) VALUES ('hashsize', 50000000)"
        )

    def take_indexes(self, connection: Connection) -> Iterator[str]:
        known = connection.exec_driver_sql(
            "SELECT name, sql FROM sqlite_master"
            " WHERE type = 'index' AND tbl_name = 'events' AND sql IS NOT NULL"
        ).all()
        for name, sql in known:
            connection.exec_driver_sql(f"DROP INDEX {name}")
            yield sql

    def finish(self, connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO event_words (event_words, rank) VALUES ('hashsize', 1048576)")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


class _Postgres(_Sql):
    def bytes(self, value: str) -> str:
        return f"convert_to({value}, 'UTF8')"

    def whole(self, value: str) -> str:
        return f"floor({value})::bigint"

    def money(self, value: str) -> str:
        return f"({value})::numeric"

    def numbers(self, first: int, last: int) -> str:
        return f"numbers AS (SELECT * FROM generate_series({first}::bigint, {last}) AS n)"

    def moment(self, count: int) -> str:
        return f"date_trunc('milliseconds', now() - ({count} - n) * interval '{SECONDS_APART} seconds')"

    def date(self) -> str:
        return "to_char(moment AT TIME ZONE 'Asia/Singapore', 'YYYY-MM-DD+HH24\"%%3A\"MI\"%%3A\"SS')"

    def hour(self) -> str:
        return "date_trunc('hour', received_at, 'UTC')"

    def words(self, first: int, last: int) -> str:
        parts = [*self._word_parts()]
        parts += [("'§x' || (n >> 13)", None), ("'§y' || (n >> 18)", None)]
        placed = [
            (f"'''' || {word} || ''':' || (places + {at}) || ' '", when)
            for at, (word, when) in enumerate(parts, 1)
        ]
        vector = " || ".join(
            word if when is None else f"CASE WHEN {when} THEN {word} ELSE '' END" for word, when in placed
        )
        return f"""
            INSERT INTO event_words (id, words)
            {self._told(first, last, last)}
            SELECT n,
                (CASE WHEN kind = 'sms' AND NOT odd THEN vector || ' ' ELSE '' END || {vector})::tsvector
            FROM told JOIN bench_messages ON bench_messages.id = m
        """

    def prepare(self, connection: Connection) -> None:
        for setting in ("synchronous_commit = off", "maintenance_work_mem = '1GB'", "work_mem = '256MB'"):
            connection.exec_driver_sql(f"SET {setting}")

    def take_indexes(self, connection: Connection) -> Iterator[str]:
        known = connection.exec_driver_sql(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('events', 'event_words')"
            " AND indexname LIKE 'ix%%'"
        ).all()
        for name, sql in known:
            connection.exec_driver_sql(f"DROP INDEX {name}")
            yield sql

    def finish(self, connection: Connection) -> None:
        connection.exec_driver_sql(
            "SELECT setval(pg_get_serial_sequence('events', 'id'), max(id)) FROM events"
        )
        connection.exec_driver_sql("VACUUM (ANALYZE)")


def check(engine: Engine, count: int) -> None:
    """Raise unless the words are those that the service would have written."""
    chance = random.Random(count)
    ids = [*range(1, min(count, 60) + 1), *(chance.randint(1, count) for _ in range(200))]
    stored_as = "words" if engine.dialect.name == "sqlite" else "tsvector_to_array(words)"
    key = "rowid" if engine.dialect.name == "sqlite" else "id"
    with engine.connect() as connection:
        for event_id in ids:
            event = connection.execute(text("SELECT * FROM events WHERE id = :id"), {"id": event_id}).one()
            stored = connection.scalar(
                text(f"SELECT {stored_as} FROM event_words WHERE {key} = :id"), {"id": event_id}
            )
            wanted = indexed_words(event)
            if engine.dialect.name == "postgresql":
                wanted, stored = sorted({*wanted, *block_marks(event_id)}), sorted(stored)
            else:
                stored = stored.split()
            if wanted != stored:
                raise BenchError(
                    f"the made event {event_id} has other words than it should: {wanted}, {stored}"
                )
