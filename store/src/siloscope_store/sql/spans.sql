-- Spans far from now are opened one by one; how many a day is counted here, under one lock for all workers.

-- name: lock
SELECT pg_advisory_xact_lock(hashtextextended('siloscope far spans', 0))

-- name: is_open
-- A chunk is made by the first write to it, so that a grant may be older than its chunk.
SELECT NOT EXISTS (SELECT FROM missing_spans(%(relation)s, ARRAY[%(start)s::timestamptz]))
    OR EXISTS (
        SELECT FROM span_grant
        WHERE relation = %(relation)s AND span_start = %(start)s AND granted_at > now() - INTERVAL '1 day')

-- name: grant
INSERT INTO span_grant AS g (relation, span_start, node_id, walk)
SELECT %(relation)s, %(start)s, %(node_id)s, %(walk)s
WHERE (SELECT count(*) FROM span_grant WHERE walk = %(walk)s AND granted_at > now() - INTERVAL '1 day') < %(most)s
ON CONFLICT (relation, span_start) DO UPDATE
SET node_id = excluded.node_id, walk = excluded.walk, granted_at = excluded.granted_at
