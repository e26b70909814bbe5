"""Runs migrations on the connection that `receiver.db.engine` hands over, in its transaction."""

from alembic import context

from receiver.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transaction_per_migration=False,
    render_as_batch=True,
)
context.run_migrations()
