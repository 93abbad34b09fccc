-- name: channel
SELECT c.group_id, c.position, c.quantity, c.unit, g.retention_class
FROM channel AS c
JOIN sample_group AS g ON g.group_id = c.group_id
WHERE c.org_id = %(org_id)s AND c.channel_id = %(channel_id)s;

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
SELECT
    date_bin(%(stride)s::interval, "time", %(origin)s::timestamptz) AS bucket,
    min(value), avg(value), max(value), count(value), count(*) - count(value) AS bad
FROM (
    SELECT "time", CASE WHEN coalesce(quality[%(element)s], 0) < 200 THEN "values"[%(element)s] END AS value
    FROM {samples}
    WHERE group_id = %(group_id)s
        AND "time" >= %(begins)s AND "time" < %(ends)s
        AND ("values"[%(element)s] IS NOT NULL OR quality[%(element)s] IS NOT NULL)
) AS reading
GROUP BY bucket
ORDER BY bucket;

-- name: circular_buckets
-- A direction is averaged as a vector; opposite ones cancel out, and then there is no mean.
SELECT
    date_bin(%(stride)s::interval, "time", %(origin)s::timestamptz) AS bucket,
    NULL::float8 AS least,
    CASE
        WHEN sqrt(sum(sind(value)) ^ 2 + sum(cosd(value)) ^ 2) > 1e-6 * count(value)
        THEN mod((atan2d(sum(sind(value)), sum(cosd(value))) + 360)::numeric, 360)::float8
    END AS mean,
    NULL::float8 AS most,
    count(value), count(*) - count(value) AS bad
FROM (
    SELECT "time", CASE WHEN coalesce(quality[%(element)s], 0) < 200 THEN "values"[%(element)s] END AS value
    FROM {samples}
    WHERE group_id = %(group_id)s
        AND "time" >= %(begins)s AND "time" < %(ends)s
        AND ("values"[%(element)s] IS NOT NULL OR quality[%(element)s] IS NOT NULL)
) AS reading
GROUP BY bucket
ORDER BY bucket;
