-- Spans far from now are opened one by one; how many a day is counted here, under one lock for all workers.

-- name: lock
SELECT pg_advisory_xact_lock(hashtextextended('siloscope far spans', 0))

-- name: open_ones
-- A chunk is made by the first write to it, so that a grant may be older than its chunk.
SELECT w.relation, w.span
FROM unnest(%(relations)s::text[], %(spans)s::int8[], %(starts)s::timestamptz[]) AS w (relation, span, start)
WHERE NOT EXISTS (SELECT FROM missing_spans(w.relation, ARRAY[w.start]))
    OR EXISTS (
        SELECT FROM span_grant AS g
        WHERE g.relation = w.relation AND g.span_start = w.start AND g.granted_at > now() - INTERVAL '1 day')

-- name: granted
SELECT count(*) FILTER (WHERE walk), count(*) FILTER (WHERE NOT walk)
FROM span_grant WHERE granted_at > now() - INTERVAL '1 day'

-- name: grant
INSERT INTO span_grant AS g (relation, span_start, node_id, walk)
SELECT * FROM unnest(%(relations)s::text[], %(starts)s::timestamptz[], %(node_ids)s::int4[], %(walks)s::bool[])
ON CONFLICT (relation, span_start) DO UPDATE
SET node_id = excluded.node_id, walk = excluded.walk, granted_at = excluded.granted_at
