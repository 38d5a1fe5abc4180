"""What replays need: the entries of a recipient in the order of submissions, and the submissions of a time."""

from alembic import op

revision = "0005_replays"
down_revision = "0004_dead_letters"
branch_labels = None
depends_on = None

IN_TIME_ORDER = """
create index on queue_entry (queue, submission) where replay is null;
create index on submission (accepted_at);
"""


def upgrade() -> None:
    op.execute(IN_TIME_ORDER)
