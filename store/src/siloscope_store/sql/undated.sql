-- Samples whose time was not believed, and what a person does about them.

-- name: summary
SELECT
    o.slug AS organisation, s.slug AS site, n.slug AS node, u.node_id, u.reason, count(*) AS samples,
    min(u.time_ms) AS first_ms, max(u.time_ms) AS last_ms, min(u.arrived_at) AS arrived_from, max(u.arrived_at) AS arrived_to,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY (extract(epoch FROM u.arrived_at) * 1000)::int8 - u.time_ms) AS median_behind_ms
FROM undated AS u
JOIN node AS n ON n.node_id = u.node_id
JOIN site AS s ON s.site_id = n.site_id
JOIN organisation AS o ON o.org_id = u.org_id
WHERE (%(org_id)s::int4 IS NULL OR u.org_id = %(org_id)s) AND (%(node_id)s::int4 IS NULL OR u.node_id = %(node_id)s)
GROUP BY o.slug, s.slug, n.slug, u.node_id, u.reason
ORDER BY o.slug, s.slug, n.slug, u.reason

-- name: node
SELECT n.node_id, n.org_id FROM node AS n
JOIN site AS s ON s.site_id = n.site_id
JOIN organisation AS o ON o.org_id = n.org_id
WHERE o.slug = %(organisation)s AND s.slug = %(site)s AND n.slug = %(node)s

-- name: slice
SELECT u.undated_id, u.group_id, g.retention_class, u.time_ms, u."values", u.quality,
    replace(u.epoch::text, '-', '') AS epoch, u.seq, u.arrived_at,
    u.time_ms - coalesce(u.pack_newest_ms, u.time_ms) AS behind_newest_ms
FROM undated AS u
JOIN sample_group AS g ON g.group_id = u.group_id
WHERE u.org_id = %(org_id)s AND u.node_id = %(node_id)s AND u.undated_id > %(after)s
    AND (%(reason)s::text IS NULL OR u.reason = %(reason)s)
    AND (%(arrived_from)s::timestamptz IS NULL OR u.arrived_at >= %(arrived_from)s)
    AND (%(arrived_to)s::timestamptz IS NULL OR u.arrived_at < %(arrived_to)s)
ORDER BY u.undated_id
LIMIT %(limit)s
FOR UPDATE OF u

-- name: new_weeks
-- How many weeks the times that a rule gives would open: nothing is stored of them yet.
WITH given AS (
    SELECT g.retention_class,
        CASE WHEN %(by_arrival)s THEN
            extract(epoch FROM u.arrived_at) * 1000 + u.time_ms - coalesce(u.pack_newest_ms, u.time_ms)::numeric
        ELSE u.time_ms + %(shift_ms)s::numeric END AS time_ms
    FROM undated AS u
    JOIN sample_group AS g ON g.group_id = u.group_id
    WHERE u.org_id = %(org_id)s AND u.node_id = %(node_id)s
        AND (%(reason)s::text IS NULL OR u.reason = %(reason)s)
        AND (%(arrived_from)s::timestamptz IS NULL OR u.arrived_at >= %(arrived_from)s)
        AND (%(arrived_to)s::timestamptz IS NULL OR u.arrived_at < %(arrived_to)s)
), weeks AS (
    SELECT retention_class, array_agg(DISTINCT to_timestamp(div(time_ms, %(span_ms)s)::int8 * %(span_ms)s / 1000)) AS times
    FROM given WHERE time_ms BETWEEN 0 AND %(latest_ms)s
    GROUP BY retention_class
)
SELECT coalesce(sum(missing.weeks), 0)::int8
FROM weeks
JOIN unnest(%(classes)s::text[], %(relations)s::text[]) AS stored (retention_class, relation) USING (retention_class)
CROSS JOIN LATERAL (SELECT count(*) AS weeks FROM missing_spans(stored.relation, weeks.times)) AS missing

-- name: remove
DELETE FROM undated WHERE undated_id = ANY (%(ids)s)
