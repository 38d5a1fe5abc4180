"""What replays need of the queues: the entries of a recipient in the order of submissions, which is that of time."""

from alembic import op

revision = "0005_replays"
down_revision = "0004_dead_letters"
branch_labels = None
depends_on = None

IN_TIME_ORDER = """
create index on queue_entry (queue, submission) where replay is null;
"""


def upgrade() -> None:
    op.execute(IN_TIME_ORDER)
