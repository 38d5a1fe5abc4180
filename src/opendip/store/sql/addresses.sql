-- The address book: who is responsible for a metering point, in a role, on a day.

-- name: find_responsible
-- Whoever is responsible for each metering point on its day, in each of the roles: the latest row that covers the day.
select wanted.mpan, wanted.day, found.role, found.dip_id
from unnest($1::bigint[], $2::date[]) as wanted (mpan, day)
cross join lateral (
    select distinct on (a.role) a.role, a.dip_id
    from address a
    where a.mpan = wanted.mpan
      and a.role = any ($3::text[])
      and a.starts_on <= wanted.day
      and (a.ends_on is null or wanted.day < a.ends_on)
    order by a.role, a.starts_on desc
) as found

-- name: create_loading_table
-- Where rows arrive before they are merged; it goes when the transaction ends.
create temporary table address_loading (
    line bigint, mpan bigint, role text, dip_id text, starts_on date, ends_on date
) on commit drop

-- name: merge_loaded
-- Add and change addresses; of rows with the same key the later line counts. Answers how many of each.
with latest as (
    select distinct on (mpan, role, starts_on) mpan, role, starts_on, ends_on, dip_id
    from address_loading
    order by mpan, role, starts_on, line desc
), merged as (
    insert into address as a (mpan, role, starts_on, ends_on, dip_id)
    select mpan, role, starts_on, ends_on, dip_id from latest
    on conflict (mpan, role, starts_on) do update
    set ends_on = excluded.ends_on, dip_id = excluded.dip_id
    where (a.ends_on, a.dip_id) is distinct from (excluded.ends_on, excluded.dip_id)
    returning a.xmax = 0 as is_new
)
select (select count(*) from latest) as given,
       count(*) filter (where is_new) as added,
       count(*) filter (where not is_new) as changed
from merged

-- name: drop_loading_table
-- Make room for the next file of the same transaction.
drop table address_loading
