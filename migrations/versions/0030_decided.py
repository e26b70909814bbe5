"""Keep whether a call was told to ask for keys, and whether it was over then, in columns of their own.

Searches read the one in words for people and the other in the letters of a state.
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

IS_OVER = {
    "sqlite": "coalesce(json_extract(state, '$.o'), 0)",
    "postgresql": "coalesce(CAST(CAST(state AS json) ->> 'o' AS boolean), false)",
}


def upgrade() -> None:
    for name in ("asks_keys", "is_over"):
        op.add_column("decisions", sa.Column(name, sa.Boolean(), nullable=True))
    op.execute("UPDATE decisions SET asks_keys = (substr(told, 1, 8) = 'gather: ') WHERE told IS NOT NULL")
    is_over = IS_OVER[op.get_bind().dialect.name]
    op.execute(f"UPDATE decisions SET is_over = {is_over} WHERE state IS NOT NULL")  # noqa: S608  # our own


def downgrade() -> None:
    for name in ("is_over", "asks_keys"):
        op.drop_column("decisions", name)
