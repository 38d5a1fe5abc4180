-- name: list_queues
-- The ids of the queues of recipients, made where they are missing.
with wanted as (
    select * from unnest($1::text[], $2::text[], $3::text[]) as t (dip_id, role, channel)
), made as (
    insert into queue (dip_id, role, channel) select dip_id, role, channel from wanted
    order by dip_id, role, channel
    on conflict do nothing returning id, dip_id, role, channel
), progress as (
    insert into queue_progress (queue) select id from made
)
select id, dip_id, role, channel from made
union all
select q.id, q.dip_id, q.role, q.channel from queue as q join wanted using (dip_id, role, channel);

-- name: advance_tails
-- Hands out positions: the new last position of each queue. Locks in the order of the ids, so two never deadlock.
with locked as (
    select q.id, t.added from queue as q
    join unnest($1::integer[], $2::integer[]) as t (id, added) on t.id = q.id
    order by q.id for update of q
)
update queue as q set tail = q.tail + l.added from locked as l where q.id = l.id
returning q.id, q.tail;

-- name: list_entries
-- The next entries of a queue. An entry that was delivered in part comes again, whole. Two who append around midnight,
-- or whose clocks differ, may put their days into another order than their positions: hence the day before.
-- Members are many, so those of a long queue are read only up to the entry in which so many messages ($5) are complete.
select last_position, message_count, submission, accepted_on, routed_on, members, queued_at, replay
from queue_entry where queue = $1 and last_position > $2 and routed_on >= $3::date - 1
    and last_position <= coalesce((
        select last_position from queue_entry
        where queue = $1 and last_position >= $2 + $5::integer and routed_on >= $3::date - 1
        order by last_position limit 1
    ), 9223372036854775807)
order by last_position limit $4;

-- name: list_status_messages
-- The next status messages of a sender; of the day before too, as above.
select last_position, created_on, entry, queued_at
from status_message where queue = $1 and last_position > $2 and created_on >= $3::date - 1
order by last_position limit $4;

-- name: wake_queues
-- Makes the queues of a recipient due at once, stopped ones too, for its webhook has changed or is said to be mended.
update queue_progress as p set next_attempt_at = now(), stopped_at = null, stopped_reason = null, batch_limit = null
from queue as q where q.id = p.queue and q.dip_id = $1 and ($2::text is null or q.channel = $2);

-- name: count_backlog
-- How many deliveries are outstanding, queue by queue.
select q.dip_id, q.role, q.channel, q.tail, p.done, p.failures
from queue as q join queue_progress as p on p.queue = q.id order by q.channel, q.dip_id, q.role;
