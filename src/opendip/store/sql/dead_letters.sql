-- Dead letters: messages that did not arrive, and status messages likewise.

-- name: keep_dead_letters
-- Messages that were refused or grew too old, all of one queue.
insert into dead_letter
    (queue, position, submission, message_index, accepted_on, kind, owner, code, text, replay, created_at)
select $1, t.position, t.submission, t.message_index, t.accepted_on, $2, $3, t.code, t.text, t.replay, $4
from unnest($5::bigint[], $6::bigint[], $7::integer[], $8::date[], $9::text[], $10::text[], $11::bigint[])
    as t (position, submission, message_index, accepted_on, code, text, replay)
on conflict do nothing;
