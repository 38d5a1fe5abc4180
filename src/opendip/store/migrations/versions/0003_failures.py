"""What happens on a bad day: queues that stop, breakers, dead letters, alarms, replays; and the rules for them.

Refusals by recipients, until now `delivery_exception`, become dead letters of the kind `refused`.
"""

from alembic import op

revision = "0003_failures"
down_revision = "0002_messages"
branch_labels = None
depends_on = None

RULES = """
alter table webhook
    add column max_message_rate int check (max_message_rate > 0),
    add column paused_at timestamptz;

-- What the operator sets for one channel; what is null is as the settings say.
create table channel_rule (
    channel text primary key,
    retry_base interval check (retry_base > interval '0'),
    retry_ceiling interval check (retry_ceiling > interval '0'),
    dead_letter_after interval check (dead_letter_after > interval '0'),
    changed_at timestamptz not null
);
create trigger raise_market_version after insert or update or delete on channel_rule
for each row execute function raise_market_version();
"""

DELIVERY = """
-- Stopped: the recipient's last answer needs a person (E2E 4.6.6.1). `batch_limit`: it found larger batches too large.
alter table queue_progress
    add column stopped_at timestamptz,
    add column stopped_reason text,
    add column batch_limit integer check (batch_limit > 0);

-- `queued_at` tells when it is too old to be delivered; with a `replay` number it goes under a new transaction id.
alter table queue_entry
    add column queued_at timestamptz not null default now(),
    add column replay bigint;
alter table status_message add column queued_at timestamptz not null default now();

-- The breaker of a webhook. There is a row only where something has failed.
create table breaker (
    dip_id text not null,
    channel text not null,
    state text not null check (state in ('closed', 'open', 'half-open')),
    failures integer not null,
    recent integer not null,
    openings integer not null,
    until timestamptz,
    reason text not null,
    changed_at timestamptz not null,
    primary key (dip_id, channel)
) with (fillfactor = 50);
"""

DEAD_LETTERS = """
-- A message (or, without a submission, a status message) that did not arrive, and who is to act on it.
create table dead_letter (
    id bigint generated always as identity primary key,
    queue integer not null references queue,
    position bigint not null,
    submission bigint,
    message_index integer,
    accepted_on date,
    kind text not null check (kind in ('expired', 'refused')),
    owner text not null check (owner in ('platform', 'recipient', 'business')),
    code text not null,
    text text not null,
    created_at timestamptz not null default now(),
    settled_at timestamptz,
    settlement text check (settlement in ('redriven', 'dismissed')),
    settled_text text,
    unique (queue, position)
);
create index on dead_letter (created_at);
create index on dead_letter (submission, message_index);

insert into dead_letter (queue, position, submission, message_index, accepted_on, kind, owner, code, text, created_at)
select x.queue, x.position, e.submission, e.members[x.position - e.last_position + e.message_count], e.accepted_on,
    'refused', 'business', x.code, x.text, x.created_at
from delivery_exception as x left join lateral (
    select * from queue_entry where queue = x.queue and last_position >= x.position order by last_position limit 1
) as e on true;
drop table delivery_exception;

-- What an operator must look at. One row while it lasts, however often it is raised.
create table alarm (
    id bigint generated always as identity primary key,
    kind text not null,
    subject text not null,
    text text not null,
    raised integer not null default 1,
    first_at timestamptz not null default now(),
    last_at timestamptz not null default now(),
    cleared_at timestamptz
);
create unique index on alarm (kind, subject) where cleared_at is null;
"""

REPLAYS = """
-- Numbers one replay or requeue; eight hexadecimal digits in the transaction ids it gives.
create sequence replay_number as bigint maxvalue 4294967295 cycle;

-- A requeue in the background: what was asked for, and how far it has come.
create table requeue_job (
    id uuid primary key,
    replay bigint not null,
    dip_id text not null,
    channel text not null,
    asked_by text not null,
    request jsonb not null,
    status text not null default 'Processing' check (status in ('Processing', 'Completed', 'Failed')),
    total bigint not null default 0,
    processed bigint not null default 0,
    reached jsonb,
    created_at timestamptz not null default now(),
    finished_at timestamptz,
    failure text
);
create unique index on requeue_job (dip_id, channel) where status = 'Processing';
"""


def upgrade() -> None:
    for part in (RULES, DELIVERY, DEAD_LETTERS, REPLAYS):
        op.execute(part)
