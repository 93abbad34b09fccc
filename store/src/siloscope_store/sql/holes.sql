-- Holes between stored samples: looked for once an hour has settled, and again where late samples or removed ones changed it.

-- name: unsearched
-- Groups that lag behind by an hour or more, with what their holes are looked for in.
SELECT g.group_id, g.retention_class, r.settled_to
FROM rollup_horizon AS r
CROSS JOIN sample_group AS g
LEFT JOIN hole_progress AS h ON h.group_id = g.group_id
WHERE (h.group_id IS NULL OR h.done_to <= r.settled_to - INTERVAL '1 hour')
    AND EXISTS (SELECT FROM group_expectation AS e WHERE e.group_id = g.group_id)
ORDER BY g.group_id
LIMIT %(most)s

-- name: search
INSERT INTO sample_hole (group_id, after, before)
SELECT DISTINCT w.group_id, h.after, h.before
FROM unnest(%(group_ids)s::int4[]) AS w (group_id)
LEFT JOIN hole_progress AS p ON p.group_id = w.group_id
JOIN (
    SELECT *, lead(since, 1, 'infinity') OVER (PARTITION BY group_id ORDER BY since) AS before
    FROM expected_spans(%(group_ids)s::int4[])
) AS e ON e.group_id = w.group_id
CROSS JOIN LATERAL {reader}(
    w.group_id, greatest(p.done_to, e.since), least(%(ends)s::timestamptz, e.before), make_interval(secs => 1.5 * e.interval_s)) AS h
WHERE h.before < %(ends)s AND greatest(p.done_to, e.since) < least(%(ends)s::timestamptz, e.before)
ON CONFLICT (group_id, before) DO UPDATE SET after = excluded.after

-- name: note_searched
INSERT INTO hole_progress AS h (group_id, first_time, done_to)
SELECT w.group_id, x.first_time, %(ends)s::timestamptz
FROM unnest(%(group_ids)s::int4[]) AS w (group_id)
CROSS JOIN LATERAL {ends}(w.group_id) AS x
ON CONFLICT (group_id) DO UPDATE SET first_time = least(h.first_time, excluded.first_time), done_to = excluded.done_to

-- name: take_touched
WITH taken AS (
    DELETE FROM hole_touched WHERE ctid = ANY (ARRAY(SELECT ctid FROM hole_touched LIMIT %(most)s)) RETURNING group_id, bucket
)
SELECT DISTINCT t.group_id, t.bucket, g.retention_class
FROM taken AS t
JOIN sample_group AS g ON g.group_id = t.group_id
JOIN hole_progress AS h ON h.group_id = t.group_id AND t.bucket < h.done_to
LEFT JOIN rollup_frozen AS f ON f.org_id = g.org_id AND f.retention_class = g.retention_class
-- What holes there were is known of samples that were dropped since; from what is left nobody could tell.
WHERE f.before IS NULL OR t.bucket >= f.before
ORDER BY t.group_id, t.bucket

-- name: forget_holes
DELETE FROM sample_hole AS h
USING unnest(%(group_ids)s::int4[], %(hours)s::timestamptz[]) AS w (group_id, hour)
WHERE h.group_id = w.group_id AND h.before >= w.hour AND h.after < w.hour + INTERVAL '1 hour'
RETURNING h.group_id, h.after

-- name: search_again
INSERT INTO sample_hole (group_id, after, before)
SELECT DISTINCT w.group_id, h.after, h.before
FROM unnest(%(group_ids)s::int4[], %(hours)s::timestamptz[]) AS w (group_id, hour)
JOIN hole_progress AS p ON p.group_id = w.group_id
JOIN (
    SELECT *, lead(since, 1, 'infinity') OVER (PARTITION BY group_id ORDER BY since) AS before
    FROM expected_spans(%(group_ids)s::int4[])
) AS e ON e.group_id = w.group_id
CROSS JOIN LATERAL {reader}(
    w.group_id, greatest(w.hour, e.since), least(w.hour + INTERVAL '1 hour', e.before), make_interval(secs => 1.5 * e.interval_s)) AS h
WHERE h.before < p.done_to AND greatest(w.hour, e.since) < least(w.hour + INTERVAL '1 hour', e.before)
ON CONFLICT (group_id, before) DO UPDATE SET after = excluded.after

-- name: keep_older_ends
-- A hole whose first sample was dropped since: it still begins there, and ends with the first sample that is left.
INSERT INTO sample_hole (group_id, after, before)
SELECT w.group_id, min(w.after), x.first_time
FROM unnest(%(group_ids)s::int4[], %(after)s::timestamptz[]) AS w (group_id, after)
CROSS JOIN LATERAL {ends}(w.group_id) AS x
WHERE w.after < x.first_time
GROUP BY w.group_id, x.first_time
ON CONFLICT (group_id, before) DO NOTHING

-- name: note_first
UPDATE hole_progress AS h SET first_time = least(h.first_time, x.first_time)
FROM (SELECT DISTINCT unnest(%(group_ids)s::int4[]) AS group_id) AS w
CROSS JOIN LATERAL {ends}(w.group_id) AS x
WHERE h.group_id = w.group_id AND x.first_time < coalesce(h.first_time, 'infinity')

-- name: touched_left
SELECT EXISTS (SELECT FROM hole_touched)
