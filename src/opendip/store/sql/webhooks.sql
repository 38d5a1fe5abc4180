-- Webhooks: where a DIP id takes each publication, and its status messages.

-- name: set_webhook
-- Make a webhook, or change the one there is; one that is paused stays so.
insert into webhook (dip_id, channel, url, max_message_count, max_payload_bytes, max_message_rate, changed_at)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (dip_id, channel) do update
set url = excluded.url, max_message_count = excluded.max_message_count,
    max_payload_bytes = excluded.max_payload_bytes, max_message_rate = excluded.max_message_rate,
    changed_at = excluded.changed_at
returning paused_at

-- name: pause_webhook
-- Nothing goes to it from now on, until it is resumed ($3: when; null resumes).
update webhook set paused_at = case when $3::timestamptz is null then null else coalesce(paused_at, $3) end
where dip_id = $1 and channel = $2 returning channel

-- name: delete_webhook
-- Take a webhook away; what is queued for it waits.
delete from webhook where dip_id = $1 and channel = $2 returning channel

-- name: list_webhook_states
-- How deliveries to each webhook stand; also those that wait for one that is not there. $1, $2: of this recipient,
-- channel; the last answer since the day $3.
with hooks as (
    select * from webhook where ($1::text is null or dip_id = $1) and ($2::text is null or channel = $2)
), queues as (
    select q.dip_id, q.channel, array_agg(q.id) as ids, sum(q.tail - p.done)::bigint as waiting,
        min(p.stopped_at) as stopped_at,
        (array_agg(p.stopped_reason order by p.stopped_at) filter (where p.stopped_at is not null))[1] as stopped_reason,
        min(p.next_attempt_at) filter (where p.failures > 0 and p.next_attempt_at > now() and q.tail > p.done) as retry_at
    from queue as q join queue_progress as p on p.queue = q.id
    where ($1::text is null or q.dip_id = $1) and ($2::text is null or q.channel = $2)
    group by q.dip_id, q.channel
)
select dip_id, channel, h.url, h.max_message_count, h.max_payload_bytes, h.max_message_rate, h.paused_at,
    coalesce(b.state, 'closed') as breaker, case when b.state <> 'closed' then b.until end as breaker_until,
    coalesce(q.waiting, 0) as waiting, q.stopped_at, q.stopped_reason,
    q.retry_at, last.attempted_at as tried_at, last.status as answer_status, last.outcome as outcome
from hooks as h full join queues as q using (dip_id, channel) left join breaker as b using (dip_id, channel)
left join lateral (
    select tried.* from unnest(q.ids) as i (queue), lateral (
        select attempted_at, status, outcome from attempt as a where a.queue = i.queue and attempted_on >= $3::date
        order by from_position desc, attempted_at desc limit 1
    ) as tried
    order by tried.attempted_at desc limit 1
) as last on true
where h.url is not null or q.waiting > 0
order by dip_id, channel
