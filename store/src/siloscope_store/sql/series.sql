-- name: channel
SELECT c.group_id, c.position, c.quantity, c.unit, g.retention_class, g.interval_s, s.time_zone, m.since,
    (SELECT done_to FROM rollup_progress WHERE level = 'm5'),
    (SELECT done_to FROM rollup_progress WHERE level = 'hour'),
    (SELECT done_to FROM rollup_progress WHERE level = 'day' AND zone = s.time_zone),
    (SELECT (done_to AT TIME ZONE zone)::date FROM rollup_progress WHERE level = 'day' AND zone = s.time_zone),
    (%(begins)s::timestamptz AT TIME ZONE s.time_zone)::date,
    ((%(ends)s::timestamptz - INTERVAL '1 microsecond') AT TIME ZONE s.time_zone)::date,
    coalesce(h.kept_from > %(begins)s, false) AND NOT raw_is_whole(c.group_id, %(begins)s, least(%(ends)s::timestamptz, h.kept_from))
FROM channel AS c
JOIN sample_group AS g ON g.group_id = c.group_id
JOIN device AS d ON d.device_id = c.device_id
JOIN node AS n ON n.node_id = d.node_id
JOIN site AS s ON s.site_id = n.site_id
LEFT JOIN rollup_m5_group AS m ON m.group_id = c.group_id
LEFT JOIN raw_horizon AS h ON h.site_id = s.site_id AND h.retention_class = g.retention_class
WHERE c.org_id = %(org_id)s AND c.channel_id = %(channel_id)s;

-- name: first_buckets
-- Where each level begins; what is older has been let go, or never was.
SELECT (SELECT min(bucket) FROM rollup_m5 WHERE group_id = %(group_id)s),
    (SELECT min(bucket) FROM rollup_hour WHERE group_id = %(group_id)s),
    (SELECT min(day_start(day, %(zone)s)) FROM rollup_day WHERE group_id = %(group_id)s);

-- name: count
-- At most `most`: it only says whether the readings fit.
SELECT count(*)
FROM (
    SELECT
    FROM {samples}
    WHERE group_id = %(group_id)s
        AND "time" >= %(begins)s AND "time" < %(ends)s
        AND ("values"[%(element)s] IS NOT NULL OR quality[%(element)s] IS NOT NULL)
    LIMIT %(most)s
) AS found;

-- name: raw
SELECT "time", "values"[%(element)s], coalesce(quality[%(element)s], 0)
FROM {samples}
WHERE group_id = %(group_id)s
    AND "time" >= %(begins)s AND "time" < %(ends)s
    AND ("values"[%(element)s] IS NOT NULL OR quality[%(element)s] IS NOT NULL)
ORDER BY "time";

-- name: buckets
-- Of readings themselves. A direction is summed as a vector; NULL sums where it is none.
SELECT
    date_bin(%(stride)s::interval, "time", %(origin)s::timestamptz) AS bucket,
    (date_bin(%(stride)s::interval, "time", %(origin)s::timestamptz) AT TIME ZONE %(zone)s)::date,
    count(value), count(*) - count(value), count(value) FILTER (WHERE code >= 100),
    min(value), max(value), sum(value),
    CASE WHEN %(circular)s THEN sum(sind(value)) END, CASE WHEN %(circular)s THEN sum(cosd(value)) END
FROM (
    SELECT "time", coalesce(quality[%(element)s], 0) AS code,
        CASE WHEN coalesce(quality[%(element)s], 0) < 200 THEN "values"[%(element)s] END AS value
    FROM {samples}
    WHERE group_id = %(group_id)s
        AND "time" >= %(begins)s AND "time" < %(ends)s
        AND ("values"[%(element)s] IS NOT NULL OR quality[%(element)s] IS NOT NULL)
) AS reading
GROUP BY bucket
ORDER BY bucket;

-- name: reading_points
-- Points of readings themselves, ready made: of no counter. At most `most` readings are looked at.
SELECT at, CASE WHEN NOT %(circular)s THEN lowest END,
    CASE WHEN NOT %(circular)s THEN total / nullif(number, 0)
        WHEN sqrt(x * x + y * y) > 1e-6 * number THEN atan2d(y, x) + 360 - 360 * floor((atan2d(y, x) + 360) / 360) END,
    CASE WHEN NOT %(circular)s THEN highest END, number, bad, uncertain
FROM (
    SELECT date_bin(%(stride)s::interval, "time", %(origin)s::timestamptz) AS at,
        count(value) AS number, count(*) - count(value) AS bad, count(value) FILTER (WHERE code >= 100) AS uncertain,
        min(value) AS lowest, max(value) AS highest, sum(value) AS total,
        CASE WHEN %(circular)s THEN sum(sind(value)) END AS y, CASE WHEN %(circular)s THEN sum(cosd(value)) END AS x
    FROM (
        SELECT "time", coalesce(quality[%(element)s], 0) AS code,
            CASE WHEN coalesce(quality[%(element)s], 0) < 200 THEN "values"[%(element)s] END AS value
        FROM {samples}
        WHERE group_id = %(group_id)s
            AND "time" >= %(begins)s AND "time" < %(ends)s
            AND ("values"[%(element)s] IS NOT NULL OR quality[%(element)s] IS NOT NULL)
        LIMIT %(most)s
    ) AS reading
    GROUP BY at
) AS bucket
ORDER BY at;

-- name: rolled_points
-- Points of closed roll-ups, ready made: of no counter. OFFSET 0: each array is unpacked once, not for each of its uses.
SELECT at, CASE WHEN NOT %(circular)s THEN lowest END,
    CASE WHEN NOT %(circular)s THEN total / nullif(number, 0)
        WHEN sqrt(x * x + y * y) > 1e-6 * number THEN atan2d(y, x) + 360 - 360 * floor((atan2d(y, x) + 360) / 360) END,
    CASE WHEN NOT %(circular)s THEN highest END, number, bad, uncertain
FROM (
    SELECT date_bin(%(stride)s::interval, bucket, %(origin)s::timestamptz) AS at, sum(number)::int8 AS number,
        sum(bad)::int8 AS bad, sum(uncertain)::int8 AS uncertain,
        min(lowest) AS lowest, max(highest) AS highest, sum(mean * number) AS total,
        CASE WHEN %(circular)s THEN sum(sind(mean) * resultant * number) END AS y,
        CASE WHEN %(circular)s THEN sum(cosd(mean) * resultant * number) END AS x
    FROM (
        SELECT bucket, coalesce(counts[%(element)s], 0) AS number,
            CASE WHEN reasons IS NULL THEN 0 ELSE bad_readings(reasons, %(position)s) END AS bad,
            CASE WHEN reasons IS NULL THEN 0 ELSE uncertain_readings(reasons, %(position)s) END AS uncertain,
            minimum[%(element)s] AS lowest, maximum[%(element)s] AS highest, mean[%(element)s] AS mean,
            CASE WHEN %(circular)s THEN resultant[%(element)s] END AS resultant
        FROM {rollup}
        WHERE group_id = %(group_id)s AND bucket >= %(begins)s AND bucket < %(ends)s
        OFFSET 0
    ) AS closed
    GROUP BY at
) AS point
WHERE number + bad > 0
ORDER BY at;

-- name: day_points
-- Points of closed days, `dates` local dates each, ready made: of no counter.
SELECT day_start(day, %(zone)s), CASE WHEN NOT %(circular)s THEN lowest END,
    CASE WHEN NOT %(circular)s THEN total / nullif(number, 0)
        WHEN sqrt(x * x + y * y) > 1e-6 * number THEN atan2d(y, x) + 360 - 360 * floor((atan2d(y, x) + 360) / 360) END,
    CASE WHEN NOT %(circular)s THEN highest END, number, bad, uncertain, NULL::float8, day
FROM (
    SELECT date_bin(make_interval(days => %(dates)s), day::timestamp, TIMESTAMP '1970-01-01 00:00:00')::date AS day,
        sum(number)::int8 AS number, sum(bad)::int8 AS bad, sum(uncertain)::int8 AS uncertain,
        min(lowest) AS lowest, max(highest) AS highest, sum(mean * number) AS total,
        CASE WHEN %(circular)s THEN sum(sind(mean) * resultant * number) END AS y,
        CASE WHEN %(circular)s THEN sum(cosd(mean) * resultant * number) END AS x
    FROM (
        SELECT day, coalesce(counts[%(element)s], 0) AS number,
            CASE WHEN reasons IS NULL THEN 0 ELSE bad_readings(reasons, %(position)s) END AS bad,
            CASE WHEN reasons IS NULL THEN 0 ELSE uncertain_readings(reasons, %(position)s) END AS uncertain,
            minimum[%(element)s] AS lowest, maximum[%(element)s] AS highest, mean[%(element)s] AS mean,
            CASE WHEN %(circular)s THEN resultant[%(element)s] END AS resultant
        FROM rollup_day
        WHERE group_id = %(group_id)s AND day >= %(since)s AND day < %(until)s
        OFFSET 0
    ) AS closed
    GROUP BY 1
) AS point
WHERE number + bad > 0
ORDER BY day;

-- name: counted
-- What a counter added within each bucket; a smaller value is a reset to 0.
SELECT bucket, (array_agg(value ORDER BY "time"))[1], (array_agg(value ORDER BY "time" DESC))[1],
    coalesce(sum(CASE WHEN value < before THEN value ELSE value - before END), 0)
FROM (
    SELECT bucket, "time", value, lag(value) OVER (PARTITION BY bucket ORDER BY "time") AS before
    FROM (
        SELECT date_bin(%(stride)s::interval, "time", %(origin)s::timestamptz) AS bucket, "time", "values"[%(element)s] AS value
        FROM {samples}
        WHERE group_id = %(group_id)s
            AND "time" >= %(begins)s AND "time" < %(ends)s
            AND "values"[%(element)s] IS NOT NULL AND coalesce(quality[%(element)s], 0) < 200
    ) AS reading
) AS step
GROUP BY bucket;

-- name: rolled
SELECT bucket, (bucket AT TIME ZONE %(zone)s)::date, coalesce(counts[%(element)s], 0),
    CASE WHEN reasons IS NULL THEN 0 ELSE bad_readings(reasons, %(position)s) END,
    CASE WHEN reasons IS NULL THEN 0 ELSE uncertain_readings(reasons, %(position)s) END,
    minimum[%(element)s], maximum[%(element)s], mean[%(element)s], resultant[%(element)s],
    first[%(element)s], last[%(element)s], increase[%(element)s]
FROM {rollup}
WHERE group_id = %(group_id)s AND bucket >= %(begins)s AND bucket < %(ends)s
ORDER BY bucket;

-- name: rolled_days
SELECT day::timestamp AT TIME ZONE %(zone)s, day, coalesce(counts[%(element)s], 0),
    CASE WHEN reasons IS NULL THEN 0 ELSE bad_readings(reasons, %(position)s) END,
    CASE WHEN reasons IS NULL THEN 0 ELSE uncertain_readings(reasons, %(position)s) END,
    minimum[%(element)s], maximum[%(element)s], mean[%(element)s], resultant[%(element)s],
    first[%(element)s], last[%(element)s], increase[%(element)s]
FROM rollup_day
WHERE group_id = %(group_id)s
    AND day >= %(since)s AND day <= %(until)s AND day < (%(ends)s::timestamptz AT TIME ZONE %(zone)s)::date
ORDER BY day;

-- name: day_starts
SELECT day, day_start(day, %(zone)s) FROM unnest(%(days)s::date[]) AS day;

-- name: value_before
-- The newest value of a stretch.
SELECT "values"[%(element)s]
FROM {samples}
WHERE group_id = %(group_id)s
    AND "time" >= %(begins)s AND "time" < %(ends)s
    AND "values"[%(element)s] IS NOT NULL AND coalesce(quality[%(element)s], 0) < 200
ORDER BY "time" DESC LIMIT 1;

-- name: last_before
SELECT last[%(element)s]
FROM {rollup}
WHERE group_id = %(group_id)s AND bucket >= %(begins)s AND bucket < %(ends)s AND last[%(element)s] IS NOT NULL
ORDER BY bucket DESC LIMIT 1;

-- name: waiting
-- Whether samples of a group in [begins, ends) wait for their roll-ups. The list of marks has no index, so that late
-- samples cost little: where it is long, it is not read to its end, and anything may wait.
SELECT count(*) = 20000
    OR coalesce(bool_or(group_id = %(group_id)s AND bucket >= %(begins)s AND bucket < %(ends)s), false)
    OR EXISTS (SELECT FROM rollup_touched_group WHERE group_id = %(group_id)s)
    OR EXISTS (
        SELECT FROM rollup_rebuild AS r
        JOIN node AS n ON n.site_id = r.site_id
        JOIN device AS d ON d.node_id = n.node_id
        JOIN sample_group AS g ON g.device_id = d.device_id
        WHERE g.group_id = %(group_id)s
    )
FROM (SELECT group_id, bucket FROM rollup_touched LIMIT 20000) AS mark;
