-- Roll-ups. {table} is a sample table, {rollup} one of the roll-up tables.

-- name: prepare
CREATE TEMPORARY TABLE IF NOT EXISTS rollup_incoming (
    group_id int4, samples int4, bucket timestamptz, counts int4[], minimum float8[], maximum float8[], mean float8[], last float8[],
    resultant float8[], first float8[], increase float8[], reasons jsonb
) ON COMMIT DELETE ROWS

-- name: not_durable
-- A lost commit is computed once more: progress and roll-ups are lost together.
SET LOCAL synchronous_commit = off

-- name: keep_samples
-- While this is held, retention does not say of any samples that they may go. It takes the same lock alone.
SELECT pg_advisory_xact_lock_shared(hashtextextended('siloscope raw horizon', 0))

-- name: copy_samples
-- By group, each from the index. What bounds all of them is written out, so that the planner leaves other weeks alone.
COPY (
    SELECT s.group_id, s."time", s."values", s.quality
    FROM unnest({group_ids}::int4[], {begins}::timestamptz[], {ends}::timestamptz[]) AS g (group_id, begins, ends)
    CROSS JOIN LATERAL (
        SELECT x.group_id, x."time", x."values", x.quality FROM {table} AS x
        WHERE x.group_id = g.group_id AND x."time" >= g.begins AND x."time" < g.ends
            AND x."time" >= {earliest} AND x."time" < {latest}
        ORDER BY x."time" OFFSET 0
    ) AS s
) TO STDOUT (FORMAT BINARY)

-- name: read_rollups
SELECT group_id, bucket, samples, counts, minimum, maximum, mean, last, resultant, first, increase, reasons
FROM {rollup}
WHERE group_id = ANY (%(group_ids)s) AND bucket >= %(begins)s AND bucket < %(ends)s
ORDER BY group_id, bucket

-- name: read_days
SELECT group_id, day::timestamp AT TIME ZONE 'UTC', samples, counts, minimum, maximum, mean, last, resultant, first, increase, reasons
FROM rollup_day
WHERE group_id = ANY (%(group_ids)s) AND day = ANY (%(days)s::date[])
ORDER BY group_id, day

-- name: copy_rollups
COPY rollup_incoming FROM STDIN (FORMAT BINARY)

-- name: make_room
SELECT ensure_rollup_partitions(%(rollup)s, %(times)s::timestamptz[])

-- name: write_rollups
INSERT INTO {rollup} (group_id, bucket, samples, counts, minimum, maximum, mean, last, resultant, first, increase, reasons)
SELECT group_id, bucket, samples, counts, minimum, maximum, mean, last, resultant, first, increase, reasons FROM rollup_incoming
ON CONFLICT (group_id, bucket) DO UPDATE SET
    samples = excluded.samples, counts = excluded.counts, minimum = excluded.minimum, maximum = excluded.maximum,
    mean = excluded.mean, last = excluded.last, resultant = excluded.resultant, first = excluded.first,
    increase = excluded.increase, reasons = excluded.reasons

-- name: write_days
INSERT INTO rollup_day (group_id, day, samples, counts, minimum, maximum, mean, last, resultant, first, increase, reasons)
SELECT group_id, (bucket AT TIME ZONE 'UTC')::date, samples, counts, minimum, maximum, mean, last, resultant, first, increase, reasons
FROM rollup_incoming
ON CONFLICT (group_id, day) DO UPDATE SET
    samples = excluded.samples, counts = excluded.counts, minimum = excluded.minimum, maximum = excluded.maximum,
    mean = excluded.mean, last = excluded.last, resultant = excluded.resultant, first = excluded.first,
    increase = excluded.increase, reasons = excluded.reasons

-- name: empty_incoming
DELETE FROM rollup_incoming

-- name: forget_rollups
-- The groups are said twice: a compressed chunk is unpacked by conditions with constants alone.
DELETE FROM {rollup} AS r
USING unnest(%(group_ids)s::int4[], %(begins)s::timestamptz[], %(ends)s::timestamptz[]) AS g (group_id, begins, ends)
WHERE r.group_id = g.group_id AND r.bucket >= g.begins AND r.bucket < g.ends AND r.group_id = ANY (%(group_ids)s::int4[])
    AND r.bucket >= %(earliest)s AND r.bucket < %(latest)s

-- name: forget_days
DELETE FROM rollup_day AS r
USING unnest(%(group_ids)s::int4[], %(days)s::date[]) AS g (group_id, day)
WHERE r.group_id = g.group_id AND r.day = g.day

-- name: groups
-- What is to be known of groups in order to roll them up. A NULL filter means any.
SELECT g.group_id, g.retention_class, s.time_zone, s.site_id, m.since, h.kept_from, g.interval_s,
    coalesce(c.circular, '{}'), coalesce(c.counters, '{}'), coalesce(c.width, 0)
FROM sample_group AS g
JOIN device AS d ON d.device_id = g.device_id
JOIN node AS n ON n.node_id = d.node_id
JOIN site AS s ON s.site_id = n.site_id
LEFT JOIN rollup_m5_group AS m ON m.group_id = g.group_id
LEFT JOIN raw_horizon AS h ON h.site_id = s.site_id AND h.retention_class = g.retention_class
LEFT JOIN LATERAL (
    SELECT max(position) + 1 AS width,
        array_agg(position) FILTER (WHERE quantity = ANY (%(circular)s)) AS circular,
        array_agg(position) FILTER (WHERE quantity = ANY (%(counters)s)) AS counters
    FROM channel AS c WHERE c.group_id = g.group_id
) AS c ON true
WHERE g.group_id > %(after)s
    AND (%(group_ids)s::int4[] IS NULL OR g.group_id = ANY (%(group_ids)s))
    AND (%(zone)s::text IS NULL OR s.time_zone = %(zone)s)
    AND (%(site_id)s::int4 IS NULL OR s.site_id = %(site_id)s)
    AND (NOT %(only_m5)s OR m.since IS NOT NULL)
ORDER BY g.group_id
LIMIT %(limit)s

-- name: horizon
SELECT closed_to, settled_to FROM rollup_horizon

-- name: lock_horizon
SELECT closed_to, settled_to FROM rollup_horizon FOR UPDATE

-- name: begin
INSERT INTO rollup_horizon (closed_to, settled_to)
SELECT date_bin(INTERVAL '1 hour', coalesce(%(at)s::timestamptz, now()) - make_interval(secs => %(grace_s)s), 'epoch'::timestamptz), 'epoch'::timestamptz
ON CONFLICT DO NOTHING

-- name: begin_progress
INSERT INTO rollup_progress (level, done_to)
SELECT level, h.closed_to FROM rollup_horizon AS h CROSS JOIN unnest(ARRAY['m5', 'hour']) AS level

-- name: touch_every_group
-- What was there before the first roll-up: its hours wait in line, as late ones do.
INSERT INTO rollup_touched_group (group_id) SELECT group_id FROM sample_group

-- name: touched_groups
SELECT DISTINCT group_id FROM rollup_touched_group

-- name: take_touched_groups
-- All mentions of each.
WITH taken AS (
    SELECT DISTINCT group_id FROM rollup_touched_group ORDER BY group_id LIMIT %(most)s
), gone AS (
    DELETE FROM rollup_touched_group AS t USING taken AS k WHERE t.group_id = k.group_id
)
SELECT group_id FROM taken

-- name: mark_groups
INSERT INTO rollup_touched (group_id, bucket)
SELECT DISTINCT s.group_id, date_bin(INTERVAL '1 hour', s."time", 'epoch'::timestamptz)
FROM {table} AS s
WHERE s.group_id = ANY (%(group_ids)s::int4[]) AND s."time" < (SELECT closed_to FROM rollup_horizon)

-- name: advance
UPDATE rollup_horizon SET closed_to = date_bin(INTERVAL '5 minutes', coalesce(%(at)s::timestamptz, now()) - make_interval(secs => %(grace_s)s), 'epoch'::timestamptz)
WHERE closed_to = settled_to
    AND closed_to < date_bin(INTERVAL '5 minutes', coalesce(%(at)s::timestamptz, now()) - make_interval(secs => %(grace_s)s), 'epoch'::timestamptz)

-- name: next_transaction
-- A number of its own: who has a smaller one may have looked before the bucket closed, who has a larger one has not. The
-- end of a snapshot would not do: it is the newest number that has ended, and a writer under way may be above that.
SELECT pg_current_xact_id()::text

-- name: all_ended_before
SELECT pg_snapshot_xmin(pg_current_snapshot()) >= %(transaction)s::xid8

-- name: settle
UPDATE rollup_horizon SET settled_to = closed_to WHERE closed_to = %(closed_to)s

-- name: progress
SELECT level, zone, done_to, going_to, group_done FROM rollup_progress
ORDER BY array_position(ARRAY['m5', 'hour', 'day'], level), zone

-- name: lock_progress
SELECT done_to, going_to, group_done FROM rollup_progress WHERE level = %(level)s AND zone = %(zone)s FOR UPDATE

-- name: open_window
UPDATE rollup_progress SET going_to = %(going_to)s
WHERE level = %(level)s AND zone = %(zone)s AND done_to = %(done_to)s AND going_to IS NULL

-- name: go_on
UPDATE rollup_progress SET group_done = %(group_done)s WHERE level = %(level)s AND zone = %(zone)s

-- name: finish_window
UPDATE rollup_progress SET done_to = going_to, going_to = NULL, group_done = 0 WHERE level = %(level)s AND zone = %(zone)s

-- name: end_five_minutes
-- A group that is read less often now. What is there stays until its time is over, and nobody reads it.
DELETE FROM rollup_m5_group AS m
WHERE NOT EXISTS (SELECT FROM sample_group AS g WHERE g.group_id = m.group_id AND g.interval_s <= %(most_s)s)

-- name: begin_five_minutes
INSERT INTO rollup_m5_group (group_id, since)
SELECT g.group_id, p.done_to
FROM sample_group AS g
JOIN rollup_progress AS p ON p.level = 'm5'
WHERE g.interval_s <= %(most_s)s
ON CONFLICT DO NOTHING

-- name: any_five_minutes
SELECT EXISTS (SELECT FROM sample_group WHERE interval_s <= %(most_s)s)

-- name: begin_zones
-- Older days of a new zone's sites wait in rollup_rebuild.
INSERT INTO rollup_progress (level, zone, done_to)
SELECT DISTINCT 'day', s.time_zone, day_start((p.done_to AT TIME ZONE s.time_zone)::date, s.time_zone)
FROM site AS s
JOIN rollup_progress AS p ON p.level = 'hour'
WHERE NOT EXISTS (SELECT FROM rollup_progress AS z WHERE z.level = 'day' AND z.zone = s.time_zone)
ON CONFLICT DO NOTHING

-- name: end_of_days
-- When the last local date ends that ends by `until`, at most `most` dates on; NULL where none does.
SELECT max(day_start((%(done_to)s::timestamptz AT TIME ZONE %(zone)s)::date + n, %(zone)s))
FROM generate_series(1, %(most)s) AS n
WHERE day_start((%(done_to)s::timestamptz AT TIME ZONE %(zone)s)::date + n, %(zone)s) <= %(until)s

-- name: days_between
-- Local dates that begin in [begins, ends); one that clocks skipped has no length and is left out.
SELECT day, begins, ends
FROM (
    SELECT d::date AS day, day_start(d::date, %(zone)s) AS begins, day_start(d::date + 1, %(zone)s) AS ends
    FROM generate_series(
        (%(begins)s::timestamptz AT TIME ZONE %(zone)s)::date::timestamp, (%(ends)s::timestamptz AT TIME ZONE %(zone)s)::date::timestamp,
        INTERVAL '1 day'
    ) AS d
) AS dated
WHERE begins < ends AND begins >= %(begins)s AND ends <= %(ends)s
ORDER BY day

-- name: newest_touched
SELECT span_start(max(bucket)) FROM rollup_touched WHERE bucket < coalesce(%(before)s::timestamptz, 'infinity')

-- name: take_touched
-- Some hours of one week, all marks of each. Those whose samples may be gone are left to retention, which archives them.
WITH seen AS (
    SELECT t.group_id, t.bucket
    FROM rollup_touched AS t
    JOIN sample_group AS g ON g.group_id = t.group_id
    JOIN device AS d ON d.device_id = g.device_id
    JOIN node AS n ON n.node_id = d.node_id
    LEFT JOIN raw_horizon AS h ON h.site_id = n.site_id AND h.retention_class = g.retention_class
    WHERE t.bucket >= %(begins)s::timestamptz AND t.bucket < %(begins)s::timestamptz + INTERVAL '168 hours'
        AND (h.kept_from IS NULL OR t.bucket >= h.kept_from OR raw_is_whole(t.group_id, t.bucket, t.bucket + INTERVAL '1 hour'))
    LIMIT %(most)s
), taken AS (
    SELECT DISTINCT group_id, bucket FROM seen
), gone AS (
    DELETE FROM rollup_touched AS t USING taken AS k WHERE t.group_id = k.group_id AND t.bucket = k.bucket
)
SELECT group_id, bucket FROM taken ORDER BY group_id, bucket

-- name: touched
SELECT count(*) FROM (SELECT FROM rollup_touched LIMIT 1000000) AS t

-- name: spans_without_samples
SELECT group_id, begins
FROM unnest(%(group_ids)s::int4[], %(begins)s::timestamptz[], %(ends)s::timestamptz[]) AS span (group_id, begins, ends)
WHERE NOT raw_is_whole(group_id, begins, ends)

-- name: touched_days
-- The closed local dates that these hours belong to.
SELECT DISTINCT h.group_id, d.day, p.zone, day_start(d.day, p.zone), day_start(d.day + 1, p.zone)
FROM unnest(%(group_ids)s::int4[], %(hours)s::timestamptz[]) AS h (group_id, hour)
JOIN sample_group AS g ON g.group_id = h.group_id
JOIN device AS v ON v.device_id = g.device_id
JOIN node AS n ON n.node_id = v.node_id
JOIN site AS s ON s.site_id = n.site_id
JOIN rollup_progress AS p ON p.level = 'day' AND p.zone = s.time_zone
CROSS JOIN LATERAL (
    SELECT DISTINCT (t AT TIME ZONE p.zone)::date AS day
    FROM unnest(ARRAY[h.hour, h.hour + INTERVAL '1 hour' - INTERVAL '1 microsecond']) AS t
) AS d
WHERE day_start(d.day + 1, p.zone) <= p.done_to
ORDER BY p.zone, d.day, h.group_id

-- name: next_rebuild
SELECT r.rebuild_id, r.site_id, r.group_done, s.time_zone, p.done_to
FROM rollup_rebuild AS r
LEFT JOIN site AS s ON s.site_id = r.site_id
LEFT JOIN rollup_progress AS p ON p.level = 'day' AND p.zone = s.time_zone
ORDER BY r.rebuild_id
LIMIT 1
FOR UPDATE OF r

-- name: go_on_rebuilding
UPDATE rollup_rebuild SET group_done = %(group_done)s WHERE rebuild_id = %(rebuild_id)s

-- name: end_rebuild
DELETE FROM rollup_rebuild WHERE rebuild_id = %(rebuild_id)s

-- name: first_hour
SELECT min(bucket) FROM rollup_hour WHERE group_id = %(group_id)s

-- name: forget_days_since
-- All of them where no samples were ever dropped; else there may be days whose hours are gone.
DELETE FROM rollup_day
WHERE group_id = %(group_id)s AND (NOT %(dropped)s OR day >= (%(since)s::timestamptz AT TIME ZONE %(zone)s)::date)

-- name: group_days
SELECT g.group_id, d.day, day_start(d.day, s.time_zone), day_start(d.day + 1, s.time_zone)
FROM sample_group AS g
JOIN device AS v ON v.device_id = g.device_id
JOIN node AS n ON n.node_id = v.node_id
JOIN site AS s ON s.site_id = n.site_id
JOIN rollup_day AS d ON d.group_id = g.group_id
WHERE g.group_id = ANY (%(group_ids)s)

-- name: earliest
SELECT least(
    (SELECT min("time") FROM sample WHERE group_id = ANY (%(group_ids)s)),
    (SELECT min("time") FROM sample_vitals WHERE group_id = ANY (%(group_ids)s)),
    (SELECT min(bucket) FROM rollup_hour WHERE group_id = ANY (%(group_ids)s)))

-- name: waiting
SELECT DISTINCT group_id, bucket FROM rollup_touched WHERE bucket >= %(begins)s AND bucket < %(ends)s
