"""${message}

One change a file. Data moves apart from schema changes. A new column is nullable or has a server default,
since the version before this one goes on writing while it runs. On PostgreSQL an index on a large table is
made CONCURRENTLY. The downgrade works, or a sentence here says why it cannot.
"""

from alembic import op
import sqlalchemy as sa

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
