-- Circuit breakers of webhooks. There is a row only where something has failed.

-- name: lock_breaker
-- The breaker as it is, nobody else's to change until commit.
select state, failures, recent, openings, until, reason from breaker where dip_id = $1 and channel = $2 for update;

-- name: find_now
-- The time by the database's clock, which alone decides when a breaker's pause is over.
select clock_timestamp();

-- name: find_rest
-- How long the pause of a breaker still is.
select until - now() from breaker where dip_id = $1 and channel = $2 and state <> 'closed';

-- name: keep_breaker
-- The breaker after a failure.
insert into breaker (dip_id, channel, state, failures, recent, openings, until, reason, changed_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (dip_id, channel) do update set state = excluded.state, failures = excluded.failures,
    recent = excluded.recent, openings = excluded.openings, until = excluded.until, reason = excluded.reason,
    changed_at = excluded.changed_at;

-- name: begin_probe
-- Half-open, if its pause is over and nobody else is trying: one batch may go. $3: when the try is given up.
update breaker set state = 'half-open', until = now() + $3::interval, changed_at = now()
where dip_id = $1 and channel = $2 and state <> 'closed' and until <= now() returning true;

-- name: close_breaker
-- The webhook answers again. Tells whether it had been open.
with before as (select dip_id, channel, state from breaker where dip_id = $1 and channel = $2 for update)
update breaker as b set state = 'closed', failures = 0, recent = 0, openings = 0, until = null, reason = '',
    changed_at = now()
from before where b.dip_id = before.dip_id and b.channel = before.channel
returning before.state <> 'closed';

-- name: try_breakers
-- Somebody says that it is mended: a batch may be tried at once.
update breaker set until = now(), changed_at = now()
where dip_id = $1 and ($2::text is null or channel = $2) and state <> 'closed';
