"""Create the outbox: targets, deliveries, attempts, replays, and how far in the log deliveries were made.

Whatever is in the log already is not delivered: there was no target when it came.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def where(condition):
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


WAITING = where("state = 'waiting'")

SQLITE = (
    """
    CREATE TRIGGER events_deleted_deliveries AFTER DELETE ON events
    BEGIN
        DELETE FROM deliveries WHERE event_id = OLD.id;
        DELETE FROM late_events WHERE event_id = OLD.id;
    END
    """,
    """
    CREATE TRIGGER events_released AFTER UPDATE OF quarantine ON events
    WHEN OLD.quarantine IS NOT NULL AND NEW.quarantine IS NULL
    BEGIN
        INSERT INTO late_events (event_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
    END
    """,
)
POSTGRESQL = (
    """
    CREATE FUNCTION events_deleted_deliveries() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM gone WHERE kind <> 'probe') THEN
            DELETE FROM deliveries USING gone WHERE deliveries.event_id = gone.id;
            DELETE FROM late_events USING gone WHERE late_events.event_id = gone.id;
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER events_deleted_deliveries AFTER DELETE ON events REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION events_deleted_deliveries()
    """,
    """
    CREATE FUNCTION events_released() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO late_events (event_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER events_released AFTER UPDATE OF quarantine ON events FOR EACH ROW
    WHEN (OLD.quarantine IS NOT NULL AND NEW.quarantine IS NULL) EXECUTE FUNCTION events_released()
    """,
)


def upgrade() -> None:
    op.create_table(
        "targets",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sort", sa.String(), nullable=False),
        sa.Column("search", sa.Text(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("ordered", sa.Boolean(), nullable=False),
        sa.Column("after_id", ID, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("paused_at", TIME, nullable=True),
        sa.Column("paused_why", sa.String(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failing_since", TIME, nullable=True),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("blocked_until", TIME, nullable=True),
        sa.Column("delivered_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_targets"),
        sa.UniqueConstraint("name", name="uq_targets_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "deliveries",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("target_id", ID, nullable=False),
        sa.Column("event_id", ID, nullable=False),
        sa.Column("replay_id", ID, server_default="0", nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("line", sa.String(), server_default="", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("leased_by", sa.String(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("done_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.ForeignKeyConstraint(
            ["target_id"], ["targets.id"], name="fk_deliveries_target_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint(
            "event_id", "target_id", "replay_id", name="uq_deliveries_event_id_target_id_replay_id"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deliveries_due", "deliveries", ["target_id", "due_at", "id"], **WAITING)
    op.create_index("ix_deliveries_line", "deliveries", ["target_id", "line", "id"], **WAITING)
    op.create_index("ix_deliveries_target_id_id", "deliveries", ["target_id", "id"])
    op.create_index("ix_deliveries_dead", "deliveries", ["target_id", "id"], **where("state = 'dead'"))
    op.create_index("ix_deliveries_replayed", "deliveries", ["replay_id", "state"], **where("replay_id > 0"))
    op.create_table(
        "attempts",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("delivery_id", ID, nullable=False),
        sa.Column("began_at", TIME, nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("delivered", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("request", sa.String(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name="fk_attempts_delivery_id", ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_attempts_delivery_id", "attempts", ["delivery_id"])
    op.create_table(
        "relay_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("event_id", ID, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_relay_state"),
    )
    op.create_table(
        "late_events",
        sa.Column("event_id", ID, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_late_events"),
    )
    op.create_table(
        "replays",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("target_id", ID, nullable=False),
        sa.Column("search", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", TIME, nullable=False),
        sa.Column("next_id", ID, nullable=False),
        sa.Column("last_id", ID, nullable=False),
        sa.Column("planned", sa.Integer(), server_default="0", nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("stopped_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_replays"),
        sa.ForeignKeyConstraint(
            ["target_id"], ["targets.id"], name="fk_replays_target_id", ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    op.execute("INSERT INTO relay_state (id, event_id) SELECT 1, coalesce(max(id), 0) FROM events")
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    on = "" if op.get_bind().dialect.name == "sqlite" else " ON events"
    for name in ("events_released", "events_deleted_deliveries"):
        op.execute(f"DROP TRIGGER {name}{on}")
        if on:
            op.execute(f"DROP FUNCTION {name}")
    for table in ("replays", "late_events", "relay_state", "attempts", "deliveries", "targets"):
        op.drop_table(table)
