-- Participants (DIP ids), the roles they hold, and the connection providers they have nominated.

-- name: add_participant
-- A new DIP id of an organisation.
insert into participant (dip_id, organisation_id, mpid) values ($1, $2, $3)

-- name: set_mpid
-- Give a participant another market participant id, or none.
update participant set mpid = $2 where dip_id = $1

-- name: set_role
-- Let a participant hold a role on these days.
insert into participant_role (dip_id, role, starts_on, ends_on) values ($1, $2, $3, $4)
on conflict (dip_id, role) do update set starts_on = excluded.starts_on, ends_on = excluded.ends_on

-- name: remove_role
-- Take a role from a participant, as if it had never held it.
delete from participant_role where dip_id = $1 and role = $2

-- name: set_nomination
-- Let a connection provider act for a participant, in one role or (null) all of them, on these days.
insert into nomination (provider_dip_id, for_dip_id, role, starts_on, ends_on) values ($1, $2, $3, $4, $5)
on conflict (provider_dip_id, for_dip_id, role, starts_on) do update set ends_on = excluded.ends_on

-- name: remove_nomination
-- End a nomination as if it had never been.
delete from nomination
where provider_dip_id = $1 and for_dip_id = $2 and role is not distinct from $3 and starts_on = $4
