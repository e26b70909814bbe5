"""Forget that a call has no end with its last event, and notes also with an event that is not trusted.

A copy that was dropped from quarantine, or became a repeat of its trusted twin, took along that a call has no
end, so it was not found as missed any more; such calls are put back. What was noted about an event that had
gone back into quarantine stayed when that was dropped; this is deleted.
"""

# ruff: noqa: S608  # SQL is put together from our own words

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

# OFFSET keeps PostgreSQL from reading the whole log once for what is asked of a few calls.
NO_EVENT = "NOT EXISTS (SELECT 1 FROM events WHERE {of} LIMIT 1 OFFSET 0)"

# Calls without an end.

CALL_BEFORE = "calls_without_end.session = {event}.session"
CALL = f"{CALL_BEFORE} AND {NO_EVENT.format(of='session = {event}.session')}"
SQLITE_CALL = """
    CREATE TRIGGER events_deleted_call AFTER DELETE ON events WHEN OLD.session IS NOT NULL
    BEGIN
        DELETE FROM calls_without_end WHERE {gone};
    END
"""
POSTGRESQL_CALL = """
    CREATE OR REPLACE FUNCTION events_deleted_call() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM calls_without_end USING gone WHERE {gone};
        RETURN NULL;
    END $$
"""
# The end of a call may leave the trusted log again, when a release is undone.
PUT_BACK = "OLD.quarantine IS NULL AND NEW.quarantine IS NOT NULL AND NEW.type = 'call.ended'"
NOTE_CALL = "INSERT INTO calls_without_end (session) SELECT NEW.session WHERE NEW.session IS NOT NULL"
SQLITE_PUT_BACK = (
    f"""
    CREATE TRIGGER ends_put_back AFTER UPDATE OF quarantine ON events WHEN {PUT_BACK}
    BEGIN {NOTE_CALL} ON CONFLICT DO NOTHING; END
    """,
)
POSTGRESQL_PUT_BACK = (
    f"""
    CREATE FUNCTION ends_put_back() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN {NOTE_CALL} ON CONFLICT DO NOTHING; RETURN NULL; END $$
    """,
    f"""
    CREATE TRIGGER ends_put_back AFTER UPDATE OF quarantine ON events FOR EACH ROW
    WHEN ({PUT_BACK}) EXECUTE FUNCTION ends_put_back()
    """,
)
LOST = """
    INSERT INTO calls_without_end (session)
    SELECT session FROM events
        WHERE kind = 'voice' AND type IN ('call.ringing', 'call.ongoing') AND session IS NOT NULL
    EXCEPT SELECT session FROM events
        WHERE kind = 'voice' AND type = 'call.ended' AND session IS NOT NULL AND quarantine IS NULL
    ON CONFLICT DO NOTHING
"""

# What people on duty noted.

DUTY = (
    "thing = CASE {event}.kind WHEN 'voice' THEN 'call' WHEN 'fax' THEN 'fax' ELSE 'conversation' END"
    " AND key = CASE {event}.kind WHEN 'voice' THEN {event}.session WHEN 'fax' THEN CAST({event}.id AS TEXT)"
    " ELSE {event}.recipient || '/' || {event}.sender END AND {last}"
)
OF_CALL = "session = {event}.session AND kind = 'voice' AND quarantine IS NULL"
OF_CONVERSATION = (
    "sender = {event}.sender AND kind = 'sms' AND type = 'sms.received'"
    " AND recipient = {event}.recipient AND quarantine IS NULL"
)
LAST_BEFORE = f"({{event}}.kind <> 'sms' OR NOT EXISTS (SELECT 1 FROM events WHERE {OF_CONVERSATION}))"
# What is not trusted takes nothing along as long as there is something that is.
LAST = (
    "CASE {event}.kind WHEN 'sms' THEN " + NO_EVENT.format(of=OF_CONVERSATION) + " WHEN 'voice' THEN"
    " {event}.quarantine IS NULL OR " + NO_EVENT.format(of=OF_CALL) + " ELSE 1 = 1 END"
)
SQLITE_DUTY = """
    CREATE TRIGGER events_deleted_duty AFTER DELETE ON events{when}
    BEGIN
        DELETE FROM duty WHERE {gone};
    END
"""
POSTGRESQL_DUTY = """
    CREATE OR REPLACE FUNCTION events_deleted_duty() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM duty USING gone WHERE {when}{gone};
        RETURN NULL;
    END $$
"""
OF_DUTY = (
    "events.sender = duty.sender AND kind = 'sms' AND type = 'sms.received'"
    " AND recipient || '/' || events.sender = duty.key"
)
LEFT_BEHIND = (
    f"DELETE FROM duty WHERE CASE thing WHEN 'call' THEN {NO_EVENT.format(of='session = duty.key')}"
    f" WHEN 'fax' THEN {NO_EVENT.format(of='events.id = CAST(duty.key AS BIGINT)')}"
    f" ELSE {NO_EVENT.format(of=OF_DUTY)} END"
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        replace_on_sqlite(CALL, "", LAST)
        put_back = SQLITE_PUT_BACK
    else:
        replace_on_postgresql(CALL, "", LAST)
        put_back = POSTGRESQL_PUT_BACK
    for statement in (*put_back, LOST, LEFT_BEHIND):
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        replace_on_sqlite(CALL_BEFORE, " WHEN OLD.quarantine IS NULL", LAST_BEFORE)
        op.execute("DROP TRIGGER ends_put_back")
    else:
        replace_on_postgresql(CALL_BEFORE, "gone.quarantine IS NULL AND ", LAST_BEFORE)
        op.execute("DROP TRIGGER ends_put_back ON events")
        op.execute("DROP FUNCTION ends_put_back")


def replace_on_sqlite(call: str, when: str, last: str) -> None:
    op.execute("DROP TRIGGER events_deleted_call")
    op.execute(SQLITE_CALL.format(gone=call.format(event="OLD")))
    op.execute("DROP TRIGGER events_deleted_duty")
    op.execute(SQLITE_DUTY.format(when=when, gone=duty("OLD", last)))


def replace_on_postgresql(call: str, when: str, last: str) -> None:
    op.execute(POSTGRESQL_CALL.format(gone=call.format(event="gone")))
    op.execute(POSTGRESQL_DUTY.format(when=when, gone=duty("gone", last)))


def duty(event: str, last: str) -> str:
    return DUTY.format(event=event, last=last.format(event=event))
