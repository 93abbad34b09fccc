-- Marks of late samples: added by whoever stores them, taken by the evaluator in the transaction that keeps what follows.

-- name: marks
SELECT ctid::text, group_id, bucket, arrived_at FROM alert_late_mark LIMIT %(most)s

-- name: of_groups
SELECT group_id, bucket, max(arrived_at) FROM alert_late_mark WHERE group_id = ANY (%(group_ids)s) GROUP BY group_id, bucket

-- name: take
-- By place and content: what was added meanwhile has another place, and is left.
DELETE FROM alert_late_mark AS m
USING unnest(%(places)s::tid[], %(group_ids)s::int4[], %(buckets)s::timestamptz[], %(arrived_ats)s::timestamptz[])
    AS u (place, group_id, bucket, arrived_at)
WHERE m.ctid = u.place AND m.group_id = u.group_id AND m.bucket = u.bucket AND m.arrived_at = u.arrived_at
