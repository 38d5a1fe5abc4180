-- What a recipient was sent on a channel, in the order of time. An entry of a replay is not looked at: what it holds
-- was sent before. A message is on its queues at most some days after it was accepted, so the days of its entries
-- follow from its own; the day before is for clocks that differ.

-- name: list_own_queues
-- The queues of a recipient on a channel, of all its roles (null) or of some.
select id from queue where dip_id = $1 and channel = $2 and ($3::text[] is null or role = any ($3)) order by id;

-- name: find_numbers
-- The first and the last number of the submissions of some days.
select min(id) as low, max(id) as high from submission where accepted_on between $1 and $2;

-- name: list_sent
-- The next entries of some queues, accepted in a range of times. At most so many ($8), and no more once they hold so
-- many messages ($9).
select queue, submission, accepted_on, members from (
    select sent.*,
        sum(message_count) over (order by submission, queue, last_position) - message_count as before
    from unnest($1::integer[]) as wanted (id) cross join lateral (
        select e.queue, e.submission, e.accepted_on, e.members, e.message_count, e.last_position
        from queue_entry as e
        join submission as s on s.id = e.submission and s.accepted_on = e.accepted_on
        where e.queue = wanted.id and e.replay is null and e.submission between $2 and $3
            and e.routed_on between $4::date - 1 and $5::date + 31
            and s.accepted_on between $4 and $5 and s.accepted_at >= $6 and s.accepted_at < $7
        order by e.submission limit $8
    ) as sent
) as counted
where before < $9 order by submission, queue, last_position limit $8;

-- name: count_sent
-- How many messages there are in a range of times, once for each queue.
select coalesce(sum(e.message_count), 0)::bigint
from queue_entry as e
join submission as s on s.id = e.submission and s.accepted_on = e.accepted_on
where e.queue = any ($1::integer[]) and e.replay is null and e.submission between $2 and $3
    and e.routed_on between $4::date - 1 and $5::date + 31
    and s.accepted_on between $4 and $5 and s.accepted_at >= $6 and s.accepted_at < $7;

-- name: list_sent_about
-- The next messages about a metering point, in a range of times, with the queues they were put on.
select e.queues, m.submission, m.accepted_on, m.index
from message as m
join submission as s on s.id = m.submission and s.accepted_on = m.accepted_on
cross join lateral (
    select array_agg(distinct queue) as queues from queue_entry
    where queue = any ($1::integer[]) and submission = m.submission and replay is null
        and routed_on between m.accepted_on - 1 and m.accepted_on + 31 and m.index = any (members)
) as e
where e.queues is not null and m.mpan = $2 and m.accepted_on between $3 and $4 and m.submission between $5 and $6
    and (m.submission, m.index) > ($7::bigint, $8::integer)
    and s.accepted_at >= $9 and s.accepted_at < $10 and s.channel = $11
    and ($12::text is null or m.event_code = $12)
order by m.submission, m.index limit $13;

-- name: count_sent_about
-- How many messages about a metering point there are in a range of times, once for each queue.
select count(*)
from message as m
join submission as s on s.id = m.submission and s.accepted_on = m.accepted_on
cross join lateral (
    select distinct queue from queue_entry
    where queue = any ($1::integer[]) and submission = m.submission and replay is null
        and routed_on between m.accepted_on - 1 and m.accepted_on + 31 and m.index = any (members)
) as e
where m.mpan = $2 and m.accepted_on between $3 and $4 and m.submission between $5 and $6
    and s.accepted_at >= $7 and s.accepted_at < $8 and s.channel = $9 and ($10::text is null or m.event_code = $10);

-- name: list_sent_of
-- Those of the chosen messages that were put on these queues; nothing older than the channel keeps ($5).
select e.queue, w.submission, w.accepted_on, w.index, s.accepted_at
from unnest($2::bigint[], $3::date[], $4::integer[]) as w (submission, accepted_on, index)
join submission as s on s.id = w.submission and s.accepted_on = w.accepted_on and s.accepted_at >= $5
cross join lateral (
    select distinct queue from queue_entry
    where queue = any ($1::integer[]) and submission = w.submission and replay is null
        and routed_on between w.accepted_on - 1 and w.accepted_on + 31 and w.index = any (members)
) as e
order by w.submission, w.index, e.queue;

-- name: list_of_event
-- Those of the chosen messages that are of an event code. Their submissions follow one another, so that their rows lie
-- together.
select w.submission, w.index
from unnest($1::bigint[], $2::integer[]) as w (submission, index)
join message as m on m.submission = w.submission and m.index = w.index
where m.accepted_on between $3 and $4 and m.submission between $5 and $6 and m.event_code = $7;

-- name: list_chunk_heads
-- The first bytes of chunks, which tell their size, and how many messages their submissions have.
select c.submission, c.number, substring(c.content from 1 for 18) as head, s.message_count
from unnest($1::bigint[], $2::integer[], $3::date[]) as wanted (submission, number, accepted_on)
join chunk as c on c.submission = wanted.submission and c.number = wanted.number and c.accepted_on = wanted.accepted_on
join submission as s on s.id = wanted.submission and s.accepted_on = wanted.accepted_on;
