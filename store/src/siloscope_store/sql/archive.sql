-- Archive files: what goes into one, and what is known of those that there are. {samples} is a sample table.

-- name: snapshot
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ

-- name: sites
-- Sites by name; NULL = every one.
SELECT s.site_id, s.org_id, o.slug, s.slug, s.time_zone
FROM site AS s JOIN organisation AS o ON o.org_id = s.org_id
WHERE (%(org)s::text IS NULL OR o.slug = %(org)s) AND (%(site)s::text IS NULL OR s.slug = %(site)s)
ORDER BY o.slug, s.slug

-- name: day_bounds
SELECT day_start(%(day)s::date, %(zone)s), day_start(%(day)s::date + 1, %(zone)s)

-- name: groups
SELECT g.group_id, n.slug, d.slug, g.key
FROM sample_group AS g
JOIN device AS d ON d.device_id = g.device_id
JOIN node AS n ON n.node_id = d.node_id
WHERE n.site_id = %(site_id)s AND g.retention_class = %(retention_class)s

-- name: channels
SELECT c.group_id, c.position, c.key, c.quantity, c.unit
FROM channel AS c WHERE c.group_id = ANY (%(group_ids)s::int4[])

-- name: samples_of_group
SELECT (extract(epoch FROM "time") * 1000000)::int8, "values", quality
FROM {samples}
WHERE group_id = %(group_id)s AND "time" >= %(begins)s AND "time" < %(ends)s
ORDER BY "time"

-- name: has_samples
SELECT EXISTS (
    SELECT FROM unnest(%(group_ids)s::int4[]) AS g (group_id)
    CROSS JOIN LATERAL (
        SELECT FROM {samples} AS x
        WHERE x.group_id = g.group_id AND x."time" >= %(begins)s AND x."time" < %(ends)s LIMIT 1
    ) AS there)

-- name: days_with_samples
-- Local dates of a site that meet [begins, ends) and have a sample of its groups within their bounds.
SELECT candidate.day
FROM (
    SELECT d::date AS day FROM generate_series(
        (%(begins)s::timestamptz AT TIME ZONE %(zone)s)::date - 1,
        (%(ends)s::timestamptz AT TIME ZONE %(zone)s)::date + 1, INTERVAL '1 day') AS d
) AS candidate
WHERE day_start(day + 1, %(zone)s) > %(begins)s AND day_start(day, %(zone)s) < %(ends)s
    AND EXISTS (
        SELECT FROM sample_group AS g
        JOIN device AS d ON d.device_id = g.device_id
        JOIN node AS n ON n.node_id = d.node_id
        CROSS JOIN LATERAL (
            SELECT FROM {samples} AS x
            WHERE x.group_id = g.group_id AND x."time" >= day_start(day, %(zone)s)
                AND x."time" < day_start(day + 1, %(zone)s) LIMIT 1
        ) AS there
        WHERE n.site_id = %(site_id)s AND g.retention_class = %(retention_class)s)
ORDER BY day

-- name: file
SELECT path, version, sha256, coming_sha256, final, emptying_since, lower(during), upper(during)
FROM archive_file WHERE site_id = %(site_id)s AND retention_class = %(retention_class)s AND day = %(day)s

-- name: last_due
SELECT max(due_id) FROM archive_due
WHERE site_id = %(site_id)s AND retention_class = %(retention_class)s AND day = %(day)s

-- name: announce_file
-- Killed twice, the file in its place may be the one that was announced the last time: it stays known.
INSERT INTO archive_file (org_id, site_id, retention_class, day, path, coming_sha256)
VALUES (%(org_id)s, %(site_id)s, %(retention_class)s, %(day)s, %(path)s, %(sha256)s)
ON CONFLICT (site_id, retention_class, day) DO UPDATE
SET coming_sha256 = excluded.coming_sha256, sha256 = coalesce(%(in_place)s, archive_file.sha256)

-- name: record_file
UPDATE archive_file SET sha256 = %(sha256)s, coming_sha256 = NULL, version = version + 1, samples = %(samples)s,
    readings = %(readings)s, size_bytes = %(size_bytes)s, first_time = %(first_time)s, last_time = %(last_time)s,
    final = %(final)s, archived_at = %(at)s, verified_at = %(at)s, during = tstzrange(%(begins)s, %(ends)s)
WHERE site_id = %(site_id)s AND retention_class = %(retention_class)s AND day = %(day)s

-- name: forget_file
DELETE FROM archive_file WHERE site_id = %(site_id)s AND retention_class = %(retention_class)s AND day = %(day)s

-- name: keep_what_it_holds
UPDATE archive_file SET emptying_since = coalesce(emptying_since, %(at)s)
WHERE site_id = %(site_id)s AND retention_class = %(retention_class)s AND day = %(day)s

-- name: settle_due
-- A late sample is settled by whoever has its roll-ups made again, see settle_late.
DELETE FROM archive_due
WHERE site_id = %(site_id)s AND retention_class = %(retention_class)s AND day = %(day)s AND due_id <= %(last_due)s
    AND cause <> 'late'

-- name: kept_from
SELECT kept_from FROM raw_horizon WHERE site_id = %(site_id)s AND retention_class = %(retention_class)s

-- name: files
SELECT o.slug, s.slug, f.retention_class, f.day, f.path, f.version, f.samples, f.readings, f.size_bytes, f.sha256,
    f.coming_sha256, f.final, f.emptying_since IS NOT NULL, f.archived_at, f.first_time, f.last_time, f.site_id,
    f.org_id, s.time_zone
FROM archive_file AS f
JOIN site AS s ON s.site_id = f.site_id
JOIN organisation AS o ON o.org_id = f.org_id
WHERE f.archived_at IS NOT NULL
    AND (%(org)s::text IS NULL OR o.slug = %(org)s) AND (%(site)s::text IS NULL OR s.slug = %(site)s)
    AND (%(from_day)s::date IS NULL OR f.day >= %(from_day)s) AND (%(to_day)s::date IS NULL OR f.day <= %(to_day)s)
ORDER BY o.slug, s.slug, f.day, f.retention_class

-- name: files_of_days
-- Files that hold anything of local dates as they are now; of a time zone that was corrected since, those beside them.
SELECT DISTINCT f.day
FROM archive_file AS f
JOIN unnest(%(days)s::date[]) AS wanted (day)
    ON f.day = wanted.day OR f.during && tstzrange(day_start(wanted.day, %(zone)s), day_start(wanted.day + 1, %(zone)s))
WHERE f.site_id = %(site_id)s AND f.retention_class = %(retention_class)s AND f.archived_at IS NOT NULL

-- name: newest_files
SELECT path FROM archive_file WHERE archived_at IS NOT NULL ORDER BY archived_at DESC, archive_file_id DESC LIMIT 100

-- name: incomplete
-- Whether some hour has fewer samples than its roll-up was made of: they went without a file.
SELECT EXISTS (
    SELECT FROM rollup_hour AS r
    WHERE r.group_id = ANY (%(group_ids)s::int4[]) AND r.bucket >= %(begins)s
        AND r.bucket + INTERVAL '1 hour' <= %(ends)s
        AND r.samples > (
            SELECT count(*) FROM {samples} AS x
            WHERE x.group_id = r.group_id AND x."time" >= r.bucket AND x."time" < r.bucket + INTERVAL '1 hour'))

-- name: mark_verified
UPDATE archive_file SET verified_at = %(at)s
WHERE site_id = %(site_id)s AND retention_class = %(retention_class)s AND day = %(day)s

-- name: hold_restored
INSERT INTO raw_restored (org_id, site_id, retention_class, during, held_until)
VALUES (%(org_id)s, %(site_id)s, %(retention_class)s, tstzrange(%(begins)s, %(ends)s), %(held_until)s)

-- name: touch
-- Every hour that meets the span and of which all samples are there: of one that two dates share, the other may be gone.
-- Marked, it would be taken for late samples, which have the other date put back, whose other border is shared as well.
SELECT touch_rollups_between(group_ids, hour, hour + INTERVAL '1 hour')
FROM (
    SELECT array_agg(group_id) AS group_ids, hour
    FROM unnest(%(group_ids)s::int4[]) AS group_id
    CROSS JOIN generate_series(
        date_bin(INTERVAL '1 hour', %(begins)s, TIMESTAMPTZ '1970-01-01 00:00:00+00'),
        %(ends)s::timestamptz - INTERVAL '1 microsecond',
        INTERVAL '1 hour'
    ) AS hour
    WHERE raw_is_whole(group_id, hour, hour + INTERVAL '1 hour')
    GROUP BY hour
) AS whole
