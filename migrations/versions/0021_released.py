"""Keep for a while what was released from quarantine, so that it can be put back; its deliveries that still
wait go with it."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_GONE = """
    DELETE FROM deliveries WHERE event_id = NEW.id AND state = 'waiting'
    AND created_at >= (SELECT released_at FROM released WHERE event_id = NEW.id);
"""
SQLITE = (
    f"""
    CREATE TRIGGER events_put_back AFTER UPDATE OF quarantine ON events
    WHEN OLD.quarantine IS NULL AND NEW.quarantine IS NOT NULL
    BEGIN {_GONE} END
    """,
)
POSTGRESQL = (
    f"""
    CREATE FUNCTION events_put_back() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN {_GONE} RETURN NULL; END $$
    """,
    """
    CREATE TRIGGER events_put_back AFTER UPDATE OF quarantine ON events FOR EACH ROW
    WHEN (OLD.quarantine IS NULL AND NEW.quarantine IS NOT NULL) EXECUTE FUNCTION events_put_back()
    """,
)


def upgrade() -> None:
    op.create_table(
        "released",
        sa.Column("event_id", ID, autoincrement=False, nullable=False),
        sa.Column("release_id", ID, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_released"),
    )
    op.create_index("ix_released_release_id", "released", ["release_id"])
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER events_put_back")
    else:
        op.execute("DROP TRIGGER events_put_back ON events")
        op.execute("DROP FUNCTION events_put_back")
    op.drop_table("released")
