-- Requeues in the background: asked for, worked off page by page, asked after.

-- name: take_replay_number
-- The number of a new replay or requeue.
select nextval('replay_number');

-- name: start_job
-- A job, unless one is at work for the same recipient and channel.
insert into requeue_job (id, replay, dip_id, channel, asked_by, request, total, created_at)
values ($1, $2, $3, $4, $5, $6, 0, $7)
on conflict do nothing returning id;

-- name: claim_job
-- A job that nobody is at. Any of them, so that neither a large one nor a stream of small ones holds up the others.
select id, replay, dip_id, channel, request, total, processed, reached, created_at
from requeue_job where status = 'Processing'
order by random() limit 1 for update skip locked;

-- name: keep_total
-- How much there is to do; counted once.
update requeue_job set total = $2, reached = '{}' where id = $1;

-- name: keep_page
-- How far a job has come, in the transaction of what it put on queues. The last page completes it, and what stood on a
-- queue twice was counted twice.
update requeue_job set reached = $2, processed = processed + $3,
    total = case when $4::boolean then processed + $3 else greatest(total, processed + $3) end,
    status = case when $4::boolean then 'Completed' else status end,
    finished_at = case when $4::boolean then $5::timestamptz end
where id = $1;

-- name: fail_job
-- A job that cannot go on.
update requeue_job set status = 'Failed', failure = $2, finished_at = $3 where id = $1 and status = 'Processing';

-- name: find_job
-- The job of that id, or the latest (null), of a recipient on a channel.
select status, total, processed from requeue_job
where dip_id = $1 and channel = $2 and ($3::uuid is null or id = $3)
order by created_at desc limit 1;

-- name: find_given_answer
-- The answer that this very call was given before, if it was.
select status, answer from signed_call where signature = $1;

-- name: keep_answer
-- The answer to a call, in the transaction of what it did; no row when the very same call was answered meanwhile.
insert into signed_call (signature, signed_at, status, answer) values ($1, $2, $3, $4)
on conflict do nothing returning status;
