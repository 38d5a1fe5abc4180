"""What is needed to notice that the clock of the database has been put back: the latest time it has shown."""

from alembic import op

revision = "0006_clock"
down_revision = "0005_replays"
branch_labels = None
depends_on = None

SEEN = """
create table database_clock (seen_at timestamptz not null);
insert into database_clock values (now());
"""


def upgrade() -> None:
    op.execute(SEEN)
