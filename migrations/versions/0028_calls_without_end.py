"""Create the table of calls whose end was not reported, so that the few that are over all the same are found.

The background job that indexes the log fills it; it may name calls that it need not. A trigger
takes a call out along with the first of its events that goes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

SQLITE = (
    """
    CREATE TRIGGER events_deleted_call AFTER DELETE ON events WHEN OLD.session IS NOT NULL
    BEGIN
        DELETE FROM calls_without_end WHERE session = OLD.session;
    END
    """,
)
POSTGRESQL = (
    """
    CREATE FUNCTION events_deleted_call() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM calls_without_end USING gone WHERE calls_without_end.session = gone.session;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER events_deleted_call AFTER DELETE ON events REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION events_deleted_call()
    """,
)


def upgrade() -> None:
    op.create_table(
        "calls_without_end",
        sa.Column("session", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("session", name="pk_calls_without_end"),
    )
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    on = "" if op.get_bind().dialect.name == "sqlite" else " ON events"
    op.execute(f"DROP TRIGGER events_deleted_call{on}")
    if on:
        op.execute("DROP FUNCTION events_deleted_call")
    op.drop_table("calls_without_end")
