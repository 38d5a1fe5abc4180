-- name: try_lock
-- The lock of the active clock, held until the connection closes.
select pg_try_advisory_lock($1);

-- name: ensure_partitions
-- Makes the partitions of some days.
select ensure_partitions($1, $2);
