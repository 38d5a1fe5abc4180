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
