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

-- name: claim_queues
-- Takes a lease on queues that have something to deliver and are due: free ones, and the worker's own that it is not
-- busy with ($4), for it may have lost the database in their midst. $5: only those whose last delivery failed, or only
-- the others (null: either).
with due as (
    select p.queue from queue_progress as p join queue as q on q.id = p.queue
    where q.tail > p.done and p.next_attempt_at <= now() and (p.leased_until is null or p.leased_until < now() or (p.leased_by = $1 and p.queue <> all ($4::integer[])))
        and ($5::boolean is null or (p.failures > 0) = $5)
    order by p.next_attempt_at, p.queue limit $3
    for update of p skip locked
)
update queue_progress as p set leased_by = $1, leased_until = now() + $2::interval
from due, queue as q where p.queue = due.queue and q.id = p.queue
returning p.queue, q.dip_id, q.role, q.channel, p.done, p.done_on, p.failures, p.next_attempt_at;

-- name: list_entries
-- The next entries of a queue. An entry that was delivered in part comes again, whole. Two who append around midnight,
-- or whose clocks differ, may put their days into another order than their positions: hence the day before.
select last_position, message_count, submission, accepted_on, routed_on, members, queued_at, replay
from queue_entry where queue = $1 and last_position > $2 and routed_on >= $3::date - 1
order by last_position limit $4;

-- name: list_status_messages
-- The next status messages of a sender; of the day before too, as above.
select last_position, created_on, entry, queued_at
from status_message where queue = $1 and last_position > $2 and created_on >= $3::date - 1
order by last_position limit $4;

-- name: record_delivery
-- One POST that was answered for: the attempt, how far the queue has come; nothing if the lease was lost.
with moved as (
    update queue_progress set done = $4, done_on = greatest(done_on, $10::date), failures = 0,
        leased_until = now() + $11::interval
    where queue = $1 and leased_by = $2 returning queue
), tried as (
    insert into attempt (queue, from_position, to_position, attempted_on, attempted_at, duration_ms, status, outcome, response)
    select $1, $3, $4, ($5::timestamptz at time zone 'UTC')::date, $5, $6, $7, $8, $9 from moved
)
select queue from moved;

-- name: record_failure
-- One POST that must be tried again: the attempt, when to try next; the lease is given back. It is due at once when it
-- was woken since it was leased ($11).
with moved as (
    update queue_progress set failures = failures + 1, leased_by = null, leased_until = null,
        next_attempt_at = case when next_attempt_at = $11 then now() + $10::interval else next_attempt_at end
    where queue = $1 and leased_by = $2 returning queue
), tried as (
    insert into attempt (queue, from_position, to_position, attempted_on, attempted_at, duration_ms, status, outcome, response)
    select $1, $3, $4, ($5::timestamptz at time zone 'UTC')::date, $5, $6, $7, $8, $9 from moved
)
select queue from moved;

-- name: postpone_queue
-- Leaves a queue alone for a while, without an attempt: it has no webhook, say. Not when it was woken since it was
-- leased ($4).
update queue_progress set leased_by = null, leased_until = null,
    next_attempt_at = case when next_attempt_at = $4 then now() + $3::interval else next_attempt_at end
where queue = $1 and leased_by = $2;

-- name: release_queue
-- Gives a lease back; the queue stands behind all others that are due by now.
update queue_progress set leased_by = null, leased_until = null, next_attempt_at = now() where queue = $1 and leased_by = $2;

-- name: renew_leases
-- Keeps the leases of a worker while it waits for slow answers.
update queue_progress set leased_until = now() + $2::interval where leased_by = $1;

-- name: wake_queues
-- Makes the queues of a recipient due at once, for its webhook has changed.
update queue_progress as p set next_attempt_at = now()
from queue as q where q.id = p.queue and q.dip_id = $1 and ($2::text is null or q.channel = $2);

-- name: count_backlog
-- How many deliveries are outstanding, queue by queue.
select q.dip_id, q.role, q.channel, q.tail, p.done, p.failures
from queue as q join queue_progress as p on p.queue = q.id order by q.channel, q.dip_id, q.role;
