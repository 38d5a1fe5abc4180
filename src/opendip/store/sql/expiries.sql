-- What waits too long: found at the heads of the queues, taken in steps.

-- name: list_overdue
-- Queues whose next message was queued too long ago ($1, $2: channels with a time of their own; $3: all others), and
-- that nobody is delivering from. Of each queue that holds something one row is read, the next; of no other any.
select q.id
from queue as q join queue_progress as p on p.queue = q.id
cross join lateral (
    (select queued_at from queue_entry
        where q.channel <> 'STATUS' and queue = q.id and last_position > p.done and routed_on >= p.done_on - 1
        order by last_position limit 1)
    union all
    (select queued_at from status_message
        where q.channel = 'STATUS' and queue = q.id and last_position > p.done and created_on >= p.done_on - 1
        order by last_position limit 1)
) as head
left join unnest($1::text[], $2::timestamptz[]) as own (channel, before) on own.channel = q.channel
where q.tail > p.done and (p.leased_until is null or p.leased_until < now())
    and head.queued_at <= coalesce(own.before, $3::timestamptz)
order by head.queued_at, q.id;

-- name: count_waiting_since
-- How many messages of one channel were queued by then and wait still.
select (
    select coalesce(sum(least(e.message_count, e.last_position - p.done)), 0)
    from queue as q join queue_progress as p on p.queue = q.id
    join queue_entry as e on e.queue = q.id and e.last_position > p.done and e.routed_on >= p.done_on - 1
    where q.channel = $1 and q.channel <> 'STATUS' and q.tail > p.done and e.queued_at <= $2
) + (
    select count(*)
    from queue as q join queue_progress as p on p.queue = q.id
    join status_message as e on e.queue = q.id and e.last_position > p.done and e.created_on >= p.done_on - 1
    where q.channel = $1 and q.channel = 'STATUS' and q.tail > p.done and e.queued_at <= $2
);

-- name: claim_overdue
-- Locks one queue until the transaction ends, whatever it waits for; nothing when somebody delivers from it, or when
-- somebody else takes a step of it.
select q.id, q.dip_id, q.role, q.channel, p.done, p.done_on, p.failures, p.stopped_reason
from queue_progress as p join queue as q on q.id = p.queue
where p.queue = $1 and (p.leased_until is null or p.leased_until < now())
for update of p skip locked;

-- name: pass_over
-- The queue goes on behind these positions. A lease that has run out ends here: what its worker still records late
-- would be about them.
update queue_progress set done = $2, done_on = greatest(done_on, $3::date), leased_by = null, leased_until = null
where queue = $1;

-- name: find_last_outcome
-- How the last attempt went. Attempts stand in the order of their positions; of the head there may be many.
select outcome from attempt where queue = $1 and attempted_on >= $2
order by from_position desc, attempted_at desc limit 1;
