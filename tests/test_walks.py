"""How much of the log a search reads: few events, whatever the database knows of its tables."""

import pytest
from arrivals import arrival
from sqlalchemy import Engine, event, insert

from receiver.db.engine import connect, writing
from receiver.duty import things
from receiver.duty.duty import Duty
from receiver.intake.arrival import event_row
from receiver.models import EVENTS, CallWithoutEnd
from receiver.search.events import EventLog
from receiver.search.query import Search

CALLS = 2000
LOST = ("call.ringing", "call.ongoing", "call.ongoing")
ENDED = ("call.ringing", "call.ongoing", "call.ended")
ROW = event_row(arrival("AA-SI-1")) | {"kind": "voice", "sender": "+6591234567", "recipient": "+6560000001"}


@pytest.fixture
def engine(database_url):
    engine = connect(database_url)
    yield engine
    engine.dispose()


def calls(engine: Engine, types: dict[int, tuple[str, ...]]) -> None:
    """Calls of three events; the first, which is also the oldest, lasts."""
    rows = [
        ROW
        | dict.fromkeys(("identity", "arrival", "txn_ref"), f"{call}/{place}")
        | {"session": f"S{call}", "type": type_, "call_state": "ended" if place == 2 else "ongoing"}
        for call in range(CALLS)
        for place, type_ in enumerate(types.get(call, ENDED))
    ]
    with writing(engine) as connection:
        connection.execute(insert(EVENTS), rows)
        connection.execute(insert(CallWithoutEnd), [{"session": f"S{call}"} for call in types])


def read(engine: Engine, search: str) -> tuple[int, int]:
    """How many events are found and how many the database reads for that, as far as it tells."""
    asked = []

    @event.listens_for(engine, "before_cursor_execute")
    def listen(_, __, statement, parameters, *___) -> None:
        if " AS walk" in statement:
            asked.append((statement, parameters))

    found = len(EventLog(engine).ids(Search.parse(search), limit=10))
    event.remove(engine, "before_cursor_execute", listen)
    return found, sum(_read(engine, *one) for one in asked)


def _read(engine: Engine, statement: str, parameters) -> int:
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            return CALLS * any("SCAN events" in step[-1] for step in plan)
        explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
        return _rows(connection.exec_driver_sql(explain, parameters).scalar_one()[0]["Plan"])


def _rows(plan) -> int:
    rows = sum(_rows(part) for part in plan.get("Plans", ()))
    if plan.get("Relation Name") == "events":
        looked_at = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
        rows += looked_at * plan["Actual Loops"]
    return rows


@pytest.mark.parametrize(
    ("search", "matching"),
    [
        ("state:answered", 10),
        ("state:answered from:+6591234567", 10),
        ("is:handled", 6),
        ("is:handled to:+6560000001", 6),
        ("has:voicemail to:+6560000001", 1),
        ("session:S7 to:+6560000001", 3),
    ],
)
def test_a_search_reads_few_events_also_where_the_database_has_counted_nothing(engine, search, matching):
    calls(engine, dict.fromkeys(range(20), LOST))
    with writing(engine) as connection:
        connection.execute(EVENTS.update().where(EVENTS.c.id == 5).values(record_url="https://example.com/1"))
    duty = Duty(engine)
    for session in ("S3", "S1500"):
        duty.handle(things.call(session), "Anna")
    for counted in (False, True):
        if counted:
            with engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE")
        found, looked_at = read(engine, search)
        assert (found, looked_at < CALLS // 2) == (matching, True), (counted, looked_at)
