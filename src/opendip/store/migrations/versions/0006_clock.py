"""What is needed where the clock of the database may be put back: the latest time it has shown."""

from alembic import op

revision = "0006_clock"
down_revision = "0005_replays"
branch_labels = None
depends_on = None

SEEN = """
create table database_clock (seen_at timestamptz not null);
insert into database_clock values (now());

-- What is accepted is routed at once, whatever the clock says; only what is set aside waits for a time.
alter table intake alter route_after set default '-infinity';
"""


def upgrade() -> None:
    op.execute(SEEN)
