-- Organisations: the companies DIP ids, certificates and API keys belong to.

-- name: ensure_organisation
-- Add an organisation unless it is there; answers its number.
with added as (
    insert into organisation (name) values ($1) on conflict (name) do nothing returning organisation_id
)
select organisation_id from added
union all
select organisation_id from organisation where name = $1
