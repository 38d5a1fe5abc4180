-- name: try_lock
-- The lock of the active clock, held until the connection closes.
select pg_try_advisory_lock($1);

-- name: ensure_partitions
-- Makes the partitions of some days; those of references begin at another.
select ensure_partitions($1, $3) + ensure_reference_partitions($2, $3);
