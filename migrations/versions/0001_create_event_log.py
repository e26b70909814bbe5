"""Create the event log: events, and the repeats of them."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("identity", sa.String(), nullable=False),
        sa.Column("arrival", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("txn_ref", sa.String(), nullable=True),
        sa.Column("session", sa.String(), nullable=True),
        sa.Column("sender", sa.String(), nullable=True),
        sa.Column("recipient", sa.String(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("quarantine", sa.String(), nullable=True),
        sa.Column("repeats", sa.Integer(), server_default="0", nullable=False),
        sa.Column("problems", sa.Text(), nullable=True),
        sa.Column("ivr_block", sa.String(), nullable=True),
        sa.Column("call_state", sa.String(), nullable=True),
        sa.Column("digits", sa.String(), nullable=True),
        sa.Column("dest", sa.String(), nullable=True),
        sa.Column("dial_status", sa.String(), nullable=True),
        sa.Column("transfer_status", sa.String(), nullable=True),
        sa.Column("record_url", sa.Text(), nullable=True),
        sa.Column("monitor_url", sa.Text(), nullable=True),
        sa.Column("fax_status", sa.String(), nullable=True),
        sa.Column("fax_url", sa.Text(), nullable=True),
        sa.Column("fax_error_code", sa.String(), nullable=True),
        sa.Column("duration", sa.Integer(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("rate", sa.Numeric().with_variant(sa.String(), "sqlite"), nullable=True),
        sa.Column("debit", sa.Numeric().with_variant(sa.String(), "sqlite"), nullable=True),
        sa.Column("tag", sa.String(), nullable=True),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("query_string", sa.LargeBinary(), nullable=False),
        sa.Column("headers", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("peer", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.UniqueConstraint("identity", name="uq_events_identity"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_kind_id", "events", ["kind", "id"])
    op.create_index(
        "ix_events_quarantined",
        "events",
        ["id"],
        sqlite_where=sa.text("quarantine IS NOT NULL"),
        postgresql_where=sa.text("quarantine IS NOT NULL"),
    )
    op.create_index("ix_events_received_at_id", "events", ["received_at", "id"])
    op.create_index("ix_events_recipient_id", "events", ["recipient", "id"])
    op.create_index("ix_events_sender_id", "events", ["sender", "id"])
    op.create_index("ix_events_session_id", "events", ["session", "id"])
    op.create_table(
        "repeats",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("identity", sa.String(), nullable=False),
        sa.Column("arrival", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("query_string", sa.LargeBinary(), nullable=False),
        sa.Column("headers", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("peer", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_repeats"),
        sa.UniqueConstraint("arrival", name="uq_repeats_arrival"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_repeats_identity", "repeats", ["identity"])


def downgrade() -> None:
    op.drop_index("ix_repeats_identity", table_name="repeats")
    op.drop_table("repeats")
    op.drop_index("ix_events_session_id", table_name="events")
    op.drop_index("ix_events_sender_id", table_name="events")
    op.drop_index("ix_events_recipient_id", table_name="events")
    op.drop_index("ix_events_received_at_id", table_name="events")
    op.drop_index(
        "ix_events_quarantined",
        table_name="events",
        sqlite_where=sa.text("quarantine IS NOT NULL"),
        postgresql_where=sa.text("quarantine IS NOT NULL"),
    )
    op.drop_index("ix_events_kind_id", table_name="events")
    op.drop_table("events")
