"""Create the journal of flask setup."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UNSETTLED = sa.text("action <> 'configure' AND (outcome IS NULL OR outcome = 'bought')")


def upgrade() -> None:
    op.create_table(
        "setup_steps",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("duration", sa.String(), nullable=True),
        sa.Column("price", sa.Numeric().with_variant(sa.String(), "sqlite"), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("before", sa.String(), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("detail", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_setup_steps"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_setup_steps_unsettled",
        "setup_steps",
        ["account"],
        sqlite_where=UNSETTLED,
        postgresql_where=UNSETTLED,
    )
    op.create_table(
        "setup_leases",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account", name="pk_setup_leases"),
    )


def downgrade() -> None:
    op.drop_table("setup_leases")
    op.drop_index(
        "ix_setup_steps_unsettled",
        table_name="setup_steps",
        sqlite_where=UNSETTLED,
        postgresql_where=UNSETTLED,
    )
    op.drop_table("setup_steps")
