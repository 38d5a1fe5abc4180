-- The whole market at one moment, as the processes hold it; and the number that tells whether theirs is old.

-- name: find_version
-- How many times the market has changed.
select version from market_version

-- name: list_participants
-- Every DIP id with its organisation.
select p.dip_id, o.name as organisation, p.mpid
from participant p join organisation o using (organisation_id)

-- name: list_roles
-- Every role of every DIP id, with its days.
select dip_id, role, starts_on, ends_on from participant_role order by dip_id, role

-- name: list_nominations
-- Every nomination of a connection provider.
select provider_dip_id, for_dip_id, role, starts_on, ends_on from nomination
order by provider_dip_id, for_dip_id, starts_on

-- name: list_api_keys
-- The keys that are good, by their digest.
select key_sha256, dip_id from api_key where revoked_at is null

-- name: list_certificates
-- Every certificate the DIP has issued or accepted, revoked ones too.
select c.fingerprint, c.purpose, o.name as organisation, c.not_after, c.revoked_at is not null as is_revoked
from certificate c join organisation o using (organisation_id)

-- name: list_webhooks
-- Every webhook, status webhooks too.
select dip_id, channel, url, max_message_count, max_payload_bytes, max_message_rate, paused_at from webhook

-- name: list_channel_rules
-- What is set for single channels.
select channel, retry_base, retry_ceiling, dead_letter_after from channel_rule
