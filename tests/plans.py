"""How a database goes about a statement, in a log that is not small: what reads all of it shows."""

from collections.abc import Callable

from arrivals import arrival
from sqlalchemy import Engine, insert
from sqlalchemy.event import listens_for, remove

from receiver.db.engine import writing
from receiver.intake.arrival import event_row
from receiver.models import EVENTS

MANY = 5000


def fill(engine: Engine) -> None:
    """SMS with the references AA-SI-0, AA-SI-1 and so on, which are their identities, too. No statistics."""
    row = event_row(arrival("AA-SI-1"))
    names = [f"AA-SI-{number}" for number in range(MANY)]
    marked = [row | dict.fromkeys(("identity", "arrival", "txn_ref"), name) for name in names]
    with writing(engine) as connection:
        connection.execute(insert(EVENTS), marked)


def plan_of(engine: Engine, act: Callable[[], object], part: str) -> str:
    """The plan of the one statement with this part in it that the act makes."""
    made = []

    def listen(_, __, statement, parameters, *___) -> None:
        if part in statement:
            made.append((statement, parameters))

    listens_for(engine, "before_cursor_execute")(listen)
    act()
    remove(engine, "before_cursor_execute", listen)
    ((statement, parameters),) = made
    explain = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    with engine.connect() as connection:
        return str(connection.exec_driver_sql(f"{explain} {statement}", parameters).all())


def reads_all(plan: str) -> bool:
    """Whether it reads the whole log."""
    return "SCAN events" in plan or "Seq Scan on events" in plan
