-- What was committed since an evaluator looked last: groups whose newest values changed, late marks, who was heard of.

-- name: begin
-- All statements of one look see the same rows, and the cursor is what they see.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY

-- name: cursor
SELECT pg_current_snapshot()::text, clock_timestamp(), coalesce((SELECT generation::text FROM store_identity), '')

-- name: groups
-- Arrays as they are sent in binary: taking them apart here costs ten times as much as there, where they become columns.
-- Where all times are one, which nearly always is so, that one time is sent.
SELECT l.group_id,
    CASE WHEN l.times[1] IS NOT NULL AND l.times[1] = ALL (l.times) THEN timestamptz_send(l.times[1])
        ELSE array_send(l.times) END,
    array_send(l."values"), array_send(l.quality),
    (extract(epoch FROM l.updated_at) * 1000)::int8, l.changes
FROM latest AS l
WHERE (
    %(cursor)s::text IS NULL
    OR %(generation)s::text <> coalesce((SELECT generation::text FROM store_identity), '')
    OR l.changed_by >= pg_snapshot_xmin(%(cursor)s::pg_snapshot)
        -- A restored dump may hold numbers of transactions that this server has not reached.
        AND l.changed_by < pg_snapshot_xmax(pg_current_snapshot())
        AND NOT pg_visible_in_snapshot(l.changed_by, %(cursor)s::pg_snapshot))

-- name: nodes
-- Who was heard of, and what each says it still holds.
SELECT n.node_id, n.org_id, n.site_id, greatest(n.last_pack_at, n.last_heartbeat_at),
    coalesce(bool_or(NOT e.accounted @> int8range(e.declared_oldest, e.declared_next)), false)
FROM node AS n
LEFT JOIN node_epoch AS e ON e.node_id = n.node_id AND e.declared_oldest < e.declared_next
    AND e.last_seen_at > n.last_pack_at - INTERVAL '1 day'
GROUP BY n.node_id
ORDER BY n.node_id

-- name: maintenance
SELECT silence_id, org_id, selector, begins, ends, repeats, ended_at FROM alert_silence
WHERE kind = 'maintenance' AND coalesce(ended_at, 'infinity') > begins
    AND (ends > %(since)s OR repeats <> 'never') AND (ended_at IS NULL OR ended_at > %(since)s)
ORDER BY silence_id

-- name: platform
-- What nodes and platform say of themselves: (metric, node or NULL, value).
SELECT 'quarantine_per_hour', NULL::int4, count(*)::float8 FROM quarantine
WHERE received_at > clock_timestamp() - INTERVAL '1 hour'
UNION ALL
SELECT 'clock_offset_s', node_id, max(abs(offset_s)) FROM node_clock_event WHERE until IS NULL GROUP BY node_id
UNION ALL
SELECT metric, e.node_id, extract(epoch FROM clock_timestamp() - min(e.declared_from))::float8
FROM node_epoch AS e CROSS JOIN (VALUES ('spool_oldest_s'), ('watermark_lag_s')) AS m (metric)
WHERE e.declared_from IS NOT NULL AND e.declared_oldest < e.declared_next
    AND (m.metric = 'spool_oldest_s' OR NOT e.accounted @> int8range(e.declared_oldest, e.declared_next))
GROUP BY metric, e.node_id
UNION ALL
SELECT 'spool_share', d.node_id, max(l."values"[c.position + 1])
FROM channel AS c JOIN device AS d ON d.device_id = c.device_id JOIN latest AS l ON l.group_id = c.group_id
WHERE c.key = 'spool_share' AND c.retired_at IS NULL
GROUP BY d.node_id
