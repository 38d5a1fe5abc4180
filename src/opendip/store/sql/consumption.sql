-- Consumption replay: who was responsible for a metering point, and which messages about it are kept.

-- name: list_responsibilities
-- All rows of the address book for one metering point and role.
select dip_id, starts_on, ends_on from address where mpan = $1 and role = $2;

-- name: list_records
-- The messages about a metering point accepted from a day on, in the order in which they came, after one of them:
-- those of channel $5 that some participants sent, and all of channel $7.
select m.submission, m.index, m.accepted_on, s.channel
from message as m join submission as s on s.id = m.submission and s.accepted_on = m.accepted_on
where m.mpan = $1 and m.accepted_on >= $2 and m.submission >= $3 and (m.submission, m.index) > ($3, $4)
    and (s.channel = $5 and m.sender_dip_id = any ($6::text[]) or s.channel = $7)
order by m.submission, m.index limit $8;
