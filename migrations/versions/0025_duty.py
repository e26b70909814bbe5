"""Create the table of what people on duty did about calls, faxes and conversations.

It refers to events without a foreign key, whose lock would collide with that of the receive path. So a
trigger deletes what was noted along with an event of the call, the fax, or the last of the conversation.
"""

# ruff: noqa: S608  # SQL is put together from our own words

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# What an event belongs to, in a form that leads straight to the row.
THING = "CASE {event}.kind WHEN 'voice' THEN 'call' WHEN 'fax' THEN 'fax' ELSE 'conversation' END"
KEY = (
    "CASE {event}.kind WHEN 'voice' THEN {event}.session WHEN 'fax' THEN CAST({event}.id AS TEXT)"
    " ELSE {event}.recipient || '/' || {event}.sender END"
)
LAST = (
    "({event}.kind <> 'sms' OR NOT EXISTS (SELECT 1 FROM events WHERE sender = {event}.sender"
    " AND kind = 'sms' AND type = 'sms.received' AND recipient = {event}.recipient AND quarantine IS NULL))"
)
GONE = f"thing = {THING} AND key = {KEY} AND {LAST}"
SQLITE = (
    # Not with what is dropped from quarantine: a forged event must not take a real call's note along.
    f"""
    CREATE TRIGGER events_deleted_duty AFTER DELETE ON events
    WHEN OLD.quarantine IS NULL
    BEGIN
        DELETE FROM duty WHERE {GONE.format(event="OLD")};
    END
    """,
)
POSTGRESQL = (
    f"""
    CREATE FUNCTION events_deleted_duty() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM duty USING gone WHERE gone.quarantine IS NULL AND {GONE.format(event="gone")};
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER events_deleted_duty AFTER DELETE ON events REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION events_deleted_duty()
    """,
)


def upgrade() -> None:
    op.create_table(
        "duty",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("thing", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=True),
        sa.Column("handled_by", sa.String(), nullable=True),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("up_to", ID, nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_duty"),
        sa.UniqueConstraint("thing", "key", name="uq_duty_thing_key"),
        sqlite_autoincrement=True,
    )
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER events_deleted_duty")
    else:
        op.execute("DROP TRIGGER events_deleted_duty ON events")
        op.execute("DROP FUNCTION events_deleted_duty()")
    op.drop_table("duty")
