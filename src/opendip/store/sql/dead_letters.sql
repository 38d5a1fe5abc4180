-- Dead letters: messages that did not arrive, and status messages likewise.

-- name: keep_dead_letters
-- Messages that were refused or grew too old, all of one queue.
insert into dead_letter
    (queue, position, submission, message_index, accepted_on, kind, owner, code, text, replay, created_at)
select $1, t.position, t.submission, t.message_index, t.accepted_on, $2, $3, t.code, t.text, t.replay, $4
from unnest($5::bigint[], $6::bigint[], $7::integer[], $8::date[], $9::text[], $10::text[], $11::bigint[])
    as t (position, submission, message_index, accepted_on, code, text, replay)
on conflict do nothing;

-- name: list_dead_letters
-- Those a filter leaves ($1 to $8), before an id ($9), the latest first.
select d.id, d.queue, d.position, q.dip_id, q.role, q.channel, d.submission, d.message_index, d.accepted_on, d.replay,
    d.kind, d.owner, d.code, d.text, d.created_at, d.settled_at, d.settlement, d.settled_text
from dead_letter as d join queue as q on q.id = d.queue
where ($1::bigint[] is null or d.id = any ($1)) and ($2::text is null or q.dip_id = $2)
    and ($3::text is null or q.channel = $3) and ($4::text is null or d.kind = $4)
    and ($5::text is null or d.owner = $5) and ($6::timestamptz is null or d.created_at >= $6)
    and ($7::timestamptz is null or d.created_at < $7)
    and ($8::boolean is null or (d.settled_at is not null) = $8)
    and d.id < $9
order by d.id desc limit $10;

-- name: lock_dead_letters
-- The open ones a filter leaves ($1 to $7), after an id ($8) up to another ($9), the oldest first; what others are settling is left to
-- them.
select d.id, d.queue, d.position, q.dip_id, q.role, q.channel, d.submission, d.message_index, d.accepted_on, d.replay,
    d.kind, d.owner, d.code, d.text, d.created_at, d.settled_at, d.settlement, d.settled_text
from dead_letter as d join queue as q on q.id = d.queue
where ($1::bigint[] is null or d.id = any ($1)) and ($2::text is null or q.dip_id = $2)
    and ($3::text is null or q.channel = $3) and ($4::text is null or d.kind = $4)
    and ($5::text is null or d.owner = $5) and ($6::timestamptz is null or d.created_at >= $6)
    and ($7::timestamptz is null or d.created_at < $7)
    and d.settled_at is null and d.id > $8 and d.id <= $9
order by d.id limit $10
for update of d skip locked;

-- name: find_last_letter
-- The greatest id there is.
select coalesce(max(id), 0) from dead_letter;

-- name: count_dead_letters
-- How many a filter leaves ($1 to $8).
select count(*) from dead_letter as d join queue as q on q.id = d.queue
where ($1::bigint[] is null or d.id = any ($1)) and ($2::text is null or q.dip_id = $2)
    and ($3::text is null or q.channel = $3) and ($4::text is null or d.kind = $4)
    and ($5::text is null or d.owner = $5) and ($6::timestamptz is null or d.created_at >= $6)
    and ($7::timestamptz is null or d.created_at < $7)
    and ($8::boolean is null or (d.settled_at is not null) = $8);

-- name: settle_dead_letters
-- What became of them.
update dead_letter set settled_at = $2, settlement = $3, settled_text = $4 where id = any ($1::bigint[]);

-- name: list_buried_statuses
-- Status messages by their places.
select t.queue, t.position, s.entry
from unnest($1::integer[], $2::bigint[]) as t (queue, position)
join status_message as s on s.queue = t.queue and s.last_position = t.position;

-- name: lock_alarm
-- The alarm about these dead letters, if it lasts; nobody raises it again until the transaction ends.
select id from alarm where kind = $1 and subject = $2 and cleared_at is null for update;

-- name: has_open_expired
-- Whether any is left that nobody has acted on. Refusals raise no alarm: their senders were told by the recipient.
select exists (
    select from dead_letter as d join queue as q on q.id = d.queue
    where q.dip_id = $1 and q.channel = $2 and d.settled_at is null and d.kind = 'expired'
);

-- name: list_attempts
-- The last attempts at a position. No POST carries as many messages as are looked back.
select attempted_at, status, outcome from attempt
where queue = $1 and from_position between $2 - 100000 and $2 and to_position >= $2
order by attempted_at desc limit $3;
