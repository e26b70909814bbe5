"""Create the archive of faxes and recordings.

Its tables refer to events without a foreign key, whose lock would collide with that of the receive path. So
triggers follow: what no event names any more is an orphan, and what leaves quarantine is looked at again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

SQLITE = (
    """
    CREATE TRIGGER archive_deleted AFTER DELETE ON events
    WHEN EXISTS (SELECT 1 FROM archived WHERE event_id = OLD.id)
    BEGIN
        INSERT INTO archive_orphans (sha256) SELECT sha256 FROM archived
            WHERE event_id = OLD.id AND sha256 IS NOT NULL ON CONFLICT DO NOTHING;
        DELETE FROM archived WHERE event_id = OLD.id;
    END
    """,
    """
    CREATE TRIGGER archive_trusted AFTER UPDATE OF quarantine ON events
    WHEN OLD.quarantine IS NOT NULL AND NEW.quarantine IS NULL
    BEGIN
        INSERT INTO archive_late (event_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
    END
    """,
)
POSTGRESQL = (
    # What is deleted tells its document itself: a worker may just have named one. An orphan that is there
    # already is locked all the same: whoever is about to find that something refers to it looks again.
    """
    CREATE FUNCTION archive_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT FROM gone JOIN archived ON archived.event_id = gone.id) THEN
            RETURN NULL;
        END IF;
        WITH unnamed AS (
            DELETE FROM archived USING gone WHERE archived.event_id = gone.id RETURNING sha256
        )
        INSERT INTO archive_orphans (sha256)
            SELECT DISTINCT sha256 FROM unnamed WHERE sha256 IS NOT NULL ORDER BY sha256
            ON CONFLICT (sha256) DO UPDATE SET lease_until = archive_orphans.lease_until;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER archive_deleted AFTER DELETE ON events REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION archive_deleted()
    """,
    """
    CREATE FUNCTION archive_trusted() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO archive_late (event_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER archive_trusted AFTER UPDATE OF quarantine ON events FOR EACH ROW
    WHEN (OLD.quarantine IS NOT NULL AND NEW.quarantine IS NULL) EXECUTE FUNCTION archive_trusted()
    """,
)
SQLITE_DOWN = ("DROP TRIGGER archive_trusted", "DROP TRIGGER archive_deleted")
POSTGRESQL_DOWN = (
    "DROP TRIGGER archive_trusted ON events",
    "DROP TRIGGER archive_deleted ON events",
    "DROP FUNCTION archive_trusted",
    "DROP FUNCTION archive_deleted",
)

UNMADE = sa.text("preview = 'waiting'")
KEPT = sa.text("sha256 IS NOT NULL")


def upgrade() -> None:
    state = op.create_table(
        "archive_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_archive_state"),
    )
    op.bulk_insert(state, [{"id": 1, "event_id": 0}])
    op.create_table(
        "archive_late",
        sa.Column("event_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_archive_late"),
    )
    op.create_table(
        "archive_orphans",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("sha256", name="pk_archive_orphans"),
    )
    op.create_table(
        "documents",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.Column("preview", sa.String(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_documents"),
    )
    op.create_index(
        "ix_documents_preview", "documents", ["preview"], sqlite_where=UNMADE, postgresql_where=UNMADE
    )
    op.create_table(
        "archived",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_archived"),
        sa.UniqueConstraint("event_id", "field", "position", name="uq_archived_event_id_field_position"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_archived_state_event_id", "archived", ["state", "event_id"])
    op.create_index("ix_archived_sha256", "archived", ["sha256"], sqlite_where=KEPT, postgresql_where=KEPT)
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    for statement in SQLITE_DOWN if op.get_bind().dialect.name == "sqlite" else POSTGRESQL_DOWN:
        op.execute(statement)
    for table in ("archived", "documents", "archive_orphans", "archive_late", "archive_state"):
        op.drop_table(table)
