-- API keys, of which only the digest is kept.

-- name: add_api_key
-- A key given to a DIP id.
insert into api_key (key_sha256, dip_id, created_at) values ($1, $2, $3)

-- name: revoke_api_keys
-- Make every key of a DIP id useless from now on.
update api_key set revoked_at = $2 where dip_id = $1 and revoked_at is null returning key_sha256
