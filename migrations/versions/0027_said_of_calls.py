"""Keep why a provider says that something failed, and whether it vouches for a caller's number.

Who forwarded a call is looked for when a person is erased, so it gets an index of the few rows that name one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

COLUMNS = ("attestation", "error_code")
FORWARDED = sa.text("forwarded_from IS NOT NULL")
INDEX = "ix_events_forwarded_from"


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("events", sa.Column(name, sa.String(), nullable=True))
    op.create_index(INDEX, "events", ["forwarded_from"], sqlite_where=FORWARDED, postgresql_where=FORWARDED)


def downgrade() -> None:
    op.drop_index(INDEX, table_name="events", sqlite_where=FORWARDED, postgresql_where=FORWARDED)
    for name in reversed(COLUMNS):
        op.drop_column("events", name)
