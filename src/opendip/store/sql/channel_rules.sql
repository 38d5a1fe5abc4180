-- What the operator sets for single channels; what is null is as the settings say.

-- name: lock_rules
-- One change at a time: what is to be is worked out from what there is.
lock table channel_rule in share row exclusive mode;

-- name: list_rules
-- What is set.
select channel, retry_base, retry_ceiling, dead_letter_after from channel_rule order by channel;

-- name: set_rule
-- Replace all that is set for a channel.
insert into channel_rule (channel, retry_base, retry_ceiling, dead_letter_after, changed_at) values ($1, $2, $3, $4, $5)
on conflict (channel) do update set retry_base = excluded.retry_base, retry_ceiling = excluded.retry_ceiling,
    dead_letter_after = excluded.dead_letter_after, changed_at = excluded.changed_at;

-- name: delete_rule
-- Nothing is set for this channel any more.
delete from channel_rule where channel = $1;
