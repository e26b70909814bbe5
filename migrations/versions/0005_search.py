"""Index the log for search, and keep counts.

The words and counts are filled in the background, from the first event on. Triggers take an event out of them
when it is deleted or its quarantine changes, so that whatever deletes events need not know of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

OLD_INDEXES = {
    "ix_events_kind_id": ["kind", "id"],
    "ix_events_sender_id": ["sender", "id"],
    "ix_events_recipient_id": ["recipient", "id"],
}
NEW_INDEXES = {
    "ix_events_kind_type_id": ["kind", "type", "id"],
    "ix_events_sender_kind_type_id": ["sender", "kind", "type", "id"],
    "ix_events_recipient_kind_type_id": ["recipient", "kind", "type", "id"],
}

# The columns behind the id are there to be looked at without fetching the row.
QUARANTINED = ["id", "sender", "recipient", "kind", "type"]
ONLY_QUARANTINED = {
    "sqlite_where": sa.text("quarantine IS NOT NULL"),
    "postgresql_where": sa.text("quarantine IS NOT NULL"),
}

SQLITE = (
    # The words come folded and cut, with a space between: nothing is left to the tokenizer.
    "CREATE VIRTUAL TABLE event_words USING fts5(words, tokenize='ascii', columnsize=0)",
    # Merging as a part of adding would hold the writer's lock for long; it is done in small steps instead.
    "INSERT INTO event_words (event_words, rank) VALUES ('automerge', 0)",
    "INSERT INTO event_words (event_words, rank) VALUES ('usermerge', 8)",
    "INSERT INTO event_words (event_words, rank) VALUES ('crisismerge', 1000)",
    """
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
            ELSE coalesce((SELECT max(id) FROM events WHERE sender = OLD.sender AND kind = 'sms'
                AND type = 'sms.received' AND recipient = OLD.recipient AND quarantine IS NULL), 0) END
            WHERE OLD.quarantine IS NULL AND OLD.type = 'sms.received'
            AND number = OLD.recipient AND sender = OLD.sender;
        DELETE FROM conversations WHERE number = OLD.recipient AND sender = OLD.sender AND messages <= 0;
    END
    """,
    """
    CREATE TRIGGER events_trusted AFTER UPDATE OF quarantine ON events
    WHEN NEW.id <= (SELECT event_id FROM index_state)
        AND (OLD.quarantine IS NULL) <> (NEW.quarantine IS NULL)
    BEGIN
        INSERT INTO hour_counts (hour, kind, type, number, events) VALUES
            (substr(NEW.received_at, 1, 13) || ':00:00.000000', NEW.kind, NEW.type,
             coalesce(NEW.recipient, ''), iif(NEW.quarantine IS NULL, 1, -1))
            ON CONFLICT DO UPDATE SET events = events + excluded.events;
        INSERT INTO number_counts (number, kind, type, events) VALUES
            (coalesce(NEW.recipient, ''), NEW.kind, NEW.type, iif(NEW.quarantine IS NULL, 1, -1))
            ON CONFLICT DO UPDATE SET events = events + excluded.events;
        INSERT INTO conversations (number, sender, messages, last_id)
            SELECT NEW.recipient, NEW.sender, count(*), max(id) FROM events
            WHERE sender = NEW.sender AND kind = 'sms' AND type = 'sms.received' AND recipient = NEW.recipient
            AND quarantine IS NULL AND id <= (SELECT event_id FROM index_state)
            AND NEW.type = 'sms.received' HAVING count(*) > 0
            ON CONFLICT DO UPDATE SET messages = excluded.messages, last_id = excluded.last_id;
        DELETE FROM conversations WHERE number = NEW.recipient AND sender = NEW.sender
            AND NEW.type = 'sms.received' AND NOT EXISTS (SELECT 1 FROM events WHERE sender = NEW.sender
            AND kind = 'sms' AND type = 'sms.received' AND recipient = NEW.recipient AND quarantine IS NULL);
    END
    """,
)
SQLITE_DOWN = (
    "DROP TRIGGER events_trusted",
    "DROP TRIGGER events_deleted",
    "DROP TABLE event_words",
)
POSTGRESQL = (
    "CREATE TABLE event_words (id bigint NOT NULL, words tsvector NOT NULL, "
    "CONSTRAINT pk_event_words PRIMARY KEY (id))",
    "CREATE INDEX ix_event_words_words ON event_words USING gin (words) WITH (fastupdate = off)",
    # The row of index_state is locked so that deleting and indexing the same event wait for each other.
    """
    CREATE FUNCTION events_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
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
            ELSE coalesce((SELECT max(id) FROM events WHERE sender = less.sender AND kind = 'sms'
                AND type = 'sms.received' AND recipient = less.number AND quarantine IS NULL), 0) END
        FROM (
            SELECT recipient AS number, sender, count(*) AS events, max(id) AS last_id
            FROM gone WHERE id <= done AND quarantine IS NULL AND type = 'sms.received' GROUP BY 1, 2
        ) AS less
        WHERE conversations.number = less.number AND conversations.sender = less.sender;
        DELETE FROM conversations USING gone WHERE conversations.number = gone.recipient
            AND conversations.sender = gone.sender AND messages <= 0;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER events_deleted AFTER DELETE ON events REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION events_deleted()
    """,
    """
    CREATE FUNCTION events_trusted() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        done bigint;
        more int := CASE WHEN NEW.quarantine IS NULL THEN 1 ELSE -1 END;
    BEGIN
        SELECT event_id INTO done FROM index_state FOR UPDATE;
        IF NEW.id > done THEN
            RETURN NULL;
        END IF;
        INSERT INTO hour_counts (hour, kind, type, number, events)
            VALUES (date_trunc('hour', NEW.received_at, 'UTC'), NEW.kind, NEW.type,
                coalesce(NEW.recipient, ''), more)
            ON CONFLICT (hour, kind, type, number) DO UPDATE SET events = hour_counts.events + more;
        INSERT INTO number_counts (number, kind, type, events)
            VALUES (coalesce(NEW.recipient, ''), NEW.kind, NEW.type, more)
            ON CONFLICT (number, kind, type) DO UPDATE SET events = number_counts.events + more;
        IF NEW.type = 'sms.received' THEN
            DELETE FROM conversations WHERE number = NEW.recipient AND sender = NEW.sender;
            INSERT INTO conversations (number, sender, messages, last_id)
                SELECT NEW.recipient, NEW.sender, count(*), max(id) FROM events
                WHERE sender = NEW.sender AND kind = 'sms' AND type = 'sms.received'
                AND recipient = NEW.recipient AND quarantine IS NULL AND id <= done
                HAVING count(*) > 0;
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER events_trusted AFTER UPDATE OF quarantine ON events FOR EACH ROW
    WHEN ((OLD.quarantine IS NULL) <> (NEW.quarantine IS NULL)) EXECUTE FUNCTION events_trusted()
    """,
)
POSTGRESQL_DOWN = (
    "DROP TRIGGER events_trusted ON events",
    "DROP TRIGGER events_deleted ON events",
    "DROP FUNCTION events_trusted",
    "DROP FUNCTION events_deleted",
    "DROP TABLE event_words",
)


def upgrade() -> None:
    state = op.create_table(
        "index_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_index_state"),
    )
    op.bulk_insert(state, [{"id": 1, "event_id": 0, "version": 1}])
    op.create_table(
        "hours",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hour", name="pk_hours"),
    )
    op.create_table(
        "hour_counts",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "kind", "type", "number", name="pk_hour_counts"),
    )
    op.create_table(
        "number_counts",
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", "kind", "type", name="pk_number_counts"),
    )
    op.create_table(
        "conversations",
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("number", "sender", name="pk_conversations"),
    )
    op.create_index("ix_conversations_last_id", "conversations", ["last_id"])
    op.create_index("ix_conversations_number_last_id", "conversations", ["number", "last_id"])
    op.create_index("ix_conversations_sender_last_id", "conversations", ["sender", "last_id"])
    for name, columns in NEW_INDEXES.items():
        op.create_index(name, "events", columns)
    for name in OLD_INDEXES:
        op.drop_index(name, table_name="events")
    op.drop_index("ix_events_quarantined", table_name="events")
    op.create_index("ix_events_quarantined", "events", QUARANTINED, **ONLY_QUARANTINED)
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    for statement in SQLITE_DOWN if op.get_bind().dialect.name == "sqlite" else POSTGRESQL_DOWN:
        op.execute(statement)
    for name, columns in OLD_INDEXES.items():
        op.create_index(name, "events", columns)
    for name in NEW_INDEXES:
        op.drop_index(name, table_name="events")
    op.drop_index("ix_events_quarantined", table_name="events")
    op.create_index("ix_events_quarantined", "events", ["id"], **ONLY_QUARANTINED)
    for table in ("conversations", "number_counts", "hour_counts", "hours", "index_state"):
        op.drop_table(table)
