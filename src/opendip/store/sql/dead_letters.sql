-- Dead letters: messages that did not arrive, and status messages likewise.

-- name: keep_dead_letters
-- Messages that were refused or grew too old, all of one queue.
insert into dead_letter
    (queue, position, submission, message_index, accepted_on, kind, owner, code, text, created_at)
select $1, t.position, t.submission, t.message_index, t.accepted_on, $7, $8, t.code, t.text, $9
from unnest($2::bigint[], $3::bigint[], $4::integer[], $5::date[], $6::text[], $10::text[])
    as t (position, submission, message_index, accepted_on, code, text)
on conflict do nothing
