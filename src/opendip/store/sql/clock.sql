-- name: try_lock
-- The lock of the active clock, held until the connection closes.
select pg_try_advisory_lock($1);

-- name: ensure_partitions
-- Makes the partitions of some days; those of references begin at another.
select ensure_partitions($1, $3) + ensure_reference_partitions($2, $3);

-- name: look_at_clock
-- Keeps the latest time that the database's clock has shown; answers by how much it has been put back since.
with before as (select seen_at from database_clock for update)
update database_clock set seen_at = now() from before returning greatest(before.seen_at - now(), interval '0');

-- name: put_queues_back
-- What waits for a time waits for it as long as was meant, though the clock was put back by $1. A lease that is longer
-- than leases are ($2) is from before; one that is not has been renewed since. What was due stays due.
update queue_progress set
    leased_until = case when leased_until > now() + $2::interval then greatest(now(), leased_until - $1::interval)
        else leased_until end,
    next_attempt_at = case when next_attempt_at > now() then greatest(now(), next_attempt_at - $1::interval)
        else next_attempt_at end
where leased_until > now() + $2::interval or next_attempt_at > now();

-- name: put_breakers_back
-- The same for breakers.
update breaker set until = greatest(now(), until - $1::interval) where until > now();

-- name: put_intake_back
-- The same for submissions that were set aside, or came in just before.
update intake set route_after = greatest(now(), route_after - $1::interval) where route_after > now();
