-- Alarms: what an operator must look at. While one lasts it is one row, however often it is raised.

-- name: raise_alarm
-- Raise it, or say that it lasts; tells whether it is new.
insert into alarm (kind, subject, text, first_at, last_at) values ($1, $2, $3, $4, $4)
on conflict (kind, subject) where cleared_at is null
do update set text = excluded.text, raised = alarm.raised + 1, last_at = excluded.last_at
returning raised = 1

-- name: clear_alarms
-- What it was about is mended ($1 null: alarms of all kinds).
update alarm set cleared_at = $3 where cleared_at is null and ($1::text is null or kind = $1) and subject = $2

-- name: list_alarms
-- Those that last, or with $1 all of them; the latest first.
select id, kind, subject, text, raised, first_at, last_at, cleared_at from alarm
where $1 or cleared_at is null order by last_at desc, id desc limit $2

-- name: clear_numbered
-- Those with these ids that last.
update alarm set cleared_at = $2 where id = any ($1::bigint[]) and cleared_at is null returning id

-- name: remind_of_stopped_queues
-- A queue that has stopped is never tried, so its alarm would not come again by itself, once an operator has cleared it.
insert into alarm (kind, subject, text, first_at, last_at)
select distinct on (q.dip_id, q.channel) 'queue-stopped', q.dip_id || ' ' || q.channel,
    format('Deliveries of %s to %s have stopped: the webhook %s.', q.channel, q.dip_id, p.stopped_reason), $1::timestamptz, $1
from queue_progress as p join queue as q on q.id = p.queue where p.stopped_at is not null and q.tail > p.done
on conflict (kind, subject) where cleared_at is null do nothing;
