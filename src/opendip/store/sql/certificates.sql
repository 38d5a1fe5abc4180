-- Certificates the DIP has issued: whose, for what, until when, and whether they were revoked.

-- name: add_certificate
-- A certificate issued to a DIP id; it is its organisation's.
insert into certificate (fingerprint, purpose, organisation_id, dip_id, pem, not_before, not_after, created_at)
select $1, $2, organisation_id, dip_id, $4, $5, $6, $7 from participant where dip_id = $3

-- name: list_issued
-- Certificates by fingerprint, or by DIP id and purpose; newest first.
select fingerprint, purpose, dip_id, pem, not_after, revoked_at
from certificate
where ($1::text is null or fingerprint = $1)
  and ($2::text is null or dip_id = $2)
  and ($3::text is null or purpose = $3)
order by created_at desc, fingerprint

-- name: list_equipped
-- The DIP ids that have a certificate of each purpose in force, and those with an API key in force.
select dip_id, purpose from certificate where revoked_at is null and not_after > $1
union
select dip_id, 'api-key' from api_key where revoked_at is null

-- name: revoke_certificates
-- Revoke certificates; those revoked already keep their date.
update certificate set revoked_at = $2 where fingerprint = any ($1::text[]) and revoked_at is null
