"""Create the table of what was decided about calls and SMS by the rules.

It refers to events without a foreign key, whose lock would collide with that of the receive path. So a
trigger deletes what was decided about a call along with the first of its events that goes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

SQLITE = (
    # Not with what is dropped from quarantine: a forged event must not take a real call's decisions along.
    """
    CREATE TRIGGER events_deleted_decisions AFTER DELETE ON events
    WHEN OLD.quarantine IS NULL
    BEGIN
        DELETE FROM decisions
            WHERE session = COALESCE(OLD.session, OLD.txn_ref) AND provider = OLD.provider;
    END
    """,
)
POSTGRESQL = (
    """
    CREATE FUNCTION events_deleted_decisions() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM decisions USING gone
            WHERE gone.quarantine IS NULL AND decisions.provider = gone.provider
            AND decisions.session = COALESCE(gone.session, gone.txn_ref);
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER events_deleted_decisions AFTER DELETE ON events REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION events_deleted_decisions()
    """,
)


def upgrade() -> None:
    op.create_table(
        "decisions",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("session", sa.String(), nullable=False),
        sa.Column("identity", sa.String(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.JSON(), nullable=False),
        sa.Column("told", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("number", sa.String(), nullable=True),
        sa.Column("sender", sa.String(), nullable=True),
        sa.Column("open_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
        sa.UniqueConstraint("identity", name="uq_decisions_identity"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_decisions_session_id", "decisions", ["session", "id"])
    for column, where in (("decided_at", "sender IS NOT NULL"), ("open_until", "open_until IS NOT NULL")):
        op.create_index(
            f"ix_decisions_{column}",
            "decisions",
            [column],
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER events_deleted_decisions")
    else:
        op.execute("DROP TRIGGER events_deleted_decisions ON events")
        op.execute("DROP FUNCTION events_deleted_decisions()")
    op.drop_table("decisions")
