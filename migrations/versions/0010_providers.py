"""Say of which provider an event, a number and a step of setup are. What is there already is Hoiio's.

And keep the pages of a fax, which its notification may name.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = ("events", "known_numbers", "setup_steps")


def upgrade() -> None:
    # By ALTER TABLE, not by Alembic's batches: a long log is not written anew for it. The default stays: the
    # version before this one goes on writing while it runs.
    for table in TABLES:
        op.add_column(table, sa.Column("provider", sa.String(), server_default="hoiio", nullable=False))
    op.add_column("events", sa.Column("fax_pages", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("events", "fax_pages")
    for table in reversed(TABLES):
        op.drop_column(table, "provider")
