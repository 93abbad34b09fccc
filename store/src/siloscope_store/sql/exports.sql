-- What an export reads, page by page along the key, so that no statement is long and no snapshot is held.

-- name: channels
-- Channels with the spans of time that are wanted of them: all, or those in which they were at the place.
SELECT s.slug, s.time_zone, n.slug, d.slug, c.key, coalesce(c.title, ''), c.quantity, c.unit, c.position,
    g.group_id, g.retention_class, lower(wanted.during), upper(wanted.during)
FROM channel AS c
JOIN sample_group AS g ON g.group_id = c.group_id
JOIN device AS d ON d.device_id = c.device_id
JOIN node AS n ON n.node_id = d.node_id
JOIN site AS s ON s.site_id = n.site_id
CROSS JOIN LATERAL (
    SELECT tstzrange(%(begins)s, %(ends)s) AS during
    WHERE %(place_id)s::int4 IS NULL AND %(place)s::text IS NULL
    UNION ALL
    SELECT pl.during * tstzrange(%(begins)s, %(ends)s)
    FROM placement AS pl
    JOIN place AS p ON p.place_id = pl.place_id
    WHERE pl.org_id = %(org_id)s AND pl.node_id = n.node_id AND pl.device = d.slug AND pl.channel = c.key
        AND pl.during && tstzrange(%(begins)s, %(ends)s)
        AND (p.place_id = %(place_id)s OR p.slug = %(place)s)
) AS wanted
WHERE c.org_id = %(org_id)s
    AND (%(site_id)s::int4 IS NULL OR s.site_id = %(site_id)s)
    AND (%(device_id)s::int4 IS NULL OR d.device_id = %(device_id)s)
    AND (%(channel_id)s::int4 IS NULL OR c.channel_id = %(channel_id)s)
    AND (%(site)s::text IS NULL OR s.slug = %(site)s)
    AND (%(node)s::text IS NULL OR n.slug = %(node)s)
    AND (%(device)s::text IS NULL OR d.slug = %(device)s)
    AND (%(channel)s::text IS NULL OR c.key = %(channel)s)
ORDER BY g.group_id, c.position, lower(wanted.during)

-- name: gone
-- Sites and classes whose older samples have been let go; not where all that is asked of them was restored.
SELECT s.slug, h.retention_class, h.kept_from
FROM raw_horizon AS h
JOIN site AS s ON s.site_id = h.site_id
WHERE h.org_id = %(org_id)s AND h.kept_from > %(begins)s
    AND (s.slug, h.retention_class) IN (SELECT * FROM unnest(%(sites)s::text[], %(classes)s::text[]))
    AND NOT coalesce(tstzrange(%(begins)s, least(%(ends)s::timestamptz, h.kept_from)) <@ (
        SELECT range_agg(r.during) FROM raw_restored AS r
        WHERE r.site_id = h.site_id AND r.retention_class = h.retention_class), false)
ORDER BY s.slug, h.retention_class

-- name: gone_rollups
-- The same of a level of roll-ups, by what each run noted; of days it is noted for the whole organisation.
SELECT s.slug, l.retention_class, max(l.last_time) + %(bucket)s::interval
FROM retention_loss AS l
JOIN site AS s ON s.org_id = l.org_id AND s.site_id = coalesce(l.site_id, s.site_id)
WHERE l.org_id = %(org_id)s AND l.level = %(level)s AND l.first_time < %(ends)s
    AND l.last_time + %(bucket)s::interval > %(begins)s
    AND (s.slug, l.retention_class) IN (SELECT * FROM unnest(%(sites)s::text[], %(classes)s::text[]))
GROUP BY s.slug, l.retention_class
ORDER BY s.slug, l.retention_class

-- name: raw
SELECT "time", "values", quality
FROM {relation}
WHERE group_id = %(group_id)s AND "time" >= %(begins)s AND "time" < %(ends)s
ORDER BY "time" LIMIT %(limit)s

-- name: bucket
-- How it is shown, when it begins, and behind what the next page does.
SELECT bucket, bucket, bucket + INTERVAL '1 microsecond', counts, reasons, minimum, mean, maximum, last, first, increase
FROM {relation}
WHERE group_id = %(group_id)s AND bucket >= %(begins)s AND bucket < %(ends)s
ORDER BY bucket LIMIT %(limit)s

-- name: day
-- The local dates of the site that meet the span, each shown as its midnight in UTC. No zone is a whole day away from
-- UTC: that comparison is for the index.
SELECT day::timestamp AT TIME ZONE 'UTC', day_start(day, %(zone)s), day_start(day + 1, %(zone)s),
    counts, reasons, minimum, mean, maximum, last, first, increase
FROM {relation}
WHERE group_id = %(group_id)s
    AND day BETWEEN (%(begins)s::timestamptz AT TIME ZONE 'UTC')::date - 1 AND (%(ends)s::timestamptz AT TIME ZONE 'UTC')::date + 1
    AND day_start(day + 1, %(zone)s) > %(begins)s AND day_start(day, %(zone)s) < %(ends)s
ORDER BY day LIMIT %(limit)s

-- name: bucket_before
-- The last value that each counter had before a page: what the border between the two adds follows from it.
SELECT p.position, (
    SELECT x.last[p.position + 1] FROM {relation} AS x
    WHERE x.group_id = %(group_id)s AND x.bucket < %(begins)s AND x.last[p.position + 1] IS NOT NULL
    ORDER BY x.bucket DESC LIMIT 1
)
FROM unnest(%(positions)s::int4[]) AS p (position)

-- name: day_before
SELECT p.position, (
    SELECT x.last[p.position + 1] FROM {relation} AS x
    WHERE x.group_id = %(group_id)s AND x.day < (%(begins)s AT TIME ZONE 'UTC')::date AND x.last[p.position + 1] IS NOT NULL
    ORDER BY x.day DESC LIMIT 1
)
FROM unnest(%(positions)s::int4[]) AS p (position)
