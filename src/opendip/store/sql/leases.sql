-- Leases of queues, and what came of each POST.

-- name: claim_queues
-- Takes a lease on queues that have something to deliver and are due: free ones, and the worker's own, for it may have
-- lost the database in their midst; none that it is busy with ($4), though its lease has run out. $5: only those whose last delivery failed or whose
-- recipients are slow ($10), or only the others (null: either). One queue of a webhook at a time, and of a recipient as many as are left to it: $8 but
-- those the worker is busy with (recipients $6, so many $7). $9: the DIP itself, which is delivered to by no webhook.
with candidate as (
    select p.queue, p.next_attempt_at, q.dip_id, q.channel
    from queue_progress as p join queue as q on q.id = p.queue
    where q.tail > p.done and p.next_attempt_at <= now() and p.stopped_at is null and q.dip_id <> $9
        and (p.leased_until is null or p.leased_until < now() or p.leased_by = $1) and p.queue <> all ($4::integer[])
        and ($5::boolean is null or (p.failures > 0 or q.dip_id = any ($10::text[])) = $5)
    order by p.next_attempt_at, p.queue limit greatest(8 * $3, 512)
), ranked as (
    select queue, next_attempt_at, dip_id,
        row_number() over (partition by dip_id, channel order by next_attempt_at, queue) as nth_of_webhook,
        row_number() over (partition by dip_id order by next_attempt_at, queue) as nth_of_recipient
    from candidate as c where not exists (
        select from queue as other join queue_progress as its on its.queue = other.id
        where other.dip_id = c.dip_id and other.channel = c.channel and other.id <> c.queue
            and its.leased_until >= now()
    )
), chosen as (
    select queue from ranked left join unnest($6::text[], $7::integer[]) as busy (dip_id, queues) using (dip_id)
    where nth_of_webhook = 1 and nth_of_recipient <= $8 - coalesce(busy.queues, 0)
    order by next_attempt_at, queue limit $3
), due as (
    select p.queue from queue_progress as p join chosen using (queue)
    where p.next_attempt_at <= now() and p.stopped_at is null
        and (p.leased_until is null or p.leased_until < now() or p.leased_by = $1) and p.queue <> all ($4::integer[])
    for update of p skip locked
)
update queue_progress as p set leased_by = $1, leased_until = now() + $2::interval
from due, queue as q left join breaker as b on b.dip_id = q.dip_id and b.channel = q.channel
where p.queue = due.queue and q.id = p.queue
returning p.queue, q.dip_id, q.role, q.channel, p.done, p.done_on, p.failures, p.next_attempt_at, p.batch_limit,
    coalesce(b.state, 'closed') as breaker;

-- name: record_delivery
-- One POST that was answered for: the attempt, how far the queue has come; nothing if the lease was lost, or if it is
-- recorded already. A success
-- counts for the breaker where something failed lately; tells whether the breaker is open all the same.
with moved as (
    update queue_progress set done = $4, done_on = greatest(done_on, $10::date), failures = 0,
        leased_until = now() + $11::interval
    where queue = $1 and leased_by = $2 and done < $4 returning queue
), tried as (
    insert into attempt (queue, from_position, to_position, attempted_on, attempted_at, duration_ms, status, outcome, response)
    select $1, $3, $4, ($5::timestamptz at time zone 'UTC')::date, $5, $6, $7, $8, $9 from moved
), counted as (
    update breaker set failures = 0, recent = (recent << 1) & $14
    where dip_id = $12 and channel = $13 and state = 'closed' and recent <> 0
)
select exists (select from breaker where dip_id = $12 and channel = $13 and state <> 'closed') from moved;

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

-- name: record_holes
-- The delivery that was just recorded left something out, which is sent again: not at once. The lease is given back.
update queue_progress set failures = $3, leased_by = null, leased_until = null,
    next_attempt_at = case when next_attempt_at = $5 then now() + $4::interval else next_attempt_at end
where queue = $1 and leased_by = $2;

-- name: record_stop
-- One POST after whose answer a person is needed: nothing goes until the queue is woken. It is due at once when it was
-- woken since it was leased ($10).
with moved as (
    update queue_progress set failures = failures + 1, leased_by = null, leased_until = null,
        stopped_at = case when next_attempt_at = $10 then $5::timestamptz end,
        stopped_reason = case when next_attempt_at = $10 then $8 end
    where queue = $1 and leased_by = $2 returning queue, stopped_at
), tried as (
    insert into attempt (queue, from_position, to_position, attempted_on, attempted_at, duration_ms, status, outcome, response)
    select $1, $3, $4, ($5::timestamptz at time zone 'UTC')::date, $5, $6, $7, $8, $9 from moved
)
select stopped_at is not null from moved;

-- name: record_limit
-- One POST that was too large: the attempt, and how many messages go at a time from now on. The lease is kept.
with moved as (
    update queue_progress set batch_limit = $10 where queue = $1 and leased_by = $2 returning queue
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

-- name: hold_webhook
-- Nothing goes to a webhook for a while, from none of its queues: its rate, its breaker or its Retry-After say so.
update queue_progress as p set next_attempt_at = greatest(p.next_attempt_at, now() + $3::interval)
from queue as q where q.id = p.queue and q.dip_id = $1 and q.channel = $2;

-- name: release_queue
-- Gives a lease back; the queue stands behind all others that are due by now.
update queue_progress set leased_by = null, leased_until = null,
    next_attempt_at = greatest(now(), next_attempt_at) where queue = $1 and leased_by = $2;

-- name: renew_leases
-- Keeps the leases of a worker while it waits for slow answers.
update queue_progress set leased_until = now() + $2::interval where leased_by = $1;

