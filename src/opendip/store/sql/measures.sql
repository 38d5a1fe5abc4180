-- name: list_table_sizes
-- The bytes of each table on disk, its indexes and all its partitions included.
select coalesce(parent.relname, t.relname)::text as name, sum(pg_total_relation_size(t.oid))::bigint as bytes
from pg_class as t
left join pg_inherits as i on i.inhrelid = t.oid
left join pg_class as parent on parent.oid = i.inhparent
where t.relkind = 'r' and t.relnamespace = current_schema()::regnamespace
group by 1;

-- name: list_acceptances
-- When each of these submissions was accepted.
select id, accepted_at from submission where id = any ($1::bigint[]);

-- name: get_log_position
-- How many bytes of write-ahead log there have been.
select (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint;

-- name: list_settings
-- The server's own word on its settings.
select name, current_setting(name) as value from unnest($1::text[]) as name;

-- name: count_unrouted
-- How many submissions wait to be routed.
select count(*) from intake;
