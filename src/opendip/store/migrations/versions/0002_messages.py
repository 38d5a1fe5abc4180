"""Submissions and their messages, the queues that lead to recipients, and what became of each delivery.

What is kept for years is partitioned by day, so that retention drops partitions. `ensure_partitions` makes the days
ahead; a default partition catches what comes before it was run, so that nothing is ever refused for want of one.
"""

from alembic import op

revision = "0002_messages"
down_revision = "0001_market"
branch_labels = None
depends_on = None

SUBMISSIONS = """
create sequence submission_number;

-- The evidence of one call: with its chunks, the exact bytes that were signed can be rebuilt and verified again.
create table submission (
    id bigint not null,
    accepted_on date not null,
    accepted_at timestamptz not null,
    channel text not null,
    caller_dip_id text not null,
    message_count integer not null,
    refused integer[],
    method text not null,
    url text not null,
    signature bytea not null,
    signature_date text not null,
    content_hash bytea not null,
    signing_certificate text not null
) partition by range (accepted_on);
create index on submission (id);

-- Up to 250 messages with the bytes between them, compressed together.
create table chunk (
    submission bigint not null,
    number integer not null,
    accepted_on date not null,
    content bytea not null
) partition by range (accepted_on);
alter table chunk alter content set storage external;
create index on chunk (submission, number);

-- Who was addressed, chunk by chunk: what the A0 block of each message says.
create table addressing (
    submission bigint not null,
    number integer not null,
    accepted_on date not null,
    content bytea not null
) partition by range (accepted_on);
alter table addressing alter content set storage external;
create index on addressing (submission, number);

-- What reports filter by. The rest of a message is in its chunk; its transaction id is computed.
create table message (
    submission bigint not null,
    mpan bigint,
    index integer not null,
    accepted_on date not null,
    event_code text not null,
    sender_dip_id text not null,
    correlation_id text
) partition by range (accepted_on);
create index on message using brin (submission) with (pages_per_range = 16);
create index on message (mpan, submission) where mpan is not null;
create index on message (correlation_id) where correlation_id is not null;

-- The same reference always carries the same date, so uniqueness inside a partition is uniqueness for ever.
create table sender_reference (
    submission bigint not null,
    index integer not null,
    reference_date integer not null,
    digest bytea not null
) partition by range (reference_date);
create unique index on sender_reference (reference_date, digest);

-- The answers of recent calls, so that the same signed call sent again is answered as the first was.
create table signed_call (
    signature bytea primary key,
    signed_at timestamptz not null,
    status smallint not null,
    answer bytea not null
);
alter table signed_call alter answer set storage external;
create index on signed_call (signed_at);

-- Submissions not yet routed. One that could not be is set aside for a while, and holds up no other.
create table intake (
    submission bigint primary key,
    accepted_on date not null,
    message_count integer not null,
    route_after timestamptz not null default now()
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
"""

QUEUES = """
-- One per recipient id, role and channel. Positions are handed out by `tail`; they have no gaps.
create table queue (
    id integer generated always as identity primary key,
    dip_id text not null,
    role text not null,
    channel text not null,
    tail bigint not null default 0,
    unique (dip_id, role, channel)
) with (fillfactor = 50);

-- How far delivery has come, and which worker holds the queue until when. Apart from `queue`, so that routing and
-- delivering never wait for each other.
create table queue_progress (
    queue integer primary key references queue,
    done bigint not null default 0,
    done_on date not null default '2000-01-01',
    leased_by uuid,
    leased_until timestamptz,
    next_attempt_at timestamptz not null default now(),
    failures integer not null default 0
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- A run of positions of one queue, all from one submission: `members` are the messages' indexes.
create table queue_entry (
    queue integer not null,
    last_position bigint not null,
    message_count integer not null,
    submission bigint not null,
    accepted_on date not null,
    routed_on date not null,
    members integer[] not null
) partition by range (routed_on);
create index on queue_entry (queue, last_position);

-- What the DIP has to tell a sender; delivered in order on the sender's STATUS queue.
create table status_message (
    queue integer not null,
    last_position bigint not null,
    created_on date not null,
    entry bytea not null
) partition by range (created_on);
create index on status_message (queue, last_position);

-- One row a POST: a message's fate is read from the queue's progress, its attempts and the exceptions.
create table attempt (
    queue integer not null,
    from_position bigint not null,
    to_position bigint not null,
    attempted_on date not null,
    attempted_at timestamptz not null,
    duration_ms integer not null,
    status smallint,
    outcome text not null,
    response bytea
) partition by range (attempted_on);
create index on attempt (queue, from_position);

-- The few messages that did not simply arrive: refused by the recipient.
create table delivery_exception (
    queue integer not null,
    position bigint not null,
    kind text not null,
    code text not null,
    text text not null,
    created_at timestamptz not null default now(),
    primary key (queue, position, kind)
);
"""

PARTITIONS = """
create table submission_rest partition of submission default;
create table chunk_rest partition of chunk default;
create table addressing_rest partition of addressing default;
create table message_rest partition of message default;
create table sender_reference_rest partition of sender_reference default;
create table queue_entry_rest partition of queue_entry default;
create table status_message_rest partition of status_message default;
create table attempt_rest partition of attempt default;

-- Makes the partition of one day, and moves into it what the default partition had caught of that day.
create function ensure_partition(parent regclass, key text, suffix text, low text, high text) returns boolean
language plpgsql as $$
declare
    name text := parent::text || '_' || suffix;
begin
    if to_regclass(name) is not null then
        return false;
    end if;
    execute format('lock table %s in share row exclusive mode', parent);
    execute format('create table %I (like %s including defaults including constraints including storage)',
                   name, parent);
    execute format('with moved as (delete from %I where %I >= %s and %I < %s returning *)'
                   ' insert into %I select * from moved',
                   parent::text || '_rest', key, low, key, high, name);
    execute format('alter table %s attach partition %I for values from (%s) to (%s)', parent, name, low, high);
    return true;
end $$;

create function ensure_partitions(first_day date, last_day date) returns integer
language plpgsql as $$
declare
    made integer := 0;
    day date;
    suffix text;
    target record;
begin
    perform pg_advisory_xact_lock(hashtext('ensure_partitions'));
    for day in select generate_series(first_day, last_day, interval '1 day')::date loop
        suffix := to_char(day, 'YYYYMMDD');
        for target in select * from (values
            ('submission', 'accepted_on'), ('chunk', 'accepted_on'), ('addressing', 'accepted_on'),
            ('message', 'accepted_on'), ('queue_entry', 'routed_on'), ('status_message', 'created_on'),
            ('attempt', 'attempted_on')) as t (parent, key)
        loop
            made := made + ensure_partition(target.parent::regclass, target.key, suffix,
                quote_literal(day) || '::date', quote_literal(day + 1) || '::date')::integer;
        end loop;
    end loop;
    return made;
end $$;

-- Apart from the others, for references carry dates of their senders' choice: most of them in the last weeks.
create function ensure_reference_partitions(first_day date, last_day date) returns integer
language plpgsql as $$
declare
    made integer := 0;
    day date;
begin
    perform pg_advisory_xact_lock(hashtext('ensure_partitions'));
    for day in select generate_series(first_day, last_day, interval '1 day')::date loop
        made := made + ensure_partition('sender_reference'::regclass, 'reference_date', to_char(day, 'YYYYMMDD'),
            to_char(day, 'YYYYMMDD'), to_char(day + 1, 'YYYYMMDD'))::integer;
    end loop;
    return made;
end $$;

select ensure_partitions(current_date - 1, current_date + 14);
select ensure_reference_partitions(current_date - 31, current_date + 14);
"""


def upgrade() -> None:
    for part in (SUBMISSIONS, QUEUES, PARTITIONS):
        op.execute(part)
