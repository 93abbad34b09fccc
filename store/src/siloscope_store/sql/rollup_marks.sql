-- Marks of samples that came after their bucket had closed. {incoming} is the temporary table that they came through.

-- name: mark_incoming
-- In the transaction that wrote the samples, and after it did: then it has its number, and this statement's snapshot is
-- younger than that. Whoever closes a bucket waits for every transaction with an older number.
INSERT INTO rollup_touched (group_id, bucket)
SELECT DISTINCT came.group_id, date_bin(INTERVAL '1 hour', came."time", TIMESTAMPTZ '1970-01-01 00:00:00+00')
FROM {incoming} AS came
WHERE came."time" < (SELECT closed_to FROM rollup_horizon)

-- name: mark
SELECT touch_rollups(%(group_ids)s::int4[], %(times)s::timestamptz[])

-- name: mark_between
SELECT touch_rollups_between(%(group_ids)s::int4[], %(begins)s, %(ends)s)
