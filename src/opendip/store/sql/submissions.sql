-- name: find_answer
-- A number for a new submission, and the answer this very call was given before, if it was.
select nextval('submission_number') as submission, c.status, c.answer
from (select 1) as one left join signed_call as c on c.signature = $1;

-- name: advance_numbers
-- Numbers go on from the clock, 16,000 a second since 2020: a database that was restored gives none out a second time.
with clock as (
    select floor(extract(epoch from clock_timestamp() - timestamptz '2020-01-01 00:00:00+00') * 16000)::bigint as number
)
select setval('submission_number', number) from clock, submission_number where last_value < number;

-- name: claim_references
-- Claims sender references for ever; answers the digests that were free. Sorted, so that two calls never deadlock.
insert into sender_reference (submission, index, reference_date, digest)
select $1, t.index, t.reference_date, t.digest
from unnest($2::integer[], $3::integer[], $4::bytea[]) as t (index, reference_date, digest)
on conflict do nothing
returning index;

-- name: keep_submission
-- The submission, its chunks, its place in the intake and its answer, all or none.
with kept as (
    insert into submission (id, accepted_on, accepted_at, channel, caller_dip_id, message_count, refused,
        method, url, signature, signature_date, content_hash, signing_certificate)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
), chunks as (
    insert into chunk (submission, number, accepted_on, content)
    select $1, t.number, $2, t.content from unnest($14::integer[], $15::bytea[]) as t (number, content)
), waiting as (
    insert into intake (submission, accepted_on, message_count) select $1, $2, $16 where $16 > 0
)
insert into signed_call (signature, signed_at, status, answer) values ($17, $3, $18, $19);

-- name: lock_intake
-- The oldest submissions that nobody else is routing.
select submission, accepted_on, message_count from intake
where route_after <= now() order by submission limit $1 for update skip locked;

-- name: set_aside
-- A submission that could not be routed waits, and others go ahead.
update intake set route_after = now() + $2::interval where submission = $1;

-- name: leave_intake
-- These submissions wait no longer, once the caller commits.
delete from intake where submission = any ($1::bigint[]);

-- name: list_submissions
-- What routing and delivering must know of submissions.
select s.id, s.accepted_on, s.accepted_at, s.channel, s.refused, s.message_count
from unnest($1::bigint[], $2::date[]) as wanted (id, accepted_on)
join submission as s on s.id = wanted.id and s.accepted_on = wanted.accepted_on;

-- name: list_chunks
-- Whole submissions, chunk by chunk in order.
select c.submission, c.number, c.content
from unnest($1::bigint[], $2::date[]) as wanted (id, accepted_on)
join chunk as c on c.submission = wanted.id and c.accepted_on = wanted.accepted_on
order by c.submission, c.number;

-- name: list_addressed_chunks
-- Chosen chunks with the addresses of their messages.
select c.submission, c.number, c.content, a.content as addressing
from unnest($1::bigint[], $2::integer[], $3::date[]) as wanted (submission, number, accepted_on)
join chunk as c on c.submission = wanted.submission and c.number = wanted.number and c.accepted_on = wanted.accepted_on
join addressing as a
    on a.submission = wanted.submission and a.number = wanted.number and a.accepted_on = wanted.accepted_on;

-- name: list_first_chunks
-- The first of the chosen chunks with the addresses of their messages: up to so many bytes ($4), but at least one.
select submission, number, content, addressing from (
    select c.submission, c.number, c.content, a.content as addressing, wanted.nth,
        sum(octet_length(c.content)) over (order by wanted.nth) as bytes
    from unnest($1::bigint[], $2::integer[], $3::date[]) with ordinality as wanted (submission, number, accepted_on, nth)
    join chunk as c
        on c.submission = wanted.submission and c.number = wanted.number and c.accepted_on = wanted.accepted_on
    join addressing as a
        on a.submission = wanted.submission and a.number = wanted.number and a.accepted_on = wanted.accepted_on
) as chosen where nth = 1 or bytes <= $4 order by nth;

-- name: keep_addressing
-- Who was addressed by the messages of some chunks.
insert into addressing (submission, number, accepted_on, content)
select t.submission, t.number, t.accepted_on, t.content
from unnest($1::bigint[], $2::integer[], $3::date[], $4::bytea[]) as t (submission, number, accepted_on, content);

-- name: forget_answers
-- Drops answers older than the time in which a signed call is accepted at all.
delete from signed_call where signed_at < $1;
