"""Let deletion look for a conversation's newest message only where one is left; index numbers dialled.

Deleting the last message of a conversation read all messages of the number it was sent to, with the lock for
writers held. What is older than the newest one is now read, and only of its sender.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

DIALLED = sa.text("dest IS NOT NULL")

SQLITE = """
    CREATE TRIGGER events_deleted AFTER DELETE ON events
    WHEN OLD.id <= (SELECT event_id FROM index_state)
    BEGIN
        DELETE FROM event_words WHERE rowid = OLD.id;
        UPDATE hour_counts SET events = events - 1
            WHERE OLD.quarantine IS NULL AND hour = substr(OLD.received_at, 1, 13) || ':00:00.000000'
            AND kind = OLD.kind AND type = OLD.type AND number = coalesce(OLD.recipient, '');
        UPDATE number_counts SET events = events - 1
            WHERE OLD.quarantine IS NULL
            AND kind = OLD.kind AND type = OLD.type AND number = coalesce(OLD.recipient, '');
        UPDATE conversations SET messages = messages - 1, last_id = CASE WHEN last_id <> OLD.id THEN last_id
            {left} END
            WHERE OLD.quarantine IS NULL AND OLD.type = 'sms.received'
            AND number = OLD.recipient AND sender = OLD.sender;
        DELETE FROM conversations WHERE number = OLD.recipient AND sender = OLD.sender AND messages <= 0;
    END
"""
# The plus keeps SQLite from going by the recipient, whose messages may be most of the log.
SQLITE_LEFT = """WHEN messages <= 1 THEN 0
            ELSE coalesce((SELECT max(id) FROM events WHERE sender = OLD.sender AND kind = 'sms'
                AND type = 'sms.received' AND +recipient = OLD.recipient AND quarantine IS NULL
                AND id < OLD.id), 0)"""
SQLITE_LEFT_BEFORE = """ELSE coalesce((SELECT max(id) FROM events WHERE sender = OLD.sender AND kind = 'sms'
                AND type = 'sms.received' AND recipient = OLD.recipient AND quarantine IS NULL), 0)"""

POSTGRESQL = """
    CREATE OR REPLACE FUNCTION events_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        done bigint;
    BEGIN
        IF NOT EXISTS (SELECT FROM gone WHERE kind <> 'probe') THEN
            RETURN NULL;
        END IF;
        SELECT event_id INTO done FROM index_state FOR UPDATE;
        DELETE FROM event_words USING gone WHERE event_words.id = gone.id;
        UPDATE hour_counts SET events = hour_counts.events - less.events FROM (
            SELECT date_trunc('hour', received_at, 'UTC') AS hour, kind, type,
                coalesce(recipient, '') AS number, count(*) AS events
            FROM gone WHERE id <= done AND quarantine IS NULL GROUP BY 1, 2, 3, 4
        ) AS less
        WHERE hour_counts.hour = less.hour AND hour_counts.kind = less.kind AND hour_counts.type = less.type
            AND hour_counts.number = less.number;
        UPDATE number_counts SET events = number_counts.events - less.events FROM (
            SELECT kind, type, coalesce(recipient, '') AS number, count(*) AS events
            FROM gone WHERE id <= done AND quarantine IS NULL GROUP BY 1, 2, 3
        ) AS less
        WHERE number_counts.kind = less.kind AND number_counts.type = less.type
            AND number_counts.number = less.number;
        UPDATE conversations SET messages = messages - less.events, last_id = CASE
            WHEN conversations.last_id <> less.last_id THEN conversations.last_id
            {left} END
        FROM (
            SELECT recipient AS number, sender, count(*) AS events, max(id) AS last_id
            FROM gone WHERE id <= done AND quarantine IS NULL AND type = 'sms.received' GROUP BY 1, 2
        ) AS less
        WHERE conversations.number = less.number AND conversations.sender = less.sender;
        DELETE FROM conversations USING gone WHERE conversations.number = gone.recipient
            AND conversations.sender = gone.sender AND messages <= 0;
        RETURN NULL;
    END $$
"""
POSTGRESQL_LEFT = """WHEN conversations.messages <= less.events THEN 0
            ELSE coalesce((SELECT max(id) FROM events WHERE sender = less.sender AND kind = 'sms'
                AND type = 'sms.received' AND recipient || '' = less.number AND quarantine IS NULL
                AND id < less.last_id), 0)"""
POSTGRESQL_LEFT_BEFORE = """ELSE coalesce((SELECT max(id) FROM events WHERE sender = less.sender
                AND kind = 'sms' AND type = 'sms.received' AND recipient = less.number
                AND quarantine IS NULL), 0)"""


def upgrade() -> None:
    op.create_index("ix_events_dest", "events", ["dest"], sqlite_where=DIALLED, postgresql_where=DIALLED)
    replace(SQLITE.format(left=SQLITE_LEFT), POSTGRESQL.format(left=POSTGRESQL_LEFT))


def downgrade() -> None:
    replace(SQLITE.format(left=SQLITE_LEFT_BEFORE), POSTGRESQL.format(left=POSTGRESQL_LEFT_BEFORE))
    op.drop_index("ix_events_dest", table_name="events", sqlite_where=DIALLED, postgresql_where=DIALLED)


def replace(sqlite: str, postgresql: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER events_deleted")
        op.execute(sqlite)
    else:
        op.execute(postgresql)
