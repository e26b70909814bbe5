"""Keep what providers say of a call beyond minutes: its seconds, its caller's name, and who forwarded it."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

COLUMNS = (("seconds", sa.Integer()), ("sender_name", sa.String()), ("forwarded_from", sa.String()))


def upgrade() -> None:
    # By ALTER TABLE, as before: a long log is not written anew.
    for name, type_ in COLUMNS:
        op.add_column("events", sa.Column(name, type_, nullable=True))


def downgrade() -> None:
    for name, _ in reversed(COLUMNS):
        op.drop_column("events", name)
