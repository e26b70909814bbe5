"""How much of the log a search reads: few events, whatever the database knows of its tables."""

import pytest
from arrivals import arrival
from sqlalchemy import Engine, event, insert

from receiver.db.engine import connect, writing
from receiver.duty import things
from receiver.duty.duty import Duty
from receiver.intake.arrival import event_row
from receiver.models import EVENTS, CallWithoutEnd
from receiver.search.calls import CallLog, CallPage
from receiver.search.events import EventLog, Page
from receiver.search.index import LogIndex
from receiver.search.query import Search

CALLS = 2000
LOST = ("call.ringing", "call.ongoing", "call.ongoing")
MISSED = ("call.ringing", "call.ringing", "call.ended")
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
        | {"session": f"S{call}", "type": type_, "call_state": "ended" if place == 2 else type_[5:]}
        for call in range(CALLS)
        for place, type_ in enumerate(types.get(call, ENDED))
    ]
    with writing(engine) as connection:
        connection.execute(insert(EVENTS), rows)
        lost = [{"session": f"S{call}"} for call in types if types[call] == LOST]
        connection.execute(insert(CallWithoutEnd), lost)


def pages(log: EventLog | CallLog, search: str) -> list[Page | CallPage]:
    """All pages, each below the one before."""
    found = [log.find(Search.parse(search))]
    while found[-1].next is not None:
        found.append(log.find(Search.parse(search), before=found[-1].next))
    return found


def read(engine: Engine, search: str) -> tuple[int, int]:
    """How many events are found and how many the database reads for that, as far as it tells."""
    asked = []

    @event.listens_for(engine, "before_cursor_execute")
    def listen(_, __, statement, parameters, *___) -> None:
        if " AS walk" in statement:
            asked.append((statement, parameters))

    found = len(EventLog(engine).find(Search.parse(search), limit=10).events)
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
def test_a_search_reads_few_events_also_where_the_database_has_counted_nothing(
    engine, monkeypatch, search, matching
):
    monkeypatch.setattr("receiver.search.select.MOST_LOOKED_AT", 100)
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


@pytest.mark.parametrize(
    "search", ["state:missed", "is:open", "is:open to:+6560000001 kind:voice", "state:missed since:1d"]
)
def test_a_page_of_what_is_rare_ends_and_the_next_goes_on(engine, monkeypatch, search):
    monkeypatch.setattr("receiver.search.select.MOST_LOOKED_AT", 600)
    calls(engine, {0: MISSED, 1999: MISSED, 1998: LOST})
    LogIndex(engine).catch_up()
    for of in (EventLog(engine), CallLog(engine)):
        found = pages(of, search)
        assert [page.next for page in found] == [4198, 2398, 598, None]
        assert [page.cut_short for page in found] == [True, True, True, False]
        events = [one.id for page in found for one in (page.events if isinstance(page, Page) else page.calls)]
        assert events == ([6000, 3] if isinstance(found[0], Page) else [5998, 1])
