"""What dead letters need to be listed and redriven: the replay each went under, the open ones of a queue at hand."""

from alembic import op

revision = "0004_dead_letters"
down_revision = "0003_failures"
branch_labels = None
depends_on = None

OPEN = """
alter table dead_letter add column replay bigint;
create index on dead_letter (queue, id) where settled_at is null;
"""


def upgrade() -> None:
    op.execute(OPEN)
