"""Give the events of a call the ends that their callbacks do not name, and find messages that callers left.

A report that a recording is ready names a call, and nobody. Such events get sender and recipient from their
call, in the background; those that are in the log already, when the index is built anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

SQLITE = (
    """
    CREATE TRIGGER ends_trusted AFTER UPDATE OF quarantine ON events
    WHEN OLD.quarantine IS NOT NULL AND NEW.quarantine IS NULL AND NEW.session IS NOT NULL
    BEGIN
        INSERT INTO ends_late (event_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
    END
    """,
)
POSTGRESQL = (
    """
    CREATE FUNCTION ends_trusted() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO ends_late (event_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER ends_trusted AFTER UPDATE OF quarantine ON events FOR EACH ROW
    WHEN (OLD.quarantine IS NOT NULL AND NEW.quarantine IS NULL AND NEW.session IS NOT NULL)
    EXECUTE FUNCTION ends_trusted()
    """,
)

# The columns behind the id are there to be looked at without fetching the row.
RECORDED = ["id", "sender", "recipient", "kind", "type", "provider", "ivr_block"]
ONLY_RECORDED = {
    "sqlite_where": sa.text("record_url IS NOT NULL"),
    "postgresql_where": sa.text("record_url IS NOT NULL"),
}

NAMELESS = (
    "kind = 'voice' AND session IS NOT NULL AND quarantine IS NULL AND (sender IS NULL OR recipient IS NULL)"
)
ONLY_NAMELESS = {"sqlite_where": sa.text(NAMELESS), "postgresql_where": sa.text(NAMELESS)}


def upgrade() -> None:
    op.create_table(
        "ends_late",
        sa.Column("event_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_ends_late"),
    )
    op.create_index("ix_events_nameless", "events", ["session"], **ONLY_NAMELESS)
    op.create_index("ix_events_recorded", "events", RECORDED, **ONLY_RECORDED)
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    on = "" if op.get_bind().dialect.name == "sqlite" else " ON events"
    op.execute(f"DROP TRIGGER ends_trusted{on}")
    if on:
        op.execute("DROP FUNCTION ends_trusted")
    op.drop_index("ix_events_recorded", table_name="events")
    op.drop_index("ix_events_nameless", table_name="events")
    op.drop_table("ends_late")
