-- The queues that lead to the DIP itself. Their reader holds the row of the progress, not a lease: what it makes of a
-- message commits together with how far the queue has come, or not at all.

-- name: lock_queue
-- One queue of this DIP id that holds something and is due, and that nobody else is reading.
select p.queue, q.channel, p.done, p.done_on, p.failures
from queue as q join queue_progress as p on p.queue = q.id
where q.dip_id = $1 and q.tail > p.done and p.next_attempt_at <= now() and p.stopped_at is null
    and (p.leased_until is null or p.leased_until < now())
order by p.next_attempt_at, p.queue limit 1
for update of p skip locked;

-- name: record_reading
-- These positions ($2 + 1 to $3) are read. It stands behind the DIP's other queues then, and, after a failure, waits.
-- Nothing when somebody else has read them.
with moved as (
    update queue_progress set done = $3, done_on = greatest(done_on, $4::date),
        failures = case when $5::interval is null then 0 else failures + 1 end,
        next_attempt_at = now() + coalesce($5::interval, interval '0')
    where queue = $1 and done = $2 returning queue
), tried as (
    insert into attempt (queue, from_position, to_position, attempted_on, attempted_at, duration_ms, status, outcome)
    select $1, $2 + 1, $3, ($6::timestamptz at time zone 'UTC')::date, $6, $7, null, $8 from moved
)
select queue from moved;

-- name: postpone_reading
-- Leaves a queue alone for a while.
update queue_progress set next_attempt_at = now() + $2::interval where queue = $1;
