-- Webhooks: where a DIP id takes each publication, and its status messages.

-- name: set_webhook
-- Make a webhook, or change the one there is.
insert into webhook (dip_id, channel, url, max_message_count, max_payload_bytes, changed_at)
values ($1, $2, $3, $4, $5, $6)
on conflict (dip_id, channel) do update
set url = excluded.url, max_message_count = excluded.max_message_count,
    max_payload_bytes = excluded.max_payload_bytes, changed_at = excluded.changed_at

-- name: delete_webhook
-- Take a webhook away; what is queued for it waits.
delete from webhook where dip_id = $1 and channel = $2 returning channel
