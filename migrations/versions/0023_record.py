"""Let the record hold what was done to users and tokens, too: to whom, and what exactly."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("interventions", sa.Column("whom", sa.String(), nullable=True))
    op.add_column("interventions", sa.Column("detail", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("interventions", "detail")
    op.drop_column("interventions", "whom")
