"""Write telephone numbers that are stored in another spelling in the one in which they are asked for.

Only events with such a number are changed, and they are found along the indexes: a log whose provider writes
`+` and the country code, as it documents, is not rewritten. Raw bytes stay as they came. What the index of
words holds of a number is its digits, which stay the same.
"""

# ruff: noqa: S608  # SQL is put together from our own words; values are always bound

import sqlalchemy as sa
from alembic import op

from receiver.vocabulary.telephone import spelled

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

DISTINCT = """
    WITH RECURSIVE ends (one) AS (
        SELECT min({end}) FROM events
        UNION ALL
        SELECT (SELECT min({end}) FROM events WHERE {end} > one) FROM ends WHERE one IS NOT NULL
    ) SELECT one FROM ends WHERE one IS NOT NULL
"""
ADDED = "events = {table}.events + excluded.events"
NEWER = (
    "messages = conversations.messages + excluded.messages, last_id = CASE"
    " WHEN excluded.last_id > conversations.last_id THEN excluded.last_id ELSE conversations.last_id END"
)
COUNTS = {
    "sender": (("conversations", "sender", "number, messages, last_id", "number, sender", NEWER),),
    "recipient": (
        ("conversations", "number", "sender, messages, last_id", "number, sender", NEWER),
        ("number_counts", "number", "kind, type, events", "number, kind, type", ADDED),
        ("hour_counts", "number", "hour, kind, type, events", "hour, kind, type, number", ADDED),
    ),
    "dest": (),
}
"""What is counted by an end: table, column, the other columns, the key, and how two rows become one."""


def upgrade() -> None:
    connection = op.get_bind()
    for end, counts in COUNTS.items():
        for old, new in odd_ones(connection, end).items():
            values = {"old": old, "new": new}
            connection.execute(sa.text(f"UPDATE events SET {end} = :new WHERE {end} = :old"), values)
            for table, column, rest, key, merged in counts:
                moved = (
                    f"INSERT INTO {table} ({column}, {rest}) SELECT :new, {rest} FROM {table}"
                    f" WHERE {column} = :old"
                    f" ON CONFLICT ({key}) DO UPDATE SET {merged.format(table=table)}"
                )
                connection.execute(sa.text(moved), values)
                connection.execute(sa.text(f"DELETE FROM {table} WHERE {column} = :old"), values)


def odd_ones(connection, end):
    """The numbers that are stored in another spelling, and how they are spelled."""
    stored = connection.execute(sa.text(DISTINCT.format(end=end))).scalars()
    return {one: right for one in stored if (right := spelled(one)) != one}


def downgrade() -> None:
    """The version before finds them in this spelling too."""
