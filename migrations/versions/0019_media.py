"""Keep the links to the files that come with a message, with their types."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # By ALTER TABLE, as before: a long log is not written anew.
    op.add_column("events", sa.Column("media", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("events", "media")
