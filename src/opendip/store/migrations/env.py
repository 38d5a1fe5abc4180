"""Alembic's entry: it only writes the SQL of the migrations; `opendip.store.migrations` runs it."""

from alembic import context

# The named style is the one that leaves a per cent sign as it is written.
context.configure(dialect_name="postgresql", dialect_opts={"paramstyle": "named"}, transactional_ddl=False)
with context.begin_transaction():
    context.run_migrations()
