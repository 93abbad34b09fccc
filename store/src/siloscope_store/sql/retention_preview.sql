-- What would go of one organisation, by site. {relation} is a table of samples or roll-ups, {time} its column of time;
-- widths are those of a few rows of each group.

-- name: sites
SELECT s.site_id, s.org_id, o.slug, s.slug, s.time_zone, s.name
FROM site AS s JOIN organisation AS o ON o.org_id = s.org_id WHERE s.org_id = %(org_id)s ORDER BY s.slug

-- name: days_going
-- Raw samples of [begins, ends) by site and local date. What stands between `counted_from` and the last midnight, roll-ups
-- have counted; the rest, such as the rows of a date that the span ends in, what was put back, and groups of which a
-- roll-up is to be made again, is counted here.
WITH of_org AS MATERIALIZED (
    SELECT g.group_id, s.site_id, s.time_zone,
        least(%(ends)s::timestamptz, greatest(
            day_start((%(begins)s::timestamptz AT TIME ZONE s.time_zone)::date + 1, s.time_zone),
            day_start(%(counted_from)s::date, s.time_zone), h.kept_from)) AS first_whole,
        coalesce((SELECT p.done_to >= %(ends)s::timestamptz FROM rollup_progress AS p
            WHERE p.level = 'day' AND p.zone = s.time_zone), false)
            AND NOT EXISTS (SELECT FROM rollup_rebuild AS b WHERE b.site_id = s.site_id)
            AND g.group_id NOT IN (SELECT t.group_id FROM rollup_touched AS t WHERE t.bucket < %(ends)s::timestamptz) AS counted,
        day_start((%(ends)s::timestamptz AT TIME ZONE s.time_zone)::date, s.time_zone) AS last_midnight
    FROM sample_group AS g
    JOIN device AS d ON d.device_id = g.device_id
    JOIN node AS n ON n.node_id = d.node_id
    JOIN site AS s ON s.site_id = n.site_id
    LEFT JOIN raw_horizon AS h ON h.site_id = s.site_id AND h.retention_class = g.retention_class
    WHERE g.org_id = %(org_id)s AND g.retention_class = %(retention_class)s
), bounds AS MATERIALIZED (
    SELECT o.group_id, o.site_id, o.time_zone, coalesce(w.width, 0) AS width,
        CASE WHEN o.counted THEN o.first_whole ELSE %(ends)s::timestamptz END AS first_whole,
        CASE WHEN o.counted THEN greatest(o.first_whole, o.last_midnight) ELSE %(ends)s::timestamptz END AS end_whole
    FROM of_org AS o
    CROSS JOIN LATERAL (
        SELECT avg(pg_column_size(few.*)) AS width
        FROM (
            SELECT * FROM {relation} AS r
            WHERE r.group_id = o.group_id AND r.{time} >= %(begins)s::timestamptz AND r.{time} < %(ends)s::timestamptz
            ORDER BY r.{time} LIMIT 20  -- in order, so that the index is used also for a group that has none
        ) AS few
    ) AS w
), by_group AS (
    SELECT b.site_id, r.day, r.samples::int8 AS rows, b.width
    FROM bounds AS b
    JOIN rollup_day AS r ON r.group_id = b.group_id
        AND r.day >= (b.first_whole AT TIME ZONE b.time_zone)::date AND r.day < (b.end_whole AT TIME ZONE b.time_zone)::date
    UNION ALL
    SELECT b.site_id, x.day, x.rows, b.width
    FROM bounds AS b
    CROSS JOIN LATERAL (
        VALUES (%(begins)s::timestamptz, b.first_whole), (b.end_whole, %(ends)s::timestamptz)
    ) AS part (begins, ends)
    CROSS JOIN LATERAL (
        SELECT (r.{time} AT TIME ZONE b.time_zone)::date AS day, count(*) AS rows
        FROM {relation} AS r
        WHERE r.group_id = b.group_id AND r.{time} >= part.begins AND r.{time} < part.ends GROUP BY 1
    ) AS x
), by_day AS MATERIALIZED (
    SELECT site_id, day, sum(rows)::int8 AS rows, sum(rows * width)::int8 AS size_bytes
    FROM by_group GROUP BY site_id, day
)
SELECT g.site_id, g.day, g.rows, g.size_bytes, coalesce(
    f.final AND lower(f.during) <= day_start(g.day, s.time_zone) AND upper(f.during) >= day_start(g.day + 1, s.time_zone)
    AND NOT EXISTS (
        SELECT FROM archive_due AS a
        WHERE a.site_id = g.site_id AND a.retention_class = %(retention_class)s AND a.day = g.day), false)
FROM by_day AS g
JOIN site AS s ON s.site_id = g.site_id
LEFT JOIN archive_file AS f
    ON f.site_id = g.site_id AND f.retention_class = %(retention_class)s AND f.day = g.day
ORDER BY g.site_id, g.day

-- name: rows_going
-- Roll-ups of five minutes or hours in [begins, ends), by site.
SELECT n.site_id, (min(x.first) AT TIME ZONE min(s.time_zone))::date, (max(x.last) AT TIME ZONE min(s.time_zone))::date,
    sum(x.rows)::int8, sum(x.rows * w.width)::int8
FROM sample_group AS g
JOIN device AS d ON d.device_id = g.device_id
JOIN node AS n ON n.node_id = d.node_id
JOIN site AS s ON s.site_id = n.site_id
CROSS JOIN LATERAL (
    SELECT count(*) AS rows, min(r.{time}) AS first, max(r.{time}) AS last
    FROM {relation} AS r WHERE r.group_id = g.group_id AND r.{time} >= %(begins)s::timestamptz AND r.{time} < %(ends)s
) AS x
CROSS JOIN LATERAL (
    SELECT avg(pg_column_size(few.*)) AS width
    FROM (
        SELECT * FROM {relation} AS r
        WHERE r.group_id = g.group_id AND r.{time} >= %(begins)s::timestamptz AND r.{time} < %(ends)s::timestamptz
        ORDER BY r.{time} LIMIT 20
    ) AS few
) AS w
WHERE g.org_id = %(org_id)s AND g.retention_class = %(retention_class)s AND x.rows > 0
GROUP BY n.site_id ORDER BY n.site_id

-- name: local_days_going
-- Roll-ups of local days before an instant, by site: as old_days has them.
SELECT n.site_id, min(r.day), max(r.day), count(*), sum(pg_column_size(r.*))::int8
FROM rollup_day AS r
JOIN sample_group AS g ON g.group_id = r.group_id
JOIN device AS d ON d.device_id = g.device_id
JOIN node AS n ON n.node_id = d.node_id
WHERE g.org_id = %(org_id)s AND g.retention_class = %(retention_class)s AND r.day < %(before)s::timestamptz::date
GROUP BY n.site_id ORDER BY n.site_id
