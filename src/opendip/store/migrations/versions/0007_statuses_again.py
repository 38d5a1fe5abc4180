"""Which status messages stand on their queue once more: a replay holds each but once, however often it was queued."""

from alembic import op

revision = "0007_statuses_again"
down_revision = "0006_clock"
branch_labels = None
depends_on = None

AGAIN = """
alter table status_message add column is_again boolean not null default false;
"""


def upgrade() -> None:
    op.execute(AGAIN)
