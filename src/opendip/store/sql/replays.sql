-- What a recipient was sent on a channel, in the order of time. An entry of a replay is not looked at: what it holds
-- was sent before. A message is on its queues at most some days after it was accepted, so the days of its entries
-- follow from its own; the day before is for clocks that differ.

-- name: list_own_queues
-- The queues of a recipient on a channel, of all its roles (null) or of some.
select id from queue where dip_id = $1 and channel = $2 and ($3::text[] is null or role = any ($3)) order by id;

-- name: find_numbers
-- Numbers between which all submissions of a range of times lie. They are given out in the order of time but for how
-- long a call takes, and how far clocks differ or are set back: two hours are more than that.
select (
    select id from submission
    where accepted_on between $1::date - 1 and $1 and accepted_at < $3::timestamptz - interval '2 hours'
    order by accepted_at desc limit 1
) as before, (
    select id from submission
    where accepted_on between $2 and $2::date + 1 and accepted_at > $4::timestamptz + interval '2 hours'
    order by accepted_at limit 1
) as after;

-- name: find_next
-- The first submission of some days that has this number or a later one.
select id, accepted_on from submission where accepted_on between $1 and $2 and id >= $3 order by id limit 1;

-- name: find_last_number
-- The last number of the submissions of some days.
select max(id) from submission where accepted_on between $1 and $2;

-- name: list_sent
-- The next entries of some queues, in the order of their submissions, with the time of acceptance. At most so many
-- ($6), and no more once they hold so many messages ($7). What was accepted around midnight may have a number of the
-- day before or after.
select queue, submission, accepted_on, members, (
    select s.accepted_at from submission as s
    where s.id = counted.submission and s.accepted_on = counted.accepted_on
        and s.accepted_on between $4::date - 1 and $5::date + 1
) as accepted_at from (
    select sent.*,
        sum(message_count) over (order by submission, queue, last_position) - message_count as before
    from unnest($1::integer[]) as wanted (id) cross join lateral (
        select e.queue, e.submission, e.accepted_on, e.members, e.message_count, e.last_position
        from queue_entry as e
        where e.queue = wanted.id and e.replay is null and e.submission between $2 and $3
            and e.routed_on between $4::date - 2 and $5::date + 32 and e.accepted_on between $4::date - 1 and $5::date + 1
        order by e.submission limit $6
    ) as sent
    order by submission, queue, last_position limit $6
) as counted
where before < $7 order by submission, queue, last_position;

-- name: count_sent
-- How many messages there are in a range of times, once for each queue. Only of its first and its last day the times
-- have to be looked at.
select coalesce(sum(message_count), 0)::bigint from (
    select message_count from queue_entry
    where queue = any ($1::integer[]) and replay is null and submission between $6 and $7
        and accepted_on > $2 and accepted_on < $3
        and routed_on between $2::date - 1 and $3::date + 31
    union all
    select e.message_count from queue_entry as e
    join submission as s on s.id = e.submission and s.accepted_on = e.accepted_on
    where e.queue = any ($1::integer[]) and e.replay is null and e.submission between $6 and $7
        and e.accepted_on in ($2, $3) and s.accepted_on in ($2, $3)
        and e.routed_on between $2::date - 1 and $3::date + 31 and s.accepted_at >= $4 and s.accepted_at < $5
) as counted;

-- name: list_sent_about
-- The next messages about a metering point, in a range of times, with the queues they were put on.
select e.queues, m.submission, m.accepted_on, m.index, s.accepted_at
from message as m
join submission as s on s.id = m.submission and s.accepted_on = m.accepted_on
cross join lateral (
    select array_agg(distinct queue) as queues from queue_entry
    where queue = any ($1::integer[]) and submission = m.submission and replay is null
        and routed_on between m.accepted_on - 1 and m.accepted_on + 31 and m.index = any (members)
) as e
where e.queues is not null and m.mpan = $2 and m.accepted_on between $3 and $4 and s.accepted_on between $3 and $4
    and s.accepted_at >= $5 and s.accepted_at < $6 and (m.submission, m.index) > ($7::bigint, $8::integer)
    and s.channel = $9 and ($10::text is null or m.event_code = $10)
order by m.submission, m.index limit $11;

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
where m.mpan = $2 and m.accepted_on between $3 and $4 and s.accepted_on between $3 and $4
    and s.accepted_at >= $5 and s.accepted_at < $6 and s.channel = $7 and ($8::text is null or m.event_code = $8);

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

-- name: list_waiting
-- Which of these queues have had to deliver what of these submissions since then ($5), wholly.
select distinct e.queue, e.submission
from queue_entry as e join queue_progress as p on p.queue = e.queue
where e.queue = any ($1::integer[]) and e.submission = any ($2::bigint[]) and e.replay is null
    and e.routed_on between $3::date - 1 and $4::date + 31 and e.last_position - e.message_count >= p.done
    and e.queued_at < $5;

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
