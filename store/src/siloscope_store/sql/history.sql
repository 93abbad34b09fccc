-- A made-up history, for benchmarks: values that are known in closed form, so that roll-ups can be written without
-- reading samples. The value of position k is (base + k + minute of the hour) / 10, base is fixed for a group and UTC day.

-- name: add_site
INSERT INTO site (org_id, slug, name, time_zone)
SELECT org_id, %(site)s, %(site)s, 'Etc/UTC' FROM organisation WHERE slug = %(org)s
RETURNING org_id, site_id

-- name: add_devices
WITH place AS (
    SELECT s.org_id, s.site_id FROM site AS s JOIN organisation AS o ON o.org_id = s.org_id
    WHERE o.slug = %(org)s AND s.slug = %(site)s
), nodes AS (
    INSERT INTO node (org_id, site_id, slug, kind)
    SELECT org_id, site_id, %(prefix)s || lpad(n::text, 6, '0'), 'agent' FROM place, generate_series(1, %(devices)s) AS n
    RETURNING org_id, node_id
), devices AS (
    INSERT INTO device (org_id, node_id, slug) SELECT org_id, node_id, 'head1' FROM nodes RETURNING org_id, device_id
), made AS (
    INSERT INTO sample_group (org_id, device_id, key, interval_s)
    SELECT org_id, device_id, 'measurements', %(interval_s)s FROM devices RETURNING org_id, device_id, group_id
), channels AS (
    INSERT INTO channel (org_id, group_id, device_id, key, quantity, unit, position)
    SELECT org_id, group_id, device_id, 't' || k, 'temperature', 'Cel', k - 1 FROM made, generate_series(1, %(channels)s) AS k
)
SELECT group_id FROM made ORDER BY group_id

-- name: value_expression
(base + {position} + {minute}) / 10.0::float8

-- name: make_room
SELECT ensure_partitions('sample', ARRAY[%(at)s::timestamptz])

-- name: make_rollup_room
SELECT ensure_rollup_partitions('rollup_hour', ARRAY[%(at)s::timestamptz])

-- name: add_samples
INSERT INTO sample (group_id, "time", "values")
SELECT group_id, "time", ARRAY[{values}]
FROM (
    SELECT g AS group_id, t AS "time", (g * 7 + (extract(epoch FROM t)::int8 / 86400) * 31) %% 97 AS base,
        (extract(epoch FROM t)::int8 / 60) %% 60 AS minute
    FROM generate_series(%(begins)s::timestamptz, %(ends)s::timestamptz - INTERVAL '1 microsecond',
        make_interval(secs => %(interval_s)s)) AS t
    CROSS JOIN unnest(%(group_ids)s::int4[]) AS g
    ORDER BY t, g
) AS history

-- name: add_hours
INSERT INTO rollup_hour (group_id, samples, bucket, counts, minimum, maximum, mean, last)
SELECT group_id, 60, bucket, array_fill(60, ARRAY[%(channels)s::int4]), ARRAY[{low}], ARRAY[{high}], ARRAY[{mean}], ARRAY[{high}]
FROM (
    SELECT g AS group_id, t AS bucket, (g * 7 + (extract(epoch FROM t)::int8 / 86400) * 31) %% 97 AS base
    FROM generate_series(%(begins)s::timestamptz, %(ends)s::timestamptz - INTERVAL '1 microsecond', INTERVAL '1 hour') AS t
    CROSS JOIN unnest(%(group_ids)s::int4[]) AS g
    ORDER BY t, g
) AS history

-- name: add_days
INSERT INTO rollup_day (group_id, day, samples, counts, minimum, maximum, mean, last)
SELECT group_id, bucket::date, 1440, array_fill(1440, ARRAY[%(channels)s::int4]), ARRAY[{low}], ARRAY[{high}], ARRAY[{mean}], ARRAY[{high}]
FROM (
    SELECT g AS group_id, t AS bucket, (g * 7 + (extract(epoch FROM t)::int8 / 86400) * 31) %% 97 AS base
    FROM generate_series(%(begins)s::timestamptz, %(ends)s::timestamptz - INTERVAL '1 microsecond', INTERVAL '1 day') AS t
    CROSS JOIN unnest(%(group_ids)s::int4[]) AS g
    ORDER BY t, g
) AS history

-- name: add_latest
INSERT INTO latest (group_id, times, "values")
SELECT g, array_fill(%(at)s::timestamptz, ARRAY[%(channels)s::int4]), array_fill(20.5::float8, ARRAY[%(channels)s::int4])
FROM unnest(%(group_ids)s::int4[]) AS g

-- name: set_latest
INSERT INTO latest AS kept (group_id, times, "values", changes)
SELECT g, array_fill(%(at)s::timestamptz, ARRAY[%(channels)s::int4]), array_fill(%(value)s::float8, ARRAY[%(channels)s::int4]), 1
FROM unnest(%(group_ids)s::int4[]) AS g
ON CONFLICT (group_id) DO UPDATE SET times = excluded.times, "values" = excluded."values", quality = NULL,
    updated_at = now(), changed_by = pg_current_xact_id(), changes = kept.changes + 1

-- name: scan_latest
-- Within the server, as the least that a query over these values can cost.
SELECT count(value), max(value) FROM latest CROSS JOIN LATERAL unnest("values") AS value

-- name: read_latest
-- To a reader, a row for each value.
SELECT group_id, read."time", read.value FROM latest CROSS JOIN LATERAL unnest(times, "values") AS read ("time", value)

-- name: forget_progress
DELETE FROM rollup_progress

-- name: forget_horizon
DELETE FROM rollup_horizon

-- name: forget_rebuilds
DELETE FROM rollup_rebuild

-- name: set_horizon
INSERT INTO rollup_horizon (closed_to, settled_to) VALUES (%(at)s, %(at)s)

-- name: set_progress
INSERT INTO rollup_progress (level, zone, done_to) VALUES ('m5', '', %(at)s), ('hour', '', %(at)s), ('day', 'Etc/UTC', %(day)s)

-- name: analyze
ANALYZE sample, rollup_hour, rollup_day, latest, channel, sample_group

-- name: vacuum
VACUUM (ANALYZE) sample, rollup_hour, rollup_day, latest, channel, sample_group

-- name: checkpoint
CHECKPOINT

-- name: size
-- With all its partitions or chunks, which inherit from it: whole, and indexes alone.
WITH RECURSIVE parts AS (
    SELECT to_regclass(%(relation)s)::oid AS relation
    UNION ALL
    SELECT i.inhrelid FROM pg_inherits AS i JOIN parts AS p ON p.relation = i.inhparent
)
SELECT coalesce(sum(pg_total_relation_size(relation)), 0)::int8, coalesce(sum(pg_indexes_size(relation)), 0)::int8
FROM parts JOIN pg_class AS c ON c.oid = relation AND c.relkind = 'r'

-- name: channels
SELECT channel_id FROM channel WHERE group_id = ANY (%(group_ids)s) ORDER BY channel_id

-- name: alert_stages
-- By node, when an alert about it was written to fire, and when its message was claimed, in seconds since 1970.
SELECT n.slug, extract(epoch FROM min(t.at))::float8, extract(epoch FROM min(m.began_at))::float8
FROM alert AS a
JOIN node AS n ON n.node_id = a.node_id
JOIN alert_transition AS t ON t.alert_id = a.alert_id AND t.to_state = 'firing'
JOIN notify_outbox AS o ON o.incident_id = a.incident_id
JOIN notify_attempt AS m ON m.notification_id = o.notification_id
GROUP BY n.slug
