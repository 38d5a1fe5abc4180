-- name: list_addressings
-- Who was addressed by the messages of chosen chunks. Each is looked for by itself, in its own day's partition; the
-- first and the last day ($4, $5) keep those of other days out of the plan.
select wanted.submission, wanted.number, s.channel, a.content
from unnest($1::bigint[], $2::integer[], $3::date[]) as wanted (submission, number, accepted_on)
cross join lateral (
    select channel from submission
    where id = wanted.submission and accepted_on = wanted.accepted_on and accepted_on between $4 and $5 limit 1
) as s
cross join lateral (
    select content from addressing
    where submission = wanted.submission and number = wanted.number
        and accepted_on = wanted.accepted_on and accepted_on between $4 and $5 limit 1
) as a;
