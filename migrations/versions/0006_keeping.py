"""Create the record of what was done to the log; index what is quarantined by its reason."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "interventions",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=True),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.Column("spooled", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("subject", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_interventions"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_events_quarantine_recipient",
        "events",
        ["quarantine", "recipient"],
        sqlite_where=sa.text("quarantine IS NOT NULL"),
        postgresql_where=sa.text("quarantine IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_events_quarantine_recipient",
        table_name="events",
        sqlite_where=sa.text("quarantine IS NOT NULL"),
        postgresql_where=sa.text("quarantine IS NOT NULL"),
    )
    op.drop_table("interventions")
