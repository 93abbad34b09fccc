-- The mirror: how far it is, and what it sends. Samples older than settled_to are either visible or will be marked.

-- name: settled_to
SELECT settled_to FROM rollup_horizon

-- name: position
SELECT done_to, pass_to, after_group, after_time FROM mirror_position

-- name: begin
INSERT INTO mirror_position (done_to) VALUES (%(done_to)s) ON CONFLICT DO NOTHING

-- name: open_pass
UPDATE mirror_position SET pass_to = %(pass_to)s, after_group = 0, after_time = NULL, updated_at = now()

-- name: advance
UPDATE mirror_position SET after_group = %(after_group)s, after_time = %(after_time)s, updated_at = now()

-- name: close_pass
UPDATE mirror_position SET done_to = pass_to, pass_to = NULL, after_group = 0, after_time = NULL, updated_at = now()

-- name: samples
-- A page of a pass, by group and time. The outer order is the key's, so that reading stops at the limit.
SELECT g.group_id, s."time", s."values", s.quality
FROM (
    SELECT group_id, retention_class FROM sample_group WHERE group_id >= %(after_group)s ORDER BY group_id
) AS g
CROSS JOIN LATERAL (
    SELECT x."time", x."values", x.quality FROM sample AS x
    WHERE g.retention_class = 'measurements' AND x.group_id = g.group_id
        AND x."time" >= %(begins)s AND x."time" < %(ends)s
        AND (g.group_id > %(after_group)s OR %(after_time)s::timestamptz IS NULL OR x."time" > %(after_time)s)
    UNION ALL
    SELECT x."time", x."values", x.quality FROM sample_vitals AS x
    WHERE g.retention_class = 'vitals' AND x.group_id = g.group_id
        AND x."time" >= %(begins)s AND x."time" < %(ends)s
        AND (g.group_id > %(after_group)s OR %(after_time)s::timestamptz IS NULL OR x."time" > %(after_time)s)
) AS s
ORDER BY g.group_id, s."time" LIMIT %(limit)s

-- name: marks
SELECT array_agg(mark_id), group_id, bucket
FROM (SELECT mark_id, group_id, bucket FROM mirror_touched ORDER BY mark_id LIMIT 20000) AS oldest
GROUP BY group_id, bucket ORDER BY group_id, bucket LIMIT %(limit)s

-- name: hour
SELECT x.group_id, x."time", x."values", x.quality FROM sample AS x
WHERE x.group_id = %(group_id)s AND x."time" >= %(begins)s AND x."time" < %(begins)s + INTERVAL '1 hour'
    AND (%(after_time)s::timestamptz IS NULL OR x."time" > %(after_time)s)
UNION ALL
SELECT x.group_id, x."time", x."values", x.quality FROM sample_vitals AS x
WHERE x.group_id = %(group_id)s AND x."time" >= %(begins)s AND x."time" < %(begins)s + INTERVAL '1 hour'
    AND (%(after_time)s::timestamptz IS NULL OR x."time" > %(after_time)s)
ORDER BY 2 LIMIT %(limit)s

-- name: drop_marks
DELETE FROM mirror_touched WHERE mark_id = ANY (%(mark_ids)s)

-- name: count_marks
SELECT count(*) FROM (SELECT FROM mirror_touched LIMIT 1000000) AS m

-- name: channels
SELECT c.group_id, c.position, c.org_id, o.slug, s.slug, n.slug, d.slug, c.key, c.quantity, c.unit
FROM channel AS c
JOIN device AS d ON d.device_id = c.device_id
JOIN node AS n ON n.node_id = d.node_id
JOIN site AS s ON s.site_id = n.site_id
JOIN organisation AS o ON o.org_id = c.org_id
WHERE c.group_id = ANY (%(group_ids)s)
ORDER BY c.group_id, c.position

-- name: set_aside
INSERT INTO mirror_refused (org_id, line, reason, line_sha256)
VALUES (%(org_id)s, %(line)s, %(reason)s, sha256(convert_to(%(line)s, 'UTF8')))
ON CONFLICT (line_sha256) DO UPDATE SET reason = excluded.reason, at = now()

-- name: refused
SELECT refused_id, org_id, line FROM mirror_refused WHERE refused_id > %(after)s ORDER BY refused_id LIMIT %(limit)s

-- name: drop_refused
DELETE FROM mirror_refused WHERE refused_id = ANY (%(refused_ids)s)

-- name: count_refused
SELECT count(*) FROM (SELECT FROM mirror_refused LIMIT %(most)s) AS r
