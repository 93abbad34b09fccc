-- How long what is kept, and what goes. {relation} is a table of samples or roll-ups, {time} its column of time.

-- name: policies
SELECT o.org_id, o.slug, d.retention_class, d.level,
    CASE WHEN r.org_id IS NULL THEN d.keep_days ELSE r.keep_days END, r.org_id IS NULL
FROM organisation AS o
CROSS JOIN retention_defaults() WITH ORDINALITY AS d (retention_class, level, keep_days, rank)
LEFT JOIN retention AS r
    ON r.org_id = o.org_id AND r.retention_class = d.retention_class AND r.level = d.level
WHERE %(org)s::text IS NULL OR o.slug = %(org)s
ORDER BY o.slug, d.rank

-- name: hold
-- One of those who set something for an organisation at a time: what one level may be, the others say.
SELECT org_id FROM organisation WHERE slug = %(org)s OR org_id = %(org_id)s FOR NO KEY UPDATE

-- name: kept
SELECT d.retention_class, d.level, CASE WHEN r.org_id IS NULL THEN d.keep_days ELSE r.keep_days END AS keep_days,
    d.keep_days AS default_days, coalesce(r.version, 0) AS version, r.set_at, r.set_by
FROM retention_defaults() WITH ORDINALITY AS d (retention_class, level, keep_days, rank)
LEFT JOIN retention AS r
    ON r.org_id = %(org_id)s AND r.retention_class = d.retention_class AND r.level = d.level
ORDER BY d.rank

-- name: archive_required_by
SELECT coalesce((SELECT required FROM archive_policy WHERE org_id = %(org_id)s), true)

-- name: set_archive_required
INSERT INTO archive_policy (org_id, required) VALUES (%(org_id)s, %(required)s)
ON CONFLICT (org_id) DO UPDATE SET required = excluded.required

-- name: set_policy
INSERT INTO retention AS r (org_id, retention_class, level, keep_days, set_by)
VALUES (%(org_id)s, %(retention_class)s, %(level)s, %(keep_days)s, %(author)s)
ON CONFLICT (org_id, retention_class, level) DO UPDATE
SET keep_days = excluded.keep_days, set_at = now(), set_by = excluded.set_by, version = r.version + 1

-- name: archive_required
SELECT o.org_id, coalesce(p.required, true)
FROM organisation AS o LEFT JOIN archive_policy AS p ON p.org_id = o.org_id

-- name: hold_archive_policies
-- Whoever says anything of archiving waits until this transaction has ended. It takes no snapshot: what is asked next sees
-- all that was said before.
LOCK TABLE archive_policy IN SHARE MODE

-- name: require_archive
INSERT INTO archive_policy (org_id, required)
SELECT org_id, %(required)s FROM organisation WHERE slug = %(org)s
ON CONFLICT (org_id) DO UPDATE SET required = excluded.required

-- name: shares
-- What each site has in [begins, ends) of groups whose (organisation, class) is due. By group, so that a span in which
-- nothing is left of them costs an index look-up each.
SELECT o.org_id, o.slug, s.site_id, s.slug, s.time_zone, g.retention_class,
    sum(x.rows)::int8, sum(x.bytes)::int8, min(x.first), max(x.last)
FROM sample_group AS g
JOIN device AS d ON d.device_id = g.device_id
JOIN node AS n ON n.node_id = d.node_id
JOIN site AS s ON s.site_id = n.site_id
JOIN organisation AS o ON o.org_id = g.org_id
JOIN unnest(%(org_ids)s::int4[], %(classes)s::text[]) AS due (org_id, retention_class)
    ON due.org_id = g.org_id AND due.retention_class = g.retention_class
CROSS JOIN LATERAL (
    SELECT count(*) AS rows, sum(pg_column_size(r.*)) AS bytes, min(r.{time}) AS first, max(r.{time}) AS last
    FROM {relation} AS r
    WHERE r.group_id = g.group_id AND r.{time} >= %(begins)s AND r.{time} < %(ends)s
) AS x
WHERE x.rows > 0
GROUP BY o.org_id, o.slug, s.site_id, s.slug, s.time_zone, g.retention_class
ORDER BY o.slug, s.slug, g.retention_class

-- name: others
-- Whether anybody else has a row there.
SELECT EXISTS (
    SELECT FROM sample_group AS g
    CROSS JOIN LATERAL (
        SELECT FROM {relation} AS r
        WHERE r.group_id = g.group_id AND r.{time} >= %(begins)s AND r.{time} < %(ends)s LIMIT 1
    ) AS there
    WHERE NOT EXISTS (
        SELECT FROM unnest(%(org_ids)s::int4[], %(classes)s::text[]) AS due (org_id, retention_class)
        WHERE due.org_id = g.org_id AND due.retention_class = g.retention_class))

-- name: any_samples
-- Whether a site has samples of a class in [begins, ends).
SELECT EXISTS (
    SELECT FROM sample_group AS g
    JOIN device AS d ON d.device_id = g.device_id
    JOIN node AS n ON n.node_id = d.node_id
    CROSS JOIN LATERAL (
        SELECT FROM {relation} AS r
        WHERE r.group_id = g.group_id AND r.{time} >= %(begins)s AND r.{time} < %(ends)s LIMIT 1
    ) AS there
    WHERE n.site_id = %(site_id)s AND g.retention_class = %(retention_class)s)

-- name: rolled_up
-- Whether every roll-up of a site that reaches into a span is made, and none of them is to be made again.
SELECT
    coalesce((SELECT bool_and(done_to >= %(ends)s) FROM rollup_progress WHERE level IN ('m5', 'hour')), false)
    AND coalesce((SELECT bool_and(done_to >= %(ends)s) FROM rollup_progress
        WHERE level = 'day' AND zone = %(zone)s), false)
    AND NOT EXISTS (SELECT FROM rollup_rebuild WHERE site_id = %(site_id)s)
    AND NOT EXISTS (
        SELECT FROM rollup_touched AS t
        JOIN sample_group AS g ON g.group_id = t.group_id
        JOIN device AS d ON d.device_id = g.device_id
        JOIN node AS n ON n.node_id = d.node_id
        WHERE n.site_id = %(site_id)s AND g.retention_class = %(retention_class)s AND t.bucket < %(ends)s
            AND t.bucket >= coalesce(
                (SELECT kept_from FROM raw_horizon
                 WHERE site_id = %(site_id)s AND retention_class = %(retention_class)s), '-infinity'))

-- name: held
SELECT EXISTS (
    SELECT FROM raw_restored
    WHERE site_id = %(site_id)s AND retention_class = %(retention_class)s
        AND during && tstzrange(%(begins)s, %(ends)s))

-- name: lock_turn
-- Retention, archive and restore take turns; the lock goes with the session.
SELECT pg_try_advisory_lock(hashtextextended('siloscope retention', 0))

-- name: unlock_turn
SELECT pg_advisory_unlock(hashtextextended('siloscope retention', 0))

-- name: lock_rollups
-- The roll-up job holds it in each of its transactions: none of them sees the horizon move.
SELECT pg_advisory_xact_lock(hashtextextended('siloscope raw horizon', 0))

-- name: first_midnight
-- The first local midnight at or after an instant.
SELECT min(midnight)
FROM (
    SELECT day_start((%(at)s::timestamptz AT TIME ZONE %(zone)s)::date + step, %(zone)s) AS midnight
    FROM generate_series(0, 2) AS step
) AS near
WHERE midnight >= %(at)s

-- name: move_horizon
INSERT INTO raw_horizon AS h (site_id, retention_class, org_id, kept_from)
VALUES (%(site_id)s, %(retention_class)s, %(org_id)s, %(kept_from)s)
ON CONFLICT (site_id, retention_class) DO UPDATE SET kept_from = excluded.kept_from, moved_at = now()
WHERE excluded.kept_from > h.kept_from

-- name: freeze
-- For whoever asks by organisation: samples of some site of it may be gone before then.
INSERT INTO rollup_frozen AS f (org_id, retention_class, before)
VALUES (%(org_id)s, %(retention_class)s, %(kept_from)s)
ON CONFLICT (org_id, retention_class) DO UPDATE SET before = excluded.before WHERE excluded.before > f.before

-- name: end_holds
-- Spans that were restored and are held no longer; what came meanwhile goes into their files first.
WITH ended AS (
    DELETE FROM raw_restored WHERE held_until <= %(now)s
    RETURNING org_id, site_id, retention_class, during
)
INSERT INTO archive_due (org_id, site_id, retention_class, day, cause)
SELECT DISTINCT e.org_id, e.site_id, e.retention_class, day::date, 'restored'
FROM ended AS e
JOIN site AS s ON s.site_id = e.site_id
CROSS JOIN LATERAL generate_series(
    (lower(e.during) AT TIME ZONE s.time_zone)::date,
    ((upper(e.during) - INTERVAL '1 microsecond') AT TIME ZONE s.time_zone)::date, INTERVAL '1 day') AS day

-- name: take_late_marks
-- Marks behind the horizon are for us: their samples came after their raw samples may have gone. Each names the local
-- dates that its hour meets.
WITH taken AS (
    DELETE FROM rollup_touched AS t
    USING sample_group AS g, device AS d, node AS n, site AS s, raw_horizon AS h
    WHERE g.group_id = t.group_id AND d.device_id = g.device_id AND n.node_id = d.node_id AND s.site_id = n.site_id
        AND h.site_id = s.site_id AND h.retention_class = g.retention_class AND t.bucket < h.kept_from
        AND NOT raw_is_whole(t.group_id, t.bucket, t.bucket + INTERVAL '1 hour')
    RETURNING g.org_id, s.site_id, s.time_zone, g.retention_class, t.bucket
)
INSERT INTO archive_due (org_id, site_id, retention_class, day, cause)
SELECT DISTINCT org_id, site_id, retention_class, day, 'late'
FROM taken
CROSS JOIN LATERAL (VALUES
    ((bucket AT TIME ZONE time_zone)::date),
    (((bucket + INTERVAL '1 hour' - INTERVAL '1 microsecond') AT TIME ZONE time_zone)::date)
) AS of_hour (day)

-- name: forget_due
DELETE FROM archive_due WHERE org_id = %(org_id)s

-- name: late_days
SELECT site_id, retention_class, day, max(due_id) FROM archive_due WHERE cause = 'late'
GROUP BY site_id, retention_class, day ORDER BY site_id, retention_class, day

-- name: settle_late
DELETE FROM archive_due
WHERE site_id = %(site_id)s AND retention_class = %(retention_class)s AND day = %(day)s AND cause = 'late'
    AND due_id <= %(last_due)s

-- name: settle_incomplete
-- Nothing is to be made again of what is left of such a day; what came late goes into its file.
UPDATE archive_due SET cause = 'restored'
WHERE site_id = %(site_id)s AND retention_class = %(retention_class)s AND day = %(day)s AND cause = 'late'
    AND due_id <= %(last_due)s

-- name: begin_emptying
UPDATE archive_file SET emptying_since = %(now)s
WHERE site_id = %(site_id)s AND retention_class = %(retention_class)s AND day = ANY (%(days)s::date[])
    AND emptying_since IS NULL

-- name: hurry
-- Who waits for a lock holds up everybody behind: rather try again at the next run.
SET LOCAL lock_timeout = '300ms'

-- name: lock_relation
LOCK TABLE ONLY {relation} IN ACCESS EXCLUSIVE MODE

-- name: anything_late
-- Asked under the lock of the span: whoever wrote into it has committed his mark, and nobody writes now.
SELECT EXISTS (
    SELECT FROM rollup_touched AS t JOIN sample_group AS g ON g.group_id = t.group_id
    WHERE g.retention_class = %(retention_class)s AND t.bucket < %(ends)s AND t.bucket + INTERVAL '1 hour' > %(begins)s)

-- name: groups_of_share
SELECT g.group_id
FROM sample_group AS g
JOIN device AS d ON d.device_id = g.device_id
JOIN node AS n ON n.node_id = d.node_id
WHERE n.site_id = %(site_id)s AND g.retention_class = %(retention_class)s ORDER BY g.group_id

-- name: repeatable
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ

-- name: late_in_group
-- Asked in the snapshot of delete_rows: a late sample and its mark are both in it, or neither. In one statement with it,
-- TimescaleDB 2.19 fails ("variable not found in subplan target list").
SELECT EXISTS (
    SELECT FROM rollup_touched AS t
    WHERE t.group_id = %(group_id)s AND t.bucket < %(ends)s AND t.bucket + INTERVAL '1 hour' > %(begins)s)

-- name: delete_rows
-- One group, and of samples at most a day.
DELETE FROM {relation} WHERE group_id = %(group_id)s AND {time} >= %(begins)s AND {time} < %(ends)s

-- name: old_days
SELECT o.org_id, o.slug, g.retention_class, count(*), min(r.day), max(r.day), sum(pg_column_size(r.*))::int8
FROM rollup_day AS r
JOIN sample_group AS g ON g.group_id = r.group_id
JOIN organisation AS o ON o.org_id = g.org_id
JOIN unnest(%(org_ids)s::int4[], %(classes)s::text[], %(befores)s::timestamptz[]) AS due (org_id, retention_class, before)
    ON due.org_id = g.org_id AND due.retention_class = g.retention_class AND r.day < due.before::date
GROUP BY o.org_id, o.slug, g.retention_class ORDER BY o.slug, g.retention_class

-- name: delete_days
DELETE FROM rollup_day
WHERE (group_id, day) IN (
    SELECT r.group_id, r.day FROM rollup_day AS r JOIN sample_group AS g ON g.group_id = r.group_id
    WHERE g.org_id = %(org_id)s AND g.retention_class = %(retention_class)s AND r.day < %(before)s::timestamptz::date
    LIMIT %(most)s)

-- name: old_conflicts
SELECT o.org_id, o.slug, count(*), min(c.at), max(c.at), sum(pg_column_size(c.*))::int8
FROM sample_conflict AS c
JOIN sample_group AS g ON g.group_id = c.group_id
JOIN organisation AS o ON o.org_id = g.org_id
JOIN unnest(%(org_ids)s::int4[], %(befores)s::timestamptz[]) AS due (org_id, before)
    ON due.org_id = o.org_id AND c.at < due.before
GROUP BY o.org_id, o.slug ORDER BY o.slug

-- name: delete_conflicts
DELETE FROM sample_conflict WHERE conflict_id IN (
    SELECT c.conflict_id FROM sample_conflict AS c JOIN sample_group AS g ON g.group_id = c.group_id
    WHERE g.org_id = %(org_id)s AND c.at < %(before)s LIMIT %(most)s)

-- name: old_gaps
SELECT o.org_id, o.slug, count(*), min(r.at), max(r.at), sum(pg_column_size(r.*))::int8
FROM gap_record AS r
JOIN organisation AS o ON o.org_id = r.org_id
JOIN unnest(%(org_ids)s::int4[], %(befores)s::timestamptz[]) AS due (org_id, before)
    ON due.org_id = o.org_id AND r.at < due.before
GROUP BY o.org_id, o.slug ORDER BY o.slug

-- name: delete_gaps
DELETE FROM gap_record WHERE gap_id IN (
    SELECT gap_id FROM gap_record WHERE org_id = %(org_id)s AND at < %(before)s LIMIT %(most)s)

-- name: old_undated
SELECT o.org_id, o.slug, count(*), min(u.arrived_at), max(u.arrived_at), sum(pg_column_size(u.*))::int8
FROM undated AS u
JOIN organisation AS o ON o.org_id = u.org_id
JOIN unnest(%(org_ids)s::int4[], %(befores)s::timestamptz[]) AS due (org_id, before)
    ON due.org_id = o.org_id AND u.arrived_at < due.before
GROUP BY o.org_id, o.slug ORDER BY o.slug

-- name: delete_undated
DELETE FROM undated WHERE undated_id IN (
    SELECT undated_id FROM undated WHERE org_id = %(org_id)s AND arrived_at < %(before)s LIMIT %(most)s)

-- name: old_alerts
-- Those that are over, as their cause is: by when that was written, since an alert about the past ended long ago.
SELECT o.org_id, o.slug, count(*), min(a.changed_at), max(a.changed_at), sum(pg_column_size(a.*))::int8
FROM alert AS a
JOIN organisation AS o ON o.org_id = a.org_id
JOIN unnest(%(org_ids)s::int4[], %(befores)s::timestamptz[]) AS due (org_id, before)
    ON due.org_id = o.org_id AND a.changed_at < due.before
WHERE a.ended_at IS NOT NULL
    AND NOT EXISTS (SELECT FROM alert_incident AS i WHERE i.incident_id = a.incident_id AND i.closed_at IS NULL)
    AND NOT EXISTS (SELECT FROM alert_state AS s WHERE s.alert_id = a.alert_id)
GROUP BY o.org_id, o.slug ORDER BY o.slug

-- name: delete_alerts
-- With their transitions and what people did about them.
WITH old AS MATERIALIZED (
    SELECT a.alert_id FROM alert AS a
    WHERE a.org_id = %(org_id)s AND a.changed_at < %(before)s AND a.ended_at IS NOT NULL
        AND NOT EXISTS (SELECT FROM alert_incident AS i WHERE i.incident_id = a.incident_id AND i.closed_at IS NULL)
        AND NOT EXISTS (SELECT FROM alert_state AS s WHERE s.alert_id = a.alert_id)
    LIMIT %(most)s
), steps AS (
    DELETE FROM alert_transition WHERE alert_id IN (SELECT alert_id FROM old)
), deeds AS (
    DELETE FROM alert_action WHERE alert_id IN (SELECT alert_id FROM old)
), freed AS (
    UPDATE alert SET inhibited_by = NULL
    WHERE inhibited_by IN (SELECT alert_id FROM old) AND alert_id NOT IN (SELECT alert_id FROM old)
)
DELETE FROM alert WHERE alert_id IN (SELECT alert_id FROM old)

-- name: delete_incidents
-- Causes that are over, of which neither an alert nor a message is left.
WITH old AS MATERIALIZED (
    SELECT i.incident_id FROM alert_incident AS i
    WHERE i.org_id = %(org_id)s AND i.closed_at < %(before)s
        AND NOT EXISTS (SELECT FROM alert AS a WHERE a.incident_id = i.incident_id)
        AND NOT EXISTS (SELECT FROM notify_outbox AS m WHERE m.incident_id = i.incident_id)
    LIMIT %(most)s
), ladders AS (
    DELETE FROM notify_ladder WHERE incident_id IN (SELECT incident_id FROM old)
)
DELETE FROM alert_incident WHERE incident_id IN (SELECT incident_id FROM old)

-- name: old_messages
-- Those that are on their way to nobody, and whose cause is over: while it is not, they say who was told.
SELECT o.org_id, o.slug, count(*), min(m.enqueued_at), max(m.enqueued_at), sum(pg_column_size(m.*))::int8
FROM notify_outbox AS m
JOIN organisation AS o ON o.org_id = m.org_id
JOIN unnest(%(org_ids)s::int4[], %(befores)s::timestamptz[]) AS due (org_id, before)
    ON due.org_id = o.org_id AND m.enqueued_at < due.before
WHERE m.state IN ('delivered', 'held', 'given_up')
    AND NOT EXISTS (SELECT FROM alert_incident AS i WHERE i.incident_id = m.incident_id AND i.closed_at IS NULL)
GROUP BY o.org_id, o.slug ORDER BY o.slug

-- name: delete_messages
DELETE FROM notify_outbox WHERE notification_id IN (
    SELECT m.notification_id FROM notify_outbox AS m
    WHERE m.org_id = %(org_id)s AND m.enqueued_at < %(before)s AND m.state IN ('delivered', 'held', 'given_up')
        AND NOT EXISTS (SELECT FROM alert_incident AS i WHERE i.incident_id = m.incident_id AND i.closed_at IS NULL)
    LIMIT %(most)s)
