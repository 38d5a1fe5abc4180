-- The status messages of a recipient in the order of time. Those that stand on the queue once more are passed over: a
-- row of theirs is there from the first time.

-- name: find_status_queue
-- The queue of a recipient's status messages, if it has ever had one.
select id from queue where dip_id = $1 and role = '' and channel = $2;

-- name: list_statuses
-- The next ones of a time, at most so many.
select last_position, entry from status_message
where queue = $1 and last_position > $2 and created_on between $3 and $4
    and queued_at >= $5 and queued_at < $6 and not is_again
order by last_position limit $7;

-- name: count_statuses
-- How many there are of a time.
select count(*) from status_message
where queue = $1 and created_on between $2 and $3 and queued_at >= $4 and queued_at < $5 and not is_again;
