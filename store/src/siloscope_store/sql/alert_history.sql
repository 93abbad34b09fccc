-- Stored samples of some groups, read again for windows, gaps and backtests.

-- name: between
-- Each group within its own bounds; the outer ones let the planner leave out whole chunks.
SELECT u.group_id, (extract(epoch FROM s."time") * 1000)::int8, array_send(s."values"), array_send(s.quality)
FROM unnest(%(group_ids)s::int4[], %(begins)s::timestamptz[], %(ends)s::timestamptz[]) AS u (group_id, begins, ends)
CROSS JOIN LATERAL (
    SELECT s."time", s."values", s.quality FROM sample AS s
    WHERE s.group_id = u.group_id AND s."time" >= u.begins AND s."time" < u.ends
        AND s."time" >= %(earliest)s AND s."time" < %(latest)s
    UNION ALL
    SELECT v."time", v."values", v.quality FROM sample_vitals AS v
    WHERE v.group_id = u.group_id AND v."time" >= u.begins AND v."time" < u.ends
        AND v."time" >= %(earliest)s AND v."time" < %(latest)s
) AS s
ORDER BY u.group_id, s."time"

-- name: committed
-- The same, but those alone that a snapshot did not see yet.
SELECT u.group_id, (extract(epoch FROM s."time") * 1000)::int8, array_send(s."values"), array_send(s.quality)
FROM unnest(%(group_ids)s::int4[], %(begins)s::timestamptz[], %(ends)s::timestamptz[]) AS u (group_id, begins, ends)
CROSS JOIN LATERAL (
    SELECT s."time", s."values", s.quality FROM sample AS s
    WHERE s.group_id = u.group_id AND s."time" >= u.begins AND s."time" < u.ends
        AND s."time" >= %(earliest)s AND s."time" < %(latest)s
        AND committed_since(s.xmin, %(horizon)s::pg_snapshot)
    UNION ALL
    SELECT v."time", v."values", v.quality FROM sample_vitals AS v
    WHERE v.group_id = u.group_id AND v."time" >= u.begins AND v."time" < u.ends
        AND v."time" >= %(earliest)s AND v."time" < %(latest)s
        AND committed_since(v.xmin, %(horizon)s::pg_snapshot)
) AS s
ORDER BY u.group_id, s."time"
