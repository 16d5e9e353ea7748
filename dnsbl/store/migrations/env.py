"""What Alembic runs: always on the caller's connection and in the caller's transaction."""

from alembic import context

from dnsbl.store.indexes import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters tables by copying them
)
with context.begin_transaction():
    context.run_migrations()
